"""A compact set for millions of keys: eight bytes per key, where a Python set takes 130."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np

_LOOSE = 10_000


class Keys:
    """A set to which keys can be added. Two keys are equal if 64-bit digests of them are."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._sorted = np.empty(0, np.uint64).data
        self._loose: set[int] = set()
        for key in keys:
            self.add(key)

    def __contains__(self, key: object) -> bool:
        return self._has(_number(str(key)))

    def __len__(self) -> int:
        return len(self._sorted) + len(self._loose)

    def add(self, key: str) -> None:
        """Adds a key, unless it is there already."""
        number = _number(key)
        if self._has(number):
            return
        self._loose.add(number)
        if len(self._loose) > max(_LOOSE, len(self._sorted) // 32):
            loose = np.fromiter(self._loose, np.uint64, len(self._loose))
            self._sorted = np.sort(np.concatenate([self._sorted, loose])).data
            self._loose = set()

    def _has(self, number: int) -> bool:
        if number in self._loose:
            return True
        # Not `np.searchsorted`: it releases the GIL, and this thread would then wait to get it back.
        at = bisect_left(self._sorted, number)
        return at < len(self._sorted) and self._sorted[at] == number


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
