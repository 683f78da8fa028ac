"""Names and seeds by digest, so that the same run gives the same ids on any machine.

Python's own `hash()` differs from process to process and is used nowhere.
"""

import hashlib

Part = str | int | float | bool | None


def digest(*parts: Part, size: int = 16) -> str:
    """A hex digest of `size` characters over `parts`, which may not be confused for one another.

    `digest("a", "bc") != digest("ab", "c")`: each part is preceded by its length.
    """
    hasher = hashlib.blake2b(digest_size=(size + 1) // 2)
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()[:size]


def seed(*parts: Part) -> int:
    """A seed in [0, 2**31), which every engine's sampler accepts."""
    return int(digest(*parts, size=8), 16) >> 1


def fraction(*parts: Part) -> float:
    """A number in [0, 1) that stands for a draw, so that a draw can be repeated and checked."""
    return int(digest(*parts, size=13), 16) / 16**13
