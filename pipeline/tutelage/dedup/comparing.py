"""From band keys to verified pairs, survivors and components: inner loops, compiled by numba.

Bit for bit what `plain` computes; see `signing` for what holds of all kernels. Letters: n
documents, B bands, e edges.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.dedup.signing import Bounds, Hashes, compiled

Table = npt.NDArray[np.int32]
Maps = npt.NDArray[np.uint64]

_U = np.uint32


@compiled
def _bitmaps(values: Hashes, spans: Bounds, bits: int) -> Maps:
    """A set of 2**bits bits for each document, to which each hash adds one by its top bits."""
    n = len(spans)
    made = np.zeros((n, 1 << (bits - 6)), np.uint64)
    for d in range(n):
        for i in range(spans[d, 0], spans[d, 1]):
            at = values[i] >> _U(32 - bits)
            made[d, at >> 6] |= np.uint64(1) << np.uint64(at & 63)
    return made


def bitmaps(values: Hashes, spans: Bounds) -> Maps:
    """Small sets that overestimate what documents share, uint64 [n, 2**m].

    About four bits for each hash of a document of average length. A look-alike is mostly told
    apart from a duplicate by these few cache lines, long before its hashes are read.
    """
    mean = float(np.diff(spans).mean()) if len(spans) else 0.0
    return _bitmaps(values, spans, min(max(int(8 * mean).bit_length(), 6), 13))


@compiled
def _lacks(maps: Maps, x: Any, y: Any) -> Any:
    """Bits of x that y has not: at least so many hashes of x are not among those of y."""
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
    """Whether documents x and y have Jaccard similarity of at least p/q. Stops once it cannot."""
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
def place(
    order: npt.NDArray[np.uint64], bucket: int, begins: Table, places: Table, band: int
) -> tuple[int, int]:
    """Notes where each document stands among those that share its key in one band.

    `order` (uint64 [n]) is key << 32 | document, sorted; `begins` and `places` (int32 [B, n])
    are filled in. Returns the keys shared by so many that comparisons are left out, and how
    many comparisons that is.
    """
    hot = 0
    left_out = 0
    begin = 0
    for i in range(len(order)):
        if i > 0 and (order[i] >> np.uint64(32)) != (order[i - 1] >> np.uint64(32)):
            begin = i
        d = np.int64(order[i] & np.uint64(0xFFFFFFFF))
        begins[band, d] = begin
        places[band, d] = i
        if i - begin > bucket + 1:
            left_out += i - begin - bucket - 1
            if i - begin == bucket + 2:
                hot += 1
    return hot, left_out


@compiled
def _grown(pairs: Table) -> Table:
    """The same pairs with room for twice as many."""
    made = np.empty((2 * len(pairs), 2), np.int32)
    for e in range(len(pairs)):
        made[e, 0], made[e, 1] = pairs[e, 0], pairs[e, 1]
    return made


@compiled
def edges(
    values: Hashes,
    spans: Bounds,
    maps: Maps,
    order: Hashes,
    begins: Table,
    places: Table,
    bucket: int,
    p: int,
    q: int,
    first: int,
    last: int,
) -> tuple[Table, int]:
    """Verified pairs (x, y), first <= x < last and y < x, in ascending order; and pairs compared.

    Document d has the sorted hashes `values[spans[d, 0]:spans[d, 1]]`; `bitmaps` made `maps` and
    `place` made `begins` and `places`; `order` is uint32 [B, n], documents by band and key.
    """
    found = np.empty((1024, 2), np.int32)
    total = 0
    compared = 0
    seen = np.full(len(spans), -1, np.int32)
    for x in range(first, last):
        mine = total
        for band in range(len(order)):
            begin = begins[band, x]
            end = places[band, x]
            capped = min(end, begin + bucket)
            for i in range(begin, end):
                if i == capped:
                    i = end - 1
                y = np.int64(order[band, i])
                if seen[y] != x:
                    seen[y] = x
                    compared += 1
                    if _similar(values, spans, maps, x, y, p, q):
                        if total == len(found):
                            found = _grown(found)
                        at = total
                        while at > mine and found[at - 1, 1] > y:
                            found[at, 1] = found[at - 1, 1]
                            at -= 1
                        found[at, 1] = y
                        found[total, 0] = x
                        total += 1
                if i >= capped:
                    break
    return found[:total].copy(), compared


@compiled
def components(pairs: Table, n: int) -> npt.NDArray[np.int32]:
    """The smallest document of each document's component, int32 [n]."""
    root = np.arange(n).astype(np.int32)
    for e in range(len(pairs)):
        x, y = pairs[e, 0], pairs[e, 1]
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        while root[y] != y:
            root[y] = root[root[y]]
            y = root[y]
        if x < y:
            root[y] = x
        else:
            root[x] = y
    for x in range(n):
        root[x] = root[root[x]]
    return root


@compiled
def survivors(pairs: Table, n: int) -> npt.NDArray[np.int32]:
    """For each document the smallest surviving one that it has an edge to, -1 where it stays.

    `pairs` ascend by x, then y, with y < x: when x comes up, what becomes of every y is known.
    """
    twin = np.full(n, -1, np.int32)
    for e in range(len(pairs)):
        x, y = pairs[e, 0], pairs[e, 1]
        if twin[x] < 0 and twin[y] < 0:
            twin[x] = y
    return twin
