"""Writes one shard: rows checked against the contract, zstd, completely or not at all.

Parameters were measured on rows of about 1.5 kB with nested messages: zstd level 3 (ratio 3.6; levels
from 6 on take 2.6 to 90 times as long for 6 to 15 % in size), row groups of 5,000 rows, page index,
dictionaries only for columns with few values.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.contract import RowDict, arrow_schema, faults, fits
from tutelage.errors import RunFailed
from tutelage.shards.folder import writing
from tutelage.storage import Location, whole

_GROUP_ROWS = 5_000
_GROUP_BYTES = 128 << 20
"""Arrow bytes of a row group; larger ones are divided. The hub's viewer accepts at most 286 MiB."""
_BATCH_ROWS = 500
_FEW_VALUES = [
    "arm", "run_id", "split", "domain", "source", "licence", "schema_version", "code_version",
    "messages.list.element.role", "trail.list.element.speaker", "trail.list.element.act",
    "trail.list.element.form", "trail.list.element.verdict.status",
    "trail.list.element.verdict.verifier", "trail.list.element.finish_reason", "outcome.status",
    "gold.kind", "prompts.student", "prompts.teacher", "models.student", "models.teacher",
]  # fmt: skip


class Shard:
    """A Parquet file that is written table by table and appears, complete, when it is closed.

    If an error ends the block, no file appears. The bytes do not depend on the sizes of the tables.
    """

    def __init__(self, path: Location, compression_level: int = 3) -> None:
        self.rows = 0
        self._level = compression_level
        self._pending: list[pa.Table] = []
        self._waiting = 0
        self._writer: Any = None
        self._schema: Any = arrow_schema()
        self._stack = ExitStack()
        self._stack.enter_context(writing(path))
        self._part = self._stack.enter_context(whole(path))
        self._stack.push(self._finish)

    def write(self, table: pa.Table) -> None:
        """Adds rows with the columns of the contract, in the contract's order.

        Raises:
            OSError: the disk is full; pass the error to `close`.
        """
        self.rows += len(table)
        self._waiting += len(table)
        self._pending.append(table)
        while self._waiting >= _GROUP_ROWS:
            self._flush(_GROUP_ROWS)

    def close(self, *error: Any) -> None:
        """Moves the finished file to its path, or drops it if there was an error.

        Raises:
            OutputError: the disk is full.
        """
        self._stack.__exit__(*(error or (None, None, None)))

    def __enter__(self) -> "Shard":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close(*error)

    def _finish(self, *error: Any) -> None:
        try:
            if error[0] is None:
                self._open()
                if self._waiting:
                    self._flush(self._waiting)
        finally:
            if self._writer is not None:
                self._writer.close()

    def _open(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._part,
                self._schema,
                compression="zstd",
                compression_level=self._level,
                use_dictionary=_FEW_VALUES,
                write_page_index=True,
                use_compliant_nested_type=True,
            )

    def _flush(self, rows: int) -> None:
        self._open()
        table = pa.concat_tables(self._pending)
        self._pending = [table.slice(rows)] if len(table) > rows else []
        self._waiting -= rows
        # As one chunk, because Arrow starts a new page at the end of each chunk.
        group = table.slice(0, rows).combine_chunks()
        parts = -(-group.nbytes // _GROUP_BYTES)
        self._writer.write_table(group, row_group_size=-(-rows // max(1, parts)))


def write_shard(path: Location, rows: Iterable[RowDict], compression_level: int = 3) -> int:
    """Writes `rows` to `path` and returns their number, which may be 0.

    Raises:
        RunFailed: a row does not fit the contract.
        OutputError: the disk is full.
    """
    schema: Any = arrow_schema()
    rows = iter(rows)
    with Shard(path, compression_level) as shard:
        while batch := list(islice(rows, _BATCH_ROWS)):
            shard.write(_table(batch, schema))
    return shard.rows


def with_solved(root: Location, splits: Iterable[str], files: dict[str, int]) -> dict[str, int]:
    """`files` (path below `root` -> rows), with an empty shard `solved` of each of `splits` if no split
    has one: the configuration `sft` then exists in every run. Only then, because `load_dataset` refuses
    a configuration if one of its splits is empty, unless it streams.
    """
    if not any("/solved-" in path for path in files):
        paths = [f"shards/{split}/solved-00000-of-00001.parquet" for split in sorted(splits)]
        files = files | {path: write_shard(root / path, ()) for path in paths}
    return dict(sorted(files.items()))


def _table(batch: list[RowDict], schema: Any) -> pa.Table:
    for row in batch:
        if not fits(row):
            raise RunFailed(
                f"row {row.get('dialogue_id')}: {next(faults(row))}; it does not fit the columns of "
                "a shard"
            )
    return pa.Table.from_pylist(batch, schema=schema)
