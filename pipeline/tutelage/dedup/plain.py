"""What `signing` and `comparing` compute, in NumPy: the same bits, no waiting for a compiler.

For a few hundred texts it is done before numba is even imported; it also stands in where numba
is missing, and is what the kernels are tested against. Same names, same arguments, same results.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint32]
Bounds = npt.NDArray[np.int64]
Table = npt.NDArray[np.int32]
Places = npt.NDArray[np.int32]
Maps = npt.NDArray[np.uint64]

_P1, _P2, _P3 = np.uint32(2654435761), np.uint32(2246822519), np.uint32(3266489917)
_P4, _P5 = np.uint32(668265263), np.uint32(374761393)
_M1, _M2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_BLOCK = 1 << 22
"""Values worked on at once, so that memory stays within some tens of megabytes."""


def _rotl(x: Any, by: int) -> Hashes:
    turned: Hashes = (x << np.uint32(by)) | (x >> np.uint32(32 - by))
    return turned


def _fmix(h: Hashes) -> Hashes:
    h = (h ^ (h >> np.uint32(16))) * _M1
    h = (h ^ (h >> np.uint32(13))) * _M2
    return h ^ (h >> np.uint32(16))


def _xxh32(data: Bytes) -> Hashes:
    """XXH32 of every row of a matrix of bytes, uint8 [m, length]."""
    m, size = data.shape
    at = 0
    if size >= 16:
        start = np.array([_P1, _P2, 0, 0], np.uint32) + np.array(
            [_P2, 0, 0, -int(_P1) % 2**32], np.uint32
        )
        lanes = np.broadcast_to(start, (m, 4))
        for at in range(0, size - 15, 16):
            block = np.ascontiguousarray(data[:, at : at + 16]).view("<u4")
            lanes = _rotl(lanes + block * _P2, 13) * _P1
        at = size // 16 * 16
        turned = [_rotl(lanes[:, lane], by) for lane, by in enumerate((1, 7, 12, 18))]
        h = turned[0] + turned[1] + turned[2] + turned[3]
    else:
        h = np.full(m, _P5, np.uint32)
    h = h + np.uint32(size)
    while at <= size - 4:
        block = np.ascontiguousarray(data[:, at : at + 4]).view("<u4")[:, 0]
        h = _rotl(h + block * _P3, 17) * _P4
        at += 4
    for byte in range(at, size):
        h = _rotl(h + data[:, byte] * _P5, 11) * _P1
    h = (h ^ (h >> np.uint32(15))) * _P2
    h = (h ^ (h >> np.uint32(13))) * _P3
    return h ^ (h >> np.uint32(16))


def shingle(
    source: Bytes, bounds: Bounds, size: int, lower: Bytes, space: Bytes
) -> tuple[Bytes, Bounds, Hashes, Bounds]:
    """See `signing.shingle`."""
    n = len(bounds) - 1
    sizes = np.diff(bounds)
    blank = space[source].astype(bool)
    before = np.ones(len(source), bool)
    before[1:] = blank[:-1]
    before[bounds[:-1][sizes > 0]] = True
    kept = ~(blank & before)
    # A space that ends its text: blank, kept, and nothing kept between it and the next text.
    owner = np.repeat(np.arange(n), sizes)[kept]
    text = lower[source][kept]
    final = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
    solid = ~(final & (text == 32))
    text, owner = text[solid], owner[solid]
    ends = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=n), out=ends[1:])

    # Words end before a space and at the end of a text.
    closes = np.append(ends[1:][np.diff(ends) > 0], np.nonzero(text == 32)[0])
    closes.sort()
    opens = np.empty_like(closes)
    opens[1:] = closes[:-1] + (text[np.minimum(closes[:-1], len(text) - 1)] == 32)
    opens[:1] = 0
    words = np.bincount(owner[closes - 1], minlength=n) if len(closes) else np.zeros(n, np.int64)
    runs = np.where(words >= size, words - size + 1, np.minimum(words, 1))
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(runs, out=offsets[1:])
    first_word = np.cumsum(words) - words
    document = np.repeat(np.arange(n), runs)
    first = first_word[document] + np.arange(offsets[-1]) - offsets[document]
    last = np.minimum(first + size, first_word[document] + words[document]) - 1
    return text, ends, _hash_slices(text, opens[first], closes[last]), offsets


def _hash_slices(text: Bytes, begins: Bounds, ends: Bounds) -> Hashes:
    """XXH32 of each `text[begin:end]`, those of one length at a time."""
    hashes = np.empty(len(begins), np.uint32)
    lengths = ends - begins
    by_length = np.argsort(lengths, kind="stable")
    cuts = np.nonzero(np.diff(lengths[by_length]))[0] + 1
    for group in np.split(by_length, cuts):
        if len(group):
            length = int(lengths[group[0]])
            hashes[group] = _xxh32(text[begins[group][:, None] + np.arange(length)])
    return hashes


def distinct(hashes: Hashes, offsets: Bounds) -> tuple[Hashes, Bounds]:
    """See `signing.distinct`."""
    n = len(offsets) - 1
    document = np.repeat(np.arange(n, dtype=np.uint64), np.diff(offsets))
    packed = np.unique(document << np.uint64(32) | hashes)
    bounds = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount((packed >> np.uint64(32)).astype(np.int64), minlength=n), out=bounds[1:])
    return packed.astype(np.uint32), bounds


def signatures(hashes: Hashes, offsets: Bounds, a: Hashes, b: Hashes) -> Hashes:
    """See `signing.signatures`."""
    made = np.full((len(offsets) - 1, len(a)), 0xFFFFFFFF, np.uint32)
    for d, (begin, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        if end > begin:
            mixed = _fmix(hashes[begin:end])
            made[d] = (a[:, None] * mixed + b[:, None]).min(axis=1)
    return made


def band_keys(signed: Hashes, bands: int, rows: int) -> Hashes:
    """See `signing.band_keys`."""
    made = np.empty((len(signed), bands), np.uint32)
    for band in range(bands):
        key = np.full(len(signed), band, np.uint32)
        for row in range(band * rows, band * rows + rows):
            key = _fmix(key + signed[:, row])
        made[:, band] = key
    return made


def place(
    order: npt.NDArray[np.uint64], bucket: int, begins: Places, base: int
) -> tuple[Hashes, Places, int, int]:
    """See `comparing.place`."""
    n = len(order)
    keys = order >> np.uint64(32)
    opens = np.nonzero(np.append(True, keys[1:] != keys[:-1])[:n])[0]
    sizes = np.diff(np.append(opens, n))
    shared = np.where(sizes > 1, sizes, 0)
    heads = base + np.cumsum(shared) - shared
    behind = np.arange(n) - np.repeat(opens, sizes)
    head = np.repeat(heads, sizes)
    begin = np.where(behind <= bucket, head, -2 - head - behind)
    documents = order.astype(np.uint32)
    begins[documents] = np.where(behind, begin, -1)
    over = sizes - bucket - 2
    crowded = heads[over >= 0].astype(np.int32)
    over = np.maximum(over, 0)
    left_out = int((over * (over + 1) // 2).sum())
    return documents[np.repeat(shared, sizes) > 0], crowded, int(np.count_nonzero(over)), left_out


def empty_maps(spans: Bounds) -> Maps:
    """Not needed here: `edges` reads the hashes of every candidate."""
    return np.zeros((len(spans), 0), np.uint64)


def fill_maps(values: Hashes, spans: Bounds, maps: Maps, which: Bounds) -> None:
    """As above."""


def edges(
    values: Hashes,
    spans: Bounds,
    maps: Maps,
    members: Hashes,
    begins: Table,
    crowded: Places,
    bucket: int,
    p: int,
    q: int,
    first: int,
    last: int,
) -> tuple[Table, int]:
    """See `comparing.edges`."""
    found = [np.empty((0, 2), np.int64)]
    for row in begins.astype(np.int64):
        begin, behind = row.copy(), np.zeros(len(row), np.int64)
        far = np.nonzero(row < -1)[0]
        begin[far] = crowded[np.searchsorted(crowded, -2 - row[far], "right") - 1]
        behind[far] = -2 - row[far] - begin[far]
        # Of one key, the first document has no beginning, and the others come in their order.
        near = np.nonzero(row >= 0)[0]
        near = near[np.argsort(row[near], kind="stable")]
        opens = np.append(True, np.diff(row[near]) != 0)[: len(near)]
        sizes = np.diff(np.append(np.nonzero(opens)[0], len(near)))
        behind[near] = 1 + np.arange(len(near)) - np.repeat(np.nonzero(opens)[0], sizes)

        compared = np.minimum(behind, bucket)[first:last]
        x = np.repeat(np.arange(first, last), compared)
        step = np.arange(len(x)) - np.repeat(np.cumsum(compared) - compared, compared)
        found.append(np.stack([x, members[begin[x] + step]], 1))
        far = far[(far >= first) & (far < last)]
        found.append(np.stack([far, members[-3 - row[far]]], 1))
    packed = np.concatenate(found)
    packed = np.unique(packed[:, 0] << 32 | packed[:, 1])
    pairs = np.stack([packed >> 32, packed & 0xFFFFFFFF], 1)
    return pairs[_similar(values, spans, pairs, p, q)].astype(np.int32), len(pairs)


def _similar(
    values: Hashes, spans: Bounds, pairs: npt.NDArray[np.int64], p: int, q: int
) -> npt.NDArray[np.bool_]:
    """Which pairs have Jaccard similarity of at least p/q."""
    sizes = spans[:, 1] - spans[:, 0]
    both = sizes[pairs].sum(axis=1)
    shared = np.zeros(len(pairs), np.int64)
    cuts = np.searchsorted(np.cumsum(both), np.arange(_BLOCK, both.sum(), _BLOCK))
    for group in np.split(np.arange(len(pairs)), cuts):
        # All hashes of a pair side by side and sorted: a shared one is followed by itself.
        document = pairs[group].ravel()
        spread = np.repeat(np.arange(len(document)), sizes[document])
        step = np.arange(len(spread)) - np.repeat(
            np.cumsum(sizes[document]) - sizes[document], sizes[document]
        )
        owner = (spread // 2).astype(np.uint64)
        packed = owner << np.uint64(32) | values[spans[document[spread], 0] + step]
        packed.sort()
        twice = packed[1:][packed[1:] == packed[:-1]] >> np.uint64(32)
        shared[group] = np.bincount(twice.astype(np.int64), minlength=len(group))
    enough: npt.NDArray[np.bool_] = shared * (p + q) >= p * both
    return enough


def components(pairs: Table, n: int) -> npt.NDArray[np.int32]:
    """See `comparing.components`."""
    root = np.arange(n, dtype=np.int32)
    while True:
        least = root.copy()
        np.minimum.at(least, pairs[:, 0], root[pairs[:, 1]])
        np.minimum.at(least, pairs[:, 1], root[pairs[:, 0]])
        least = np.minimum(least, least[least])
        if (least == root).all():
            return root
        root = least


def survivors(pairs: Table, n: int) -> npt.NDArray[np.int32]:
    """See `comparing.survivors`."""
    twin = [-1] * n
    for x, y in pairs.tolist():
        if twin[x] < 0 and twin[y] < 0:
            twin[x] = y
    return np.asarray(twin, np.int32)
