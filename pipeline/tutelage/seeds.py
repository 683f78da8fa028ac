"""Ids and seeds by digest, so that the same run has the same ids on every machine.

Python's own `hash()` differs between processes and is never used for this.
"""

from hashlib import blake2b

Part = str | int | float | bool | None


def digest(*parts: Part, size: int = 16) -> str:
    """A hex digest of `size` characters over `parts`.

    Each part is preceded by its length, so `digest("a", "bc") != digest("ab", "c")`.
    """
    framed: list[bytes] = []
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        framed += (len(data).to_bytes(8, "little"), data)
    return blake2b(b"".join(framed), digest_size=(size + 1) // 2).hexdigest()[:size]


def seed(*parts: Part) -> int:
    """A seed in [0, 2**31), a range that every engine's sampler accepts."""
    return int(digest(*parts, size=8), 16) >> 1


def fraction(*parts: Part) -> float:
    """A number in [0, 1) that replaces a random draw, so that it can be repeated and checked."""
    return int(digest(*parts, size=13), 16) / 16**13
