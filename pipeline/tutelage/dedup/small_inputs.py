"""Handles small inputs without a compiler: datasketch computes signatures, Python sets are
compared.

numba takes a second to import and its kernels another one to load (ten if they are not cached yet);
a few hundred texts are done sooner. The results are identical to those of `minhash_kernels` and
`pair_kernels`; only the time differs. The rule is in `pairs`.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, compress

import numpy as np
import numpy.typing as npt

from tutelage.dedup.scheme import Scheme, minhash
from tutelage.dedup.words import encode, spread

Hashes = npt.NDArray[np.uint32]
Bounds = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int32]

_SUFFICES = 8_000_000
"""Bytes of text in this process up to which this is faster than importing and loading the kernels."""
_MOST_PAIRS = 100_000
"""Number of pairs of texts up to which comparing sets is faster."""

_bytes_so_far = 0


def suffices(size: int) -> bool:
    """Whether the input is still small after `size` more bytes; counts everything in this process."""
    global _bytes_so_far
    _bytes_so_far += size
    return _bytes_so_far < _SUFFICES


def shingle(texts: Sequence[str], size: int) -> tuple[list[bytes], Hashes, Bounds]:
    """The normalised texts, and the distinct hashes of their runs of `size` words.

    Returns the texts, the hashes (uint32, each text's sorted, one text after another) and the start
    of each text's hashes (int64 [n + 1]).
    """
    from xxhash import xxh32_intdigest

    normalised = [encode(spread(text)) for text in texts]
    sets: list[list[int]] = []
    for text in normalised:
        words = text.split(b" ") if text else []
        runs = range(max(1, len(words) - size + 1)) if words else ()
        sets.append(sorted({xxh32_intdigest(b" ".join(words[i : i + size])) for i in runs}))
    bounds = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    return normalised, np.fromiter(chain(*sets), np.uint32, int(bounds[-1])), bounds


def signatures(hashes: Hashes, bounds: Bounds, scheme: Scheme) -> Hashes:
    """MinHash signatures, uint32 [n, K]; all ones for a text without shingles."""
    minhashes = minhash().generator(
        np.split(hashes, bounds[1:-1]),
        num_perm=scheme.num_perm,
        seed=scheme.seed,
        hashfunc=int,
        scheme="affine32",
    )
    rows = [signature.hashvalues for signature in minhashes][: len(bounds) - 1]
    return np.array(rows, np.uint32).reshape(-1, scheme.num_perm)


def verified_pairs(
    keys: Hashes, sets: Sequence[Hashes], scheme: Scheme
) -> tuple[Pairs, int, int, int] | None:
    """Pairs (x, y) of documents, y < x, that share a band key and are alike, in ascending order.

    Args:
        keys: uint32 [n, bands].
        sets: the shingle hashes of each document.
        scheme: the rule.

    Returns:
        The pairs (int32 [e, 2]), the number of comparisons, the number of keys with comparisons
            left out,
        and the number of these comparisons; None if there are too many pairs for this module.
    """
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    compared: list[tuple[int, int]] = []
    for x, (row, is_shared) in enumerate(zip(keys.tolist(), _shared(keys).tolist(), strict=True)):
        others: set[int] = set()
        for band in compress(enumerate(row), is_shared):
            earlier = members[band]
            others.update(earlier[: scheme.bucket], earlier[-1:])
            earlier.append(x)
        compared += [(x, y) for y in sorted(others)]
        if len(compared) > _MOST_PAIRS:
            return None
    pairs = np.array(compared, np.int32).reshape(-1, 2)
    pairs = pairs[are_alike(sets, pairs, scheme)]
    left_out = [len(documents) - scheme.bucket - 2 for documents in members.values()]
    left_out = [excess * (excess + 1) // 2 for excess in left_out if excess > 0]
    return pairs, len(compared), len(left_out), sum(left_out)


def _shared(keys: Hashes) -> npt.NDArray[np.bool_]:
    """Whether another document has the same key in the same band, bool [n, bands]."""
    shared = np.zeros(keys.shape, np.bool_)
    for band, column in enumerate(keys.T):
        _, key, documents = np.unique(column, return_inverse=True, return_counts=True)
        shared[:, band] = documents[key] > 1
    return shared


def are_alike(sets: Sequence[Hashes], pairs: Pairs, scheme: Scheme) -> npt.NDArray[np.bool_]:
    """Whether each pair is alike, bool [e]; `sets` are the shingle hashes of each document."""
    p, q = scheme.ratio()
    shingles = {d: frozenset(sets[d].tolist()) for d in np.unique(pairs).tolist()}
    alike = np.zeros(len(pairs), np.bool_)
    for e, (x, y) in enumerate(pairs.tolist()):
        shared = len(shingles[x] & shingles[y])
        alike[e] = shared * (p + q) >= p * (len(shingles[x]) + len(shingles[y]))
    return alike
