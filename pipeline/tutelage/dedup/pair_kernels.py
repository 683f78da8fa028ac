"""From band keys to verified pairs: inner loops, compiled by numba.

`minhash_kernels` describes the properties of all kernels. Letters: n documents, B bands, e edges.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.dedup import consequences
from tutelage.dedup.minhash_kernels import Bounds, Hashes, compiled

Table = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int32]
Maps = npt.NDArray[np.uint64]

_U = np.uint32


def empty_maps(spans: Bounds) -> Maps:
    """Allocates a small bitmap for each document, uint64 [n, 2**m].

    Eight to sixteen bits per hash of a document of average length. These few cache lines usually
    tell a look-alike from a duplicate without reading its hashes.
    """
    mean = float(np.diff(spans).mean()) if len(spans) else 0.0
    bits = min(max(int(8 * mean).bit_length(), 6), 13)
    return np.zeros((len(spans), 1 << (bits - 6)), np.uint64)


@compiled
def fill_maps(values: Hashes, spans: Bounds, maps: Maps, which: Bounds) -> None:
    """Sets a bit for each hash of the documents `which`, by the top bits of the hash."""
    shift = 32
    while 64 * maps.shape[1] > 1 << (32 - shift):
        shift -= 1
    for d in which:
        for i in range(spans[d, 0], spans[d, 1]):
            bit = values[i] >> _U(shift)
            maps[d, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)


@compiled
def _lacks(maps: Maps, x: Any, y: Any) -> Any:
    """Number of bits in x that y lacks: at least this many hashes of x are not among those of y."""
    lacking = np.uint64(0)
    for word in range(maps.shape[1]):
        v = maps[x, word] & ~maps[y, word]
        v -= (v >> np.uint64(1)) & np.uint64(0x5555555555555555)
        v = (v & np.uint64(0x3333333333333333)) + (
            (v >> np.uint64(2)) & np.uint64(0x3333333333333333)
        )
        v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        lacking += (v * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.int64(lacking)


@compiled
def _similar(values: Hashes, spans: Bounds, maps: Maps, x: Any, y: Any, p: int, q: int) -> Any:
    """Whether documents x and y have Jaccard similarity of at least p/q. Stops once they cannot."""
    i, i_end = spans[x, 0], spans[x, 1]
    j, j_end = spans[y, 0], spans[y, 1]
    # shared / (|x| + |y| - shared) >= p / q, in integers
    wanted = (p * (i_end - i + j_end - j) + p + q - 1) // (p + q)
    spare_x = i_end - i - wanted
    spare_y = j_end - j - wanted
    if spare_x < 0 or spare_y < 0 or _lacks(maps, x, y) > spare_x:
        return False
    while i < i_end and j < j_end:
        u, v = values[i], values[j]
        if u == v:
            i += 1
            j += 1
        elif u < v:
            i += 1
            spare_x -= 1
            if spare_x < 0:
                return False
        else:
            j += 1
            spare_y -= 1
            if spare_y < 0:
                return False
    return spare_x >= i_end - i and spare_y >= j_end - j


@compiled
def meet(
    order: npt.NDArray[np.uint64], bucket: int, begins: Positions, base: int
) -> tuple[Hashes, Positions, int, int]:
    """Groups documents by key in one band; documents that share their key with no other cost
    nothing.

    `order` (uint64 [n]) is key << 32 | document, sorted. Returns `members` (uint32: the documents
    of each shared key, ascending, one key after another), the starts of the crowded keys in it, the
    number of keys with comparisons left out, and the number of these comparisons. All positions
    count from `base`.

    Fills in `begins` (int32 [n]): the start of the members before a document, -1 if there are none.
    A document too far back to be compared with all of them gets -2 minus its position.
    """
    n = len(order)
    members = np.empty(n, np.uint32)
    crowded = np.empty(n // (bucket + 2) + 1, np.int32)
    kept = 0
    crowds = 0
    hot = 0
    left_out = 0
    i = 0
    while i < n:
        end = i + 1
        while end < n and (order[end] >> np.uint64(32)) == (order[i] >> np.uint64(32)):
            end += 1
        begin = base + kept
        for behind in range(end - i):
            d = np.int64(order[i + behind] & np.uint64(0xFFFFFFFF))
            if behind == 0:
                begins[d] = -1
            elif behind <= bucket:
                begins[d] = begin
            else:
                begins[d] = -2 - (begin + behind)
            if end > i + 1:
                members[kept] = d
                kept += 1
        over = end - i - bucket - 2
        if over >= 0:
            crowded[crowds] = begin
            crowds += 1
        if over > 0:
            hot += 1
            left_out += over * (over + 1) // 2
        i = end
    return members[:kept].copy(), crowded[:crowds].copy(), hot, left_out


@compiled
def _grown(pairs: Table) -> Table:
    """A copy of the pairs with twice the capacity."""
    larger = np.empty((2 * len(pairs), 2), np.int32)
    for e in range(len(pairs)):
        larger[e, 0], larger[e, 1] = pairs[e, 0], pairs[e, 1]
    return larger


@compiled
def edges(
    values: Hashes,
    spans: Bounds,
    maps: Maps,
    members: Hashes,
    begins: Table,
    crowded: Positions,
    bucket: int,
    p: int,
    q: int,
    first: int,
    last: int,
) -> tuple[Table, int]:
    """Verified pairs (x, y), first <= x < last and y < x, in ascending order; and the number of
    comparisons.

    Document d has the sorted hashes `values[spans[d, 0]:spans[d, 1]]`. `maps` comes from
    `fill_maps`, the rest from `meet`: `begins` is int32 [B, n], the others are those of all bands
    in sequence.
    """
    alike = np.empty((1024, 2), np.int32)
    total = 0
    compared = 0
    seen = np.full(len(spans), -1, np.int32)
    for x in range(first, last):
        first_edge = total
        for band in range(len(begins)):
            i = np.int64(begins[band, x])
            if i == -1:
                continue
            capped = np.int64(-1)
            before = i
            if i < -1:
                before = -3 - i
                i = np.int64(crowded[np.searchsorted(crowded, before, "right") - 1])
                capped = i + bucket
            while True:
                if i == capped:
                    i = before
                y = np.int64(members[i])
                if y == x:
                    break
                if seen[y] != x:
                    seen[y] = x
                    compared += 1
                    if _similar(values, spans, maps, x, y, p, q):
                        if total == len(alike):
                            alike = _grown(alike)
                        insertion = total
                        while insertion > first_edge and alike[insertion - 1, 1] > y:
                            alike[insertion, 1] = alike[insertion - 1, 1]
                            insertion -= 1
                        alike[insertion, 1] = y
                        alike[total, 0] = x
                        total += 1
                i += 1
    return alike[:total].copy(), compared


@compiled
def are_alike(
    values: Hashes, spans: Bounds, maps: Maps, pairs: Table, p: int, q: int
) -> npt.NDArray[np.bool_]:
    """Whether each pair is alike, bool [e]; arguments as in `edges`."""
    alike = np.empty(len(pairs), np.bool_)
    for e in range(len(pairs)):
        alike[e] = _similar(values, spans, maps, pairs[e, 0], pairs[e, 1], p, q)
    return alike


survivors = compiled(consequences.survivors)
components = compiled(consequences.components)
