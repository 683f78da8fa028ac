"""Which documents duplicate which: one rule, and one result in whatever order the work is done.

1. Documents with the same digest are the same document; the one with the smallest id represents all.
2. Documents that share a band key are compared by the exact Jaccard similarity of their shingle
   sets ("verified"); if it is at least the threshold, they have an **edge**. A key shared by very
   many documents (boilerplate) costs each of them a bounded number of comparisons; those left out
   are counted.
3. **Who stays**: in the order of ids, a document is removed if and only if it has an edge to a
   smaller one that stays; its twin is the smallest of these. So every removed document has a
   surviving twin that really is its near-duplicate. (In a chain A~B~C where A and C are not alike,
   B is removed and A and C stay; removing all but one of a connected component would lose C.)
4. **Clusters**, for splits, are the components of all edges: A, B and C are one cluster.

"Exact" holds up to collisions of 32-bit hashes: of 60,000 pairs of 1.5 kB texts, one has its
similarity changed by 1/500.

Text, files, and what happens to a duplicate are handled elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.dedup import consequences, small_inputs
from tutelage.dedup.result import Counts, Result, Table
from tutelage.dedup.scheme import Scheme
from tutelage.dedup.sketches import Grown, Id, Sketches, let_go

_SPAN = 8_192
"""Documents per task."""


def find(
    sketches: Sketches,
    scheme: Scheme,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Finds all duplicates among the documents by the rule above.

    `progress` is called with the number of distinct texts looked up, and their total.

    Raises:
        ValueError: two documents have the same id, ids have different types, or the sketches belong to
            another scheme.
    """
    if sketches.keys.shape[1] != scheme.bands:
        raise ValueError(f"wanted sketches of {scheme.bands} bands, got {sketches.keys.shape[1]}")
    everyone = np.arange(len(sketches))
    return _find(sketches, sketches.ids, everyone, scheme, threads, progress)


