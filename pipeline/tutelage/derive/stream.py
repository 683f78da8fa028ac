"""Merges the rows of several sources into one stream, in shard order: group, sample, dialogue id.

Each source is sorted already, so the streams are merged through windows of some hundred rows: a row
may go out once every other source has reached its key. A source that is not sorted loses no rows;
its rows just stay out of order.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tutelage.derive.parents import Source
from tutelage.shards.soundness import broken
from tutelage.storage import Remote, opened

ROW_INDEX = "row_index"
"""Column added to every table: the number of the row across all parents."""
_KEYS = ("group_id", "sample", "dialogue_id")
_ORDER = [(name, "ascending") for name in _KEYS]
_ROWS = 500


def rows(sources: Sequence[Source], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of the sources, merged, in tables of some hundred rows with the column `row_index`.

    Args:
        sources: the files to read.
        columns: columns to read; all if None.

    Raises:
        Mistake: a shard is broken.
    """
    if len(sources) == 1:
        yield from _read(sources[0], columns)
        return
    wanted = None if columns is None else list(dict.fromkeys([*columns, *_KEYS]))
    heads = [_Head(_read(source, wanted)) for source in sources]
    while live := [head for head in heads if head.fill()]:
        bound = min((head.last() for head in live if not head.is_ended), default=None)
        parts = [head.take(bound) for head in live]
        table = pa.concat_tables(part for part in parts if len(part)).combine_chunks()
        yield table.take(pc.sort_indices(table.select(_KEYS), _ORDER))


def ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same tables; a thread reads the next one while the caller works on the one before."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, tables, None)
        while (table := upcoming.result()) is not None:
            upcoming = reader.submit(next, tables, None)
            yield table


class _Head:
    """The next rows of one source."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._next: pa.Table | None = next(tables, None)
        self._held: pa.Table | None = None

    @property
    def is_ended(self) -> bool:
        """Whether the source has no rows after those that are held."""
        return self._next is None

    def fill(self) -> bool:
        """Reads the next table if no rows are held; returns whether any are held now."""
        if self._held is None or not len(self._held):
            self._held, self._next = self._next, next(self._tables, None)
        return self._held is not None

    def last(self) -> tuple[Any, ...]:
        """The key of the last row that is held."""
        assert self._held is not None
        return tuple(self._held[name][-1].as_py() for name in _KEYS)

    def take(self, bound: tuple[Any, ...] | None) -> pa.Table:
        """Removes and returns the rows up to and including the key `bound`; all rows if None."""
        table, self._held = self._held, None
        assert table is not None
        if bound is None:
            return table
        before = pa.scalar(False)
        for name, limit in zip(reversed(_KEYS), reversed(bound), strict=True):
            column = table[name]
            same = pc.and_(pc.equal(column, limit), before)
            last = pc.equal(column, limit) if name == _KEYS[-1] else same
            before = pc.or_(pc.less(column, limit), last)
        self._held = table.filter(pc.invert(before))
        return table.filter(before)


def _read(source: Source, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    row_index = source.begin
    for path in source.files:
        is_remote = isinstance(path, Remote)  # a store is asked for many small ranges at once
        try:
            with opened(path) as stream, pq.ParquetFile(stream, pre_buffer=is_remote) as file:
                names = None if columns is None else list(columns)
                for batch in file.iter_batches(_ROWS, columns=names):
                    row_indices = np.arange(row_index, row_index + len(batch), dtype=np.int64)
                    row_index += len(batch)
                    table = pa.Table.from_batches([batch])
                    yield table.append_column(ROW_INDEX, pa.array(row_indices))
        except (pa.ArrowException, OSError) as error:
            raise broken(path, error) from error
