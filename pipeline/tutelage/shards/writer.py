"""Writes one shard: rows checked against the contract, zstd, whole or not at all.

Parameters as measured on rows of about 1.5 kB with nested messages: zstd level 3 (ratio 3.6; level
6 and more cost 2.6 to 90 times the time for 6 to 15 % in size), row groups of 5,000 rows,
page index on, dictionaries for columns of few values only.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.contract import Row, arrow_schema, faults, fits
from tutelage.errors import RunFailed
from tutelage.shards.folder import writing
from tutelage.storage import Location, whole

_GROUP_ROWS = 5_000
_BATCH_ROWS = 500
_FEW_VALUES = [
    "arm", "run_id", "split", "domain", "source", "licence", "schema_version", "code_version",
    "messages.list.element.role", "trail.list.element.speaker", "trail.list.element.act",
    "trail.list.element.form", "trail.list.element.verdict.status",
    "trail.list.element.verdict.verifier", "trail.list.element.finish_reason", "outcome.status",
    "gold.kind", "prompts.student", "prompts.teacher", "models.student", "models.teacher",
]  # fmt: skip


def write_shard(path: Location, rows: Iterable[Row], compression_level: int = 3) -> int:
    """Writes `rows` to `path` and returns how many there were. No rows, no file.

    Raises:
        RunFailed: a row is not what the contract says.
        OutputError: the disk is full.
    """
    schema: Any = arrow_schema()
    count = 0
    writer: Any = None
    with writing(path), whole(path) as part:
        try:
            for table in _tables(rows, schema):
                if writer is None:
                    writer = pq.ParquetWriter(
                        part,
                        schema,
                        compression="zstd",
                        compression_level=compression_level,
                        use_dictionary=_FEW_VALUES,
                        write_page_index=True,
                        use_compliant_nested_type=True,
                    )
                writer.write_table(table, row_group_size=_GROUP_ROWS)
                count += len(table)
        finally:
            if writer is not None:
                writer.close()
    return count


def _tables(rows: Iterable[Row], schema: Any) -> Iterator[pa.Table]:
    """The rows of each row group; only few at once are held as Python's objects."""
    rows = iter(rows)
    batches = iter(lambda: list(islice(rows, _BATCH_ROWS)), [])
    tables = (_table(batch, schema) for batch in batches)
    while group := list(islice(tables, _GROUP_ROWS // _BATCH_ROWS)):
        yield pa.concat_tables(group)


def _table(batch: list[Row], schema: Any) -> pa.Table:
    for row in batch:
        if not fits(row):
            raise RunFailed(f"row {row.get('dialogue_id')}: {next(faults(row))}; it fits no shard")
    return pa.Table.from_pylist(batch, schema=schema)