def _find(
    sketches: Sketches,
    ids: list[Id],
    where: npt.NDArray[np.int64],
    scheme: Scheme,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> Result:
    """`find` among the documents at the positions `where`, with the ids `ids`; results are
    positions in `where`.

    Does not copy the sketches: those of a large run are larger than everything that is made here.
    """
    n = len(where)
    # From here on a document is its rank in the order of ids, and a text is one of `speakers`, the
    # first documents with each digest.
    order = _order(ids)
    speaker = _speakers(sketches.digests[where[order]])
    speakers, text = np.unique(speaker, return_inverse=True)
    alike = verified_pairs(sketches, where[order[speakers]], scheme, threads, progress)
    twin_text = alike.survivors(len(speakers))[text]
    first = speakers[alike.components(len(speakers))[text]]

    copies = np.nonzero(speaker != np.arange(n))[0]
    twin = np.where(twin_text < 0, -1, speakers[twin_text])
    twin[copies] = np.where(twin[copies] < 0, speaker[copies], twin[copies])
    edges = np.concatenate([speakers[alike.pairs], np.stack([copies, speaker[copies]], 1)])

    near = int(np.count_nonzero(twin[speakers] >= 0))
    counts = Counts(
        documents=n,
        kept=int(np.count_nonzero(twin < 0)),
        exact=len(copies),
        near=near,
        clusters=int(np.count_nonzero(np.bincount(first, minlength=1) > 1)),
        edges=len(alike.pairs),
        compared=alike.compared,
        hot_keys=alike.hot_keys,
        capped=alike.capped,
    )
    twin_of, first_of, text_of = (np.empty(n, np.int32) for _ in range(3))
    twin_of[order] = np.where(twin < 0, -1, order[twin])
    first_of[order] = order[first]
    text_of[order] = order[speaker]
    return Result(ids, twin_of, first_of, text_of, order[edges].astype(np.int32), counts)


def find_within(
    sketches: Sketches,
    parts: Sequence[Any],
    scheme: Scheme,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """`find`, but only documents of the same part are compared.

    Args:
        sketches: the documents.
        parts: the part of each.
        scheme: the rule.
        threads: as in `find`.
        progress: as in `find`, over all parts.
    """
    if len(set(parts)) < 2 or sketches.keys.shape[1] != scheme.bands:
        return find(sketches, scheme, threads, progress)
    members: dict[Any, list[int]] = {}
    for position, part in enumerate(parts):
        members.setdefault(part, []).append(position)
    twin = np.full(len(sketches), -1, np.int32)
    first, text = (np.arange(len(sketches), dtype=np.int32) for _ in range(2))
    edges = [np.empty((0, 2), np.int32)]
    counts = Counts()
    for _, where in sorted(members.items()):
        positions = np.asarray(where, np.int32)
        names = [sketches.ids[position] for position in where]
        part_result = _find(sketches, names, positions.astype(np.int64), scheme, threads, None)
        twin[positions] = np.where(part_result.twin < 0, -1, positions[part_result.twin])
        first[positions], text[positions] = (
            positions[part_result.first],
            positions[part_result.text],
        )
        edges.append(positions[part_result.edges])
        counts += part_result.counts
        if progress is not None:
            progress(counts.documents, len(sketches))
    return Result(sketches.ids, twin, first, text, np.concatenate(edges), counts)


def _order(ids: list[Id]) -> npt.NDArray[np.int64]:
    """Positions of the ids in sorted order."""
    if len({type(name) for name in ids}) > 1:
        raise ValueError("wanted ids of one type, got text and numbers")
    try:
        if not ids or isinstance(ids[0], str):
            raise OverflowError
        numbers = np.fromiter(ids, np.int64, len(ids))  # an eighth of the memory
    except OverflowError:  # text, or a number that needs 64 bits without sign
        order = np.asarray(sorted(range(len(ids)), key=ids.__getitem__), np.int64)
        has_repeats = len(set(ids)) < len(ids)
    else:
        order = np.argsort(numbers, kind="stable")
        has_repeats = bool((numbers[order[1:]] == numbers[order[:-1]]).any())
    if has_repeats:
        raise ValueError("wanted each id once, got one twice")
    return order


@dataclass(frozen=True, slots=True)
class Alike:
    """Verified pairs among n documents."""

    pairs: Table
    """int32 [e, 2], x > y, ascending."""
    compared: int
    hot_keys: int
    capped: int
    few: bool
    """Whether it was computed without compiled kernels; then the rest is too."""

    def survivors(self, n: int) -> npt.NDArray[np.int32]:
        """See `consequences.survivors`."""
        twin: npt.NDArray[np.int32] = self._kernels().survivors(self.pairs, n)
        return twin

    def components(self, n: int) -> npt.NDArray[np.int32]:
        """See `consequences.components`."""
        first: npt.NDArray[np.int32] = self._kernels().components(self.pairs, n)
        return first

    def _kernels(self) -> Any:
        if self.few:
            return consequences
        from tutelage.dedup import pair_kernels

        return pair_kernels


def are_alike(sketches: Sketches, pairs: Table, scheme: Scheme) -> npt.NDArray[np.bool_]:
    """Whether each pair (int32 [e, 2], positions among the sketches) reaches the threshold."""
    if small_inputs.suffices(sketches.size):
        sets = np.split(sketches.shingles, sketches.bounds[1:-1])
        return small_inputs.are_alike(sets, pairs, scheme)
    from tutelage.dedup import pair_kernels as kernels

    spans = np.stack([sketches.bounds[:-1], sketches.bounds[1:]], 1)
    maps = kernels.empty_maps(spans)
    kernels.fill_maps(sketches.shingles, spans, maps, np.unique(pairs).astype(np.int64))
    alike: npt.NDArray[np.bool_] = kernels.are_alike(
        sketches.shingles, spans, maps, np.ascontiguousarray(pairs), *scheme.ratio()
    )
    return alike


def _speakers(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """For each document the first one with the same digest."""
    n = len(digests)
    words = np.ascontiguousarray(digests).view(np.uint64)
    by_digest = np.lexsort((np.arange(n), words[:, 1], words[:, 0]))
    arranged = words[by_digest]
    is_first = np.ones(n, bool)
    is_first[1:] = (arranged[1:] != arranged[:-1]).any(axis=1)
    speaker = np.empty(n, np.int64)
    speaker[by_digest] = by_digest[np.nonzero(is_first)[0][np.cumsum(is_first) - 1]]
    return speaker


def verified_pairs(
    sketches: Sketches,
    documents: npt.NDArray[np.int64],
    scheme: Scheme,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> Alike:
    """Verified pairs among the documents at the positions `documents`, which have distinct texts."""
    n = len(documents)
    spans = np.stack([sketches.bounds[:-1][documents], sketches.bounds[1:][documents]], 1)
    if small_inputs.suffices(sketches.size * n // max(1, len(sketches))):
        sets = [sketches.shingles[begin:end] for begin, end in spans.tolist()]
        small_result = small_inputs.verified_pairs(sketches.keys[documents], sets, scheme)
        if small_result is not None:
            if progress is not None:
                progress(n, n)
            return Alike(*small_result, few=True)
    from tutelage.dedup import pair_kernels as kernels

    keys = _meet(sketches, documents, scheme)
    maps = kernels.empty_maps(spans)
    by_position = np.argsort(spans[:, 0], kind="stable")
    for start in range(0, n, _SPAN):
        kernels.fill_maps(sketches.shingles, spans, maps, by_position[start : start + _SPAN])
        let_go(sketches.shingles)  # for most candidates the bitmap suffices
    shared = keys.members, keys.begins, keys.crowded, scheme.bucket, *scheme.ratio()
    pairs = [np.empty((0, 2), np.int32)]
    compared = 0
    task = partial(kernels.edges, sketches.shingles, spans, maps, *shared)
    for stop, (alike, comparisons) in _tasks(task, n, threads):
        let_go(sketches.shingles)
        pairs.append(alike)
        compared += comparisons
        if progress is not None:
            progress(stop, n)
    return Alike(np.concatenate(pairs), compared, keys.hot_keys, keys.capped, few=False)


@dataclass(frozen=True, slots=True)
class _KeyMembers:
    """The documents that share a key, for all bands; see `pair_kernels.meet`."""

    members: npt.NDArray[np.uint32]
    begins: Table
    crowded: npt.NDArray[np.int32]
    hot_keys: int
    capped: int


def _meet(sketches: Sketches, documents: npt.NDArray[np.int64], scheme: Scheme) -> _KeyMembers:
    from tutelage.dedup import pair_kernels as kernels

    number = np.arange(len(documents), dtype=np.uint64)
    begins = np.empty((scheme.bands, len(documents)), np.int32)
    members, crowded = Grown(np.uint32), Grown(np.int32)
    hot_keys = capped = 0
    for band in range(scheme.bands):
        packed = sketches.keys[documents, band].astype(np.uint64) << np.uint64(32) | number
        let_go(sketches.keys)
        packed.sort()
        band_members, band_crowded, band_hot_keys, left_out = kernels.meet(
            packed, scheme.bucket, begins[band], len(members)
        )
        members.add(band_members)
        crowded.add(band_crowded)
        hot_keys += band_hot_keys
        capped += left_out
    return _KeyMembers(members.done(), begins, crowded.done(), hot_keys, capped)


def _tasks(
    task: Callable[[int, int], tuple[Table, int]], n: int, threads: int
) -> Iterator[tuple[int, tuple[Table, int]]]:
    starts = range(0, n, _SPAN)
    stops = [min(start + _SPAN, n) for start in starts]
    if threads == 1:
        for start, stop in zip(starts, stops, strict=True):
            yield stop, task(start, stop)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from zip(stops, pool.map(task, starts, stops), strict=True)
