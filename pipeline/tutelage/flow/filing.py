"""Assigns each row its file and its place in it, then moves the rows and writes the files.

    lines ─ by range of groups ─ number ─ by stretch of the journal ─ rows ─ by file ─ write

Only here does the text of a row pass through a shuffle: once, compressed.
"""

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam

from tutelage.session.publication import staging
from tutelage.settings import Settings
from tutelage.shards import RunFolder, write_shard
from tutelage.shards.journal import Span
from tutelage.shards.stretches import texts
from tutelage.storage import location

_STRETCH = 64 << 20
"""Bytes of a journal file from which one worker reads rows at a time."""

Range = tuple[str, str]
"""(bin, first digits of the group, or of the key if there is no group)."""
Packed = tuple[int, dict[str, str | None], bytes]
"""(place, marks, row as JSON, compressed)."""


class Line(NamedTuple):
    """One row of a shard."""

    bin: str
    """Path of its file, without the number."""
    order: tuple[str, int, str]
    """(group, sample, key)."""
    span: Span
    marks: dict[str, str | None]


def _digits(blocks: int) -> int:
    """Number of hex digits by which digests fall into about as many ranges as there are blocks."""
    return next(count for count in range(5) if 16**count >= blocks)


def write(
    lines: beam.PCollection, blocks: int, settings: Settings, folder: RunFolder
) -> beam.PCollection:
    """Writes the files; (path, rows) of each."""
    ranges = lines | "by range" >> beam.FlatMap(_ranges, _digits(blocks))
    begins = (
        ranges
        | "how many" >> beam.Map(lambda one: (one[0], len(one[1])))
        | "in a range" >> beam.CombinePerKey(sum)
        | "all ranges" >> beam.combiners.ToList()
        | "where ranges begin" >> beam.Map(_begins)
    )
    return (
        ranges
        | "of a range" >> beam.GroupByKey()
        | "number" >> beam.FlatMap(_number, beam.pvalue.AsSingleton(begins), settings.shards.rows)
        | "of a stretch" >> beam.GroupByKey()
        | "rows" >> beam.FlatMap(_rows)
        | "of a file" >> beam.GroupByKey()
        | "write" >> beam.Map(_file, folder, settings.shards.compression_level)
    )


def _ranges(lines: list[Line], digits: int) -> Iterator[tuple[Range, list[Line]]]:
    dealt: dict[Range, list[Line]] = defaultdict(list)
    for line in lines:
        group, _, key = line.order
        begins = group[:digits] if group else f" {key[:digits]}"
        dealt[line.bin, begins].append(line)
    yield from dealt.items()


def _begins(sizes: Iterable[tuple[Range, int]]) -> dict[Range, tuple[int, int]]:
    """For each range: the rows of the bin before it, and all rows of the bin."""
    totals: Counter[str] = Counter()
    before: dict[Range, int] = {}
    for (bin_, begins), count in sorted((tuple(where), count) for where, count in sizes):
        before[bin_, begins] = totals[bin_]
        totals[bin_] += count
    return {where: (count, totals[where[0]]) for where, count in before.items()}


class _Wanted(NamedTuple):
    """A row of a file, by its location in the journal."""

    offset: int
    length: int
    path: str
    place: int
    marks: dict[str, str | None]


def _number(
    group: tuple[Range, Iterable[list[Line]]], begins: dict[Range, tuple[int, int]], rows: int
) -> Iterator[tuple[tuple[str, int], list[_Wanted]]]:
    """Assigns each line of a range its file and place; distributed by location in the journal."""
    (bin_, prefix), blocks = group
    first, total = begins[bin_, prefix]
    pieces = -(-total // rows)
    lines = sorted((line for block in blocks for line in block), key=lambda line: line.order)
    dealt: dict[tuple[str, int], list[_Wanted]] = defaultdict(list)
    for place, line in enumerate(lines, first):
        path = f"{bin_}-{place // rows:05d}-of-{pieces:05d}.parquet"
        file, offset, length = line.span
        where = file, offset // _STRETCH
        dealt[where].append(_Wanted(offset, length, path, place, line.marks))
    yield from dealt.items()


def _rows(
    group: tuple[tuple[str, int], Iterable[list[_Wanted]]],
) -> Iterator[tuple[str, list[Packed]]]:
    """The rows of a stretch of the journal, distributed by file."""
    (file, _), lists = group
    wanted = sorted((one for some in lists for one in some), key=lambda one: one.offset)
    dealt: dict[str, list[Packed]] = defaultdict(list)
    read_ = texts(location(file), [Span(file, one.offset, one.length) for one in wanted])
    for one, text in zip(wanted, read_, strict=True):
        dealt[one.path].append((one.place, one.marks, zlib.compress(text, 1)))
    yield from dealt.items()


def _file(
    group: tuple[str, Iterable[list[Packed]]], folder: RunFolder, level: int
) -> tuple[str, int]:
    """Writes one file. Repeating it writes the same bytes."""
    path, lists = group
    packed = sorted((one for some in lists for one in some), key=lambda one: one[0])
    rows = (json.loads(zlib.decompress(text)) | marks for _, marks, text in packed)
    return path, write_shard(staging(folder).root / path, rows, level)
