"""Streams rows into one file, Parquet with a fixed schema or JSONL, completely or not at all.

Row groups end at 32 MB of Arrow data, far below the limit of the hub's viewer, and memory holds one
at a time. An export without rows writes no file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.exports.taker import RowDict
from tutelage.shards.folder import writing
from tutelage.storage import Location, whole

GROUP_BYTES = 32 << 20
_BATCH = 200


def write(
    path: Location, rows: Iterable[RowDict], schema: pa.Schema, about: Mapping[str, Any]
) -> int:
    """Writes the rows in the format of the suffix of `path`, and returns their number.

    Args:
        path: ends in `.parquet` or `.jsonl`.
        rows: dicts with the columns of the schema.
        schema: used for Parquet only.
        about: where the rows are from; stored in the metadata of a Parquet file.

    Raises:
        OutputError: the disk is full, or `path` cannot be written.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return 0
    rows = chain([first], rows)
    with writing(path), whole(path) as part:
        if path.suffix == ".jsonl":
            return _lines(part, rows)
        kept = schema.with_metadata({"tutelage": json.dumps(about, sort_keys=True)})
        return _parquet(part, rows, kept)


def _lines(part: Any, rows: Iterable[RowDict]) -> int:
    count = 0
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return count


def _parquet(part: Any, rows: Iterable[RowDict], schema: pa.Schema) -> int:
    count = 0
    with pq.ParquetWriter(part, schema, compression="zstd", write_page_index=True) as writer:
        for table in _groups(rows, schema):
            writer.write_table(table, row_group_size=len(table))
            count += len(table)
    return count


def _groups(rows: Iterable[RowDict], schema: pa.Schema) -> Iterator[pa.Table]:
    tables: list[pa.Table] = []
    batch: list[RowDict] = []
    size = 0
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            tables.append(pa.Table.from_pylist(batch, schema))
            size += tables[-1].nbytes
            batch = []
        if size > GROUP_BYTES:
            yield pa.concat_tables(tables)
            tables, size = [], 0
    if batch:
        tables.append(pa.Table.from_pylist(batch, schema))
    if tables:
        yield pa.concat_tables(tables)
