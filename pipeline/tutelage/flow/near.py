"""Near-duplicates among documents that lie on many machines: the rule of `dedup.pairs`, in blocks.

    sketches ─ by text ─ one of each text ─┬─ by band key ─ candidate pairs ─ by block of x ─┐
                                           └─ by block ─ sent to blocks that request them ───┴─ verify

Documents are sent in blocks. A worker holds no more than a block of sketches, the pairs of its
documents, and the sketches that they are compared with; a document has at most `bucket` + 1 partners
per band. One worker draws the conclusions from the verified pairs (`settle`), of which it sees only
ids. Equal documents give equal results, however they were distributed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from zlib import crc32

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from tutelage.dedup import Counts, Scheme, Sketches
from tutelage.dedup.pairs import Alike, are_alike

Names = npt.NDArray[np.bytes_]
"""Ids as bytes, which sort like the ids."""
Block = tuple[str, int]
"""(part, number): a share of the documents of a part; only documents of one part are compared."""
_AT_ONCE = 500_000
"""Pairs per element."""
_FEW = 10_000
"""Pairs below which plain Python is as fast as loading compiled kernels."""


class Pairs(NamedTuple):
    """x and y of each, x after y."""

    x: Names
    y: Names


class _Wanted(NamedTuple):
    """Documents of another block, whose sketches a block requests."""

    by: int
    names: Names


class Copies(NamedTuple):
    """Documents, and for each the first document with the same text."""

    copy: Names
    of: Names


def share(name: str, blocks: int) -> int:
    """The number of the block, out of `blocks`, to which a document belongs."""
    return crc32(name.encode()) % blocks


class Near(beam.PTransform):
    """(part, `Sketches`) of documents -> `Pairs` that are alike, `Copies`, and `Counts` of the search.

    Only documents of one part are compared.
    """

    def __init__(self, rule: Scheme, blocks: int) -> None:
        """`blocks`: number of blocks of a part."""
        super().__init__()
        self._rule = rule
        self._blocks = blocks

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """See the class."""
        blocks, bucket = self._blocks, self._rule.bucket
        texts = (
            documents
            | "by text" >> beam.FlatMap(_by_text, blocks)
            | "same text" >> beam.GroupByKey()
            | "one of each text" >> beam.FlatMap(_distinct)
        )
        sketches = texts | "speakers" >> beam.Filter(lambda one: isinstance(one[1], Sketches))
        meetings = (
            sketches
            | "by band key" >> beam.FlatMap(_by_band, blocks)
            | "same band key" >> beam.GroupByKey()
            | "meet" >> beam.FlatMap(_meet, bucket, blocks)
        )
        pairs = (
            meetings
            | "candidates" >> beam.Filter(lambda one: isinstance(one[1], Pairs))
            | "of a block" >> beam.GroupByKey()
            | "each once" >> beam.Map(_once)
        )
        by_block = sketches | "by block" >> beam.FlatMap(_by_block, blocks)
        requested = (
            (pairs | "ask" >> beam.FlatMap(_ask, blocks), by_block)
            | "asked of a block" >> beam.Flatten()
            | "to be lent" >> beam.GroupByKey()
            | "lend" >> beam.FlatMap(_lend)
        )
        verified = (
            (pairs, by_block, requested)
            | "all of a block" >> beam.Flatten()
            | "to be compared" >> beam.GroupByKey()
            | "verify" >> beam.FlatMap(_verify, self._rule)
        )
        rest = (
            (texts, meetings)
            | "copies and counts" >> beam.Flatten()
            | "and nothing else" >> beam.Filter(lambda one: isinstance(one[1], (Copies, Counts)))
            | "without their blocks" >> beam.Values()
        )
        return (verified, rest) | "what was found" >> beam.Flatten()


def settle(parts: Iterable[Pairs | Copies | Counts]) -> tuple[list[tuple[str, str, str]], Counts]:
    """(document, its surviving twin or "", its cluster) of all documents that are in a pair, and the
    counts of the whole search.
    """
    parts = list(parts)
    pairs = [one for one in parts if isinstance(one, Pairs)]
    copies = [one for one in parts if isinstance(one, Copies)]
    counts = sum((one for one in parts if isinstance(one, Counts)), Counts())
    columns = [_joined([one[side] for one in kind]) for kind in (pairs, copies) for side in (0, 1)]
    names, flat = np.unique(np.concatenate(columns), return_inverse=True)
    x, y, copy, of = np.split(flat, np.cumsum([len(column) for column in columns])[:-1])
    table = np.stack([x, y], 1).astype(np.int32)[np.lexsort((y, x))]
    alike = Alike(table, 0, 0, 0, few=len(table) < _FEW)
    twin, first = alike.survivors(len(names)), alike.components(len(names))
    near = int((twin >= 0).sum())
    twin[copy] = np.where(twin[of] < 0, of, twin[of])
    first[copy] = first[of]
    removed = int((twin >= 0).sum())
    text = [name.decode() for name in names.tolist()]
    marks = [
        (name, text[other] if other >= 0 else "", text[smallest])
        for name, other, smallest in zip(text, twin.tolist(), first.tolist(), strict=True)
    ]
    return marks, counts + Counts(
        kept=-removed,
        near=near,
        clusters=int((np.bincount(first, minlength=1) > 1).sum()),
        edges=len(table),
    )


def joined(blocks: Sequence[Sketches]) -> Sketches:
    """Several blocks as one; `blocks` must not be empty."""
    sizes = np.concatenate([np.diff(block.bounds) for block in blocks])
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    return Sketches(
        [name for block in blocks for name in block.ids],
        np.concatenate([block.digests for block in blocks]),
        np.concatenate([block.keys for block in blocks]),
        np.concatenate([block.shingles for block in blocks]),
        bounds,
    )


def _names(ids: Iterable[Any]) -> Names:
    return np.array([name.encode() for name in ids], np.bytes_)


def _joined(parts: Sequence[Names]) -> Names:
    return np.concatenate(parts) if parts else np.empty(0, "S1")


def _runs(numbers: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """(number, its positions) for each distinct number."""
    order = np.argsort(numbers, kind="stable")
    values, begins = np.unique(numbers[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, begins[1:]), strict=True)


def _by_text(documents: tuple[str, Sketches], blocks: int) -> Iterator[tuple[Block, Sketches]]:
    part, sketches = documents
    if len(sketches):
        drawn = np.ascontiguousarray(sketches.digests[:, :4]).view(np.uint32)[:, 0]
        for number, where in _runs(drawn % np.uint32(blocks)):
            yield (part, number), sketches.only(where.tolist())


def _distinct(
    group: tuple[Block, Iterable[Sketches]],
) -> Iterator[tuple[str, Sketches | Copies | Counts]]:
    """The first document of each text, and the copies of it."""
    (part, _), blocks = group
    sketches = joined(list(blocks))
    order = sorted(range(len(sketches)), key=sketches.ids.__getitem__)
    first: dict[bytes, int] = {}
    digests = sketches.digests
    copies = [at for at in order if first.setdefault(digests[at].tobytes(), at) != at]
    n = len(sketches)
    yield part, Counts(documents=n, kept=n, exact=len(copies))
    yield part, sketches.only(list(first.values()))
    if copies:
        of = [first[sketches.digests[at].tobytes()] for at in copies]
        named = (_names(sketches.ids[at] for at in places) for places in (copies, of))
        yield part, Copies(*named)


def _by_band(
    documents: tuple[str, Sketches], blocks: int
) -> Iterator[tuple[Block, tuple[Names, Any, Any]]]:
    """(block, (ids, bands, keys)) of all band keys of some documents."""
    part, sketches = documents
    n, bands = sketches.keys.shape
    names = np.repeat(_names(sketches.ids), bands)
    band, key = np.tile(np.arange(bands, dtype=np.uint16), n), sketches.keys.ravel()
    for number, where in _runs(key % np.uint32(blocks)):
        yield (part, number), (names[where], band[where], key[where])


def _meet(
    group: tuple[Block, Iterable[tuple[Names, Any, Any]]], bucket: int, blocks: int
) -> Iterator[tuple[Block, Pairs | Counts]]:
    """Pairs of documents that share a band key: each with the first `bucket` of them and the one before
    it; distributed by the blocks of x.
    """
    (part, number), some = group
    names, band, key = (np.concatenate(column) for column in zip(*some, strict=True))
    order = np.lexsort((names, key, band))
    names, band, key = names[order], band[order], key[order]
    opens = np.ones(len(names), bool)
    opens[1:] = (band[1:] != band[:-1]) | (key[1:] != key[:-1])
    begins = np.flatnonzero(opens)
    sizes = np.diff(np.append(begins, len(names)))
    begin = np.repeat(begins, sizes)
    behind = np.arange(len(names)) - begin
    partners = np.minimum(behind, bucket + 1)
    over = np.maximum(sizes - bucket - 2, 0)
    counts = Counts(hot_keys=int((over > 0).sum()), capped=int((over * (over + 1) // 2).sum()))
    yield (part, number), counts
    ends = np.cumsum(partners)
    for low in range(0, int(ends[-1]), _AT_ONCE):
        flat = np.arange(low, min(low + _AT_ONCE, int(ends[-1])))
        x = np.searchsorted(ends, flat, "right")
        nth = flat - (ends[x] - partners[x])
        y = np.where(nth == bucket, x - 1, begin[x] + nth)
        pairs = Pairs(names[x], names[y])
        for block, where in _runs(_shares(pairs.x, blocks)):
            yield (part, block), Pairs(pairs.x[where], pairs.y[where])


def _shares(names: Names, blocks: int) -> npt.NDArray[np.int64]:
    different, at = np.unique(names, return_inverse=True)
    return np.array([crc32(name) % blocks for name in different.tolist()], np.int64)[at]


def _once(group: tuple[Block, Iterable[Pairs]]) -> tuple[Block, Pairs]:
    """Each pair once, however many keys the documents share."""
    block, some = group
    x, y = (np.concatenate(column) for column in zip(*some, strict=True))
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    fresh = np.ones(len(x), bool)
    fresh[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    return block, Pairs(x[fresh], y[fresh])


def _by_block(documents: tuple[str, Sketches], blocks: int) -> Iterator[tuple[Block, Sketches]]:
    part, sketches = documents
    for number, where in _runs(_shares(_names(sketches.ids), blocks)):
        yield (part, number), sketches.only(where.tolist())


def _ask(group: tuple[Block, Pairs], blocks: int) -> Iterator[tuple[Block, _Wanted]]:
    (part, number), pairs = group
    wanted = np.unique(pairs.y)
    for block, where in _runs(_shares(wanted, blocks)):
        if block != number:
            yield (part, block), _Wanted(number, wanted[where])


def _lend(group: tuple[Block, Iterable[Any]]) -> Iterator[tuple[Block, Sketches]]:
    """The sketches that other blocks request, for each of these."""
    (part, _), things = group
    things = list(things)
    asked = [one for one in things if isinstance(one, _Wanted)]
    if not asked:
        return
    sketches = joined([one for one in things if isinstance(one, Sketches)])
    at = {name.encode(): place for place, name in enumerate(map(str, sketches.ids))}
    for one in asked:
        yield (part, one.by), sketches.only([at[name] for name in one.names.tolist()])


def _verify(group: tuple[Block, Iterable[Any]], rule: Scheme) -> Iterator[Pairs | Counts]:
    """The pairs that are near-duplicates, and the number of comparisons."""
    things = list(group[1])
    for pairs in (one for one in things if isinstance(one, Pairs)):
        sketches = joined([one for one in things if isinstance(one, Sketches)])
        at = {name.encode(): place for place, name in enumerate(map(str, sketches.ids))}
        places = np.array([[at[name] for name in side.tolist()] for side in pairs], np.int32).T
        alike = are_alike(replace(sketches, ids=[]), places, rule)
        yield Counts(compared=len(places))
        if alike.any():
            yield Pairs(pairs.x[alike], pairs.y[alike])
