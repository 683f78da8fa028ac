"""The rule by which two texts are near-duplicates: shingles, permutations, bands, threshold.

Numbers only; nothing here reads text. The complete scheme goes into every manifest, because
signatures of different schemes cannot be compared.
"""

import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.errors import SettingsError

_IMPORTING = Lock()


@dataclass(frozen=True, slots=True)
class Scheme:
    """The rule, and the collision curve of its defaults.

    Two texts become candidates if all `rows` minima of at least one of `bands` bands agree. For
    texts of Jaccard similarity s, the probability is 1 - (1 - s^rows)^bands. Every candidate is
    then verified by its exact similarity, so bands affect time and never precision. At the
    defaults, 21 bands of 6 rows:

        s            0.3    0.4    0.5    0.6    0.7    0.8    0.85   0.9    0.95
        candidate    .015   .083   .282   .633   .928   .998   1.000  1.000  1.000

    so one pair in 600 is missed *at* the threshold, and fewer above it. datasketch's choice for the
    same threshold and permutations (9 bands of 13 rows) would miss 60 of 100 there, 16 bands of 8
    rows 5 of 100.
    """

    num_perm: int = 128
    """Permutations, K: minima in one signature."""
    bands: int = 21
    rows: int = 6
    """Minima per band; bands * rows <= num_perm."""
    threshold: float = 0.8
    """Jaccard similarity of shingle sets from which on two texts are duplicates."""
    shingle: int = 5
    """Words in a shingle. A text with fewer words is one shingle."""
    seed: int = 1
    """Seed of the permutations."""
    bucket: int = 64
    """Texts that share a band key are compared with the first this many of them, in the order of
    ids, and with the one before; comparisons left out are counted.
    """

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise SettingsError(
                f"wanted a threshold above 0 and at most 1, got {self.threshold}: 0.8 is usual"
            )
        for name in ("num_perm", "bands", "rows", "shingle", "bucket"):
            value = getattr(self, name)
            if value < 1:
                raise SettingsError(f"wanted {name} of at least 1, got {value}")
        if self.bands * self.rows > self.num_perm:
            raise SettingsError(
                f"wanted bands * rows of at most num_perm = {self.num_perm}, got {self.bands} * "
                f"{self.rows}: lower one of them or raise num_perm"
            )

    @classmethod
    def at(cls, threshold: float, shingle: int = 5, num_perm: int = 128) -> "Scheme":
        """The scheme with the longest bands that miss at most one pair in 500 at `threshold`.

        Longer bands mean fewer candidates to verify. `Scheme.at(0.8)` is `Scheme()`;
        `Scheme.at(0.5)` has 64 bands of 2 rows, `Scheme.at(0.9)` 14 of 9.
        """
        for rows in range(num_perm, 0, -1):
            scheme = cls(num_perm, num_perm // rows, rows, threshold, shingle)
            if scheme.collision(threshold) >= 0.998:
                return scheme
        return cls(num_perm, num_perm, 1, threshold, shingle)

    def collision(self, similarity: float) -> float:
        """Probability that two texts of this Jaccard similarity become candidates."""
        return float(1.0 - (1.0 - similarity**self.rows) ** self.bands)

    def ratio(self) -> tuple[int, int]:
        """The threshold as a fraction p/q of integers, so that a pair exactly at it counts."""
        exact = Fraction(self.threshold).limit_denominator(10**6)
        return exact.numerator, exact.denominator

    def record(self) -> dict[str, str | int | float]:
        """For a manifest: everything needed to compute the same signatures elsewhere."""
        return {
            "name": "datasketch-affine32",
            "text": "nfc-casefold-words",
            "hash": "xxh32",
            **asdict(self),
        }


@cache
def permutations(num_perm: int, seed: int) -> npt.NDArray[np.uint32]:
    """datasketch's permutations h -> a*h + b mod 2^32: uint32 [2, K], the rows being a and b."""
    coefficients: npt.NDArray[np.uint32] = minhash()(
        num_perm=num_perm, seed=seed, scheme="affine32"
    ).permutations
    return coefficients


@cache
def minhash() -> Any:
    """The class `datasketch.MinHash`, without the rest of that package.

    The rest imports scipy to choose bands, which `Scheme.at` does here, and takes more than two
    seconds of CPU to import: longer than the work on some hundred dialogues.
    """
    with _IMPORTING:
        spec = find_spec("datasketch")
        if "datasketch" in sys.modules or spec is None or spec.submodule_search_locations is None:
            return import_module("datasketch").MinHash
        package = ModuleType("datasketch")
        package.__path__ = spec.submodule_search_locations
        sys.modules["datasketch"] = package
        try:
            return import_module("datasketch.minhash").MinHash
        finally:  # a later import still gets the whole package
            for name in [name for name in sys.modules if name.partition(".")[0] == "datasketch"]:
                del sys.modules[name]
