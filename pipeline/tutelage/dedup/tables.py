"""Any Parquet or JSON Lines file as a table that is read twice: first a few columns, then all rows.

Deduplication needs the ids and texts of all rows before it can decide about the first. So it reads
a file once for those, and once more to copy it with the results. Neither pass holds more than a few
megabytes of rows.

Values of a column are interpreted in `fields`; a run's folder and shards are in `shards`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq
from pyarrow import fs

from tutelage.errors import Mistake
from tutelage.plugins import nearest
from tutelage.storage import locate, reason

_BLOCK = 8_000_000
"""Bytes of JSON Lines parsed at a time."""
_ROWS = 10_000
"""Rows of Parquet read at a time."""
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd", b"BZ": "bz2"}


class Table(Protocol):
    """A file of rows."""

    path: str

    @property
    def schema(self) -> pa.Schema:
        """All columns. For JSON Lines, complete only after `select`."""

    def select(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows, in order.

        Raises:
            Mistake: there is no such column, or the file is malformed.
        """

    def rows(self) -> Iterator[pa.RecordBatch]:
        """All columns of all rows, in the same order, after `select` was read to its end."""


def open_table(path: str) -> Table:
    """The table in the file at a local path or a URL that Arrow can read (`gs://`, `s3://`).

    Raises:
        Mistake: there is no such file, or it is neither Parquet nor JSON Lines.
    """
    system, path_in_system = locate(path)
    try:
        kind = system.get_file_info(path_in_system).type
        if kind == fs.FileType.NotFound:
            raise Mistake(f"no such file: {path}")
        if kind == fs.FileType.Directory:
            raise Mistake(f"wanted a Parquet or JSONL file, got the folder {path}: name its files")
        with system.open_input_file(path_in_system) as file:
            head = file.read(4)
    except OSError as error:
        raise Mistake(f"cannot read {path}: {reason(error)}") from error
    if head == b"PAR1":
        return _Parquet(path, system, path_in_system)
    return _Lines(path, system, path_in_system, _MAGIC.get(head[:2]))


def chain(path: str, files: Sequence[str]) -> Table:
    """Parquet files of one schema, such as the shards of a run, as one table named `path`.

    Raises:
        Mistake: there are no files, or one of them is malformed.
    """
    if not files:
        raise Mistake(f"no rows in {path}: nothing to do")
    return _Chain(path, [open_table(file) for file in files])


class _Parquet:
    def __init__(self, path: str, system: fs.FileSystem, place: str) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(place, filesystem=system)
        except (pa.ArrowException, OSError) as error:
            raise Mistake(f"{path} is no Parquet file: {reason(error)}") from error

    @property
    def schema(self) -> pa.Schema:
        return self._file.schema_arrow

    def select(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        _want(self.path, columns, self.schema.names)
        return self._read(list(columns))

    def rows(self) -> Iterator[pa.RecordBatch]:
        return self._read(None)

    def _read(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(_ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise Mistake(f"{self.path} is broken: {reason(error)}") from error


class _Chain:
    def __init__(self, path: str, tables: Sequence[Table]) -> None:
        self.path = path
        self._tables = tables

    @property
    def schema(self) -> pa.Schema:
        return self._tables[0].schema

    def select(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return (batch for table in self._tables for batch in table.select(columns))

    def rows(self) -> Iterator[pa.RecordBatch]:
        return (batch for table in self._tables for batch in table.rows())


class _Lines:
    """JSON Lines. A column that some rows lack is null there; types are found by reading all rows."""

    def __init__(
        self, path: str, system: fs.FileSystem, place: str, compression: str | None
    ) -> None:
        self.path = path
        self._open: Callable[[], pa.NativeFile] = lambda: system.open_input_stream(
            place, compression=compression
        )
        self._schema = pa.schema([])

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def select(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schemas: list[pa.Schema] = []
        for line, block in self._blocks():
            table = self._parse(line, block, None)
            if any(_dated(field.type) for field in table.schema):
                # Arrow parses "2024-01-01" as a date; here, text must stay text.
                table = self._parse(line, block, _undated(table.schema))
            if not schemas:
                _want(self.path, columns, table.schema.names)
            schemas.append(table.schema)
            for column in columns:
                if column not in table.schema.names:
                    table = table.append_column(column, pa.nulls(len(table)))
            yield from table.select(list(columns)).to_batches()
        if not schemas:
            return
        try:
            self._schema = pa.unify_schemas(schemas, promote_options="permissive")
        except pa.ArrowException as error:
            raise Mistake(f"{self.path}: a column changes its type: {reason(error)}") from error

    def rows(self) -> Iterator[pa.RecordBatch]:
        for line, block in self._blocks():
            table = self._parse(line, block, self._schema)
            yield from table.select(self._schema.names).to_batches()

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Complete lines, some megabytes at a time, and the number of the first line."""
        line = 1
        rest = b""
        try:
            with self._open() as stream:
                while chunk := stream.read(_BLOCK):
                    head, block, tail = (rest + chunk).rpartition(b"\n")
                    if block:
                        yield line, head
                        line += head.count(b"\n") + 1
                    rest = tail
        except OSError as error:
            raise Mistake(f"cannot read {self.path}: {reason(error)}") from error
        if rest.strip():
            yield line, rest

    def _parse(self, line: int, block: bytes, schema: pa.Schema | None) -> pa.Table:
        if not block.strip():
            return (schema or pa.schema([])).empty_table()
        try:
            table = pj.read_json(
                pa.BufferReader(block),
                read_options=pj.ReadOptions(block_size=len(block) + 1, use_threads=False),
                parse_options=pj.ParseOptions(explicit_schema=schema),
            )
            _ = table.schema.names  # column names may be invalid UTF-8, like the values
            table.validate(full=True)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise self._broken(line, block, error) from error
        return table

    def _broken(self, line: int, block: bytes, error: Exception) -> Mistake:
        """The error for the first broken line, with its number."""
        for number, text in enumerate(block.split(b"\n"), line):
            if not text.strip():
                continue
            try:
                row = json.loads(text.decode("utf-8-sig"))
                json.dumps(row, ensure_ascii=False).encode()
            except UnicodeDecodeError as line_error:
                return Mistake(
                    f"{self.path}: line {number} is not UTF-8 "
                    f"(byte {line_error.object[line_error.start]:#x} at {line_error.start}): "
                    "convert the file to UTF-8"
                )
            except UnicodeEncodeError as line_error:
                return Mistake(
                    f"{self.path}: line {number} has half a surrogate pair, which is no text "
                    f"({line_error.object[line_error.start]!a}): take it out, or put \\ufffd in its "
                    "place"
                )
            except (ValueError, RecursionError) as line_error:
                return Mistake(f"{self.path}: line {number} is not JSON: {line_error}")
            if not isinstance(row, dict):
                return Mistake(f"{self.path}: line {number}: wanted an object, got {text[:40]!r}")
        cause = reason(error)
        cure = ": make it one type" if "changed from" in cause else ""
        return Mistake(f"{self.path}: after line {line}: {cause}{cure}")


def _want(path: str, columns: Sequence[str], names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise Mistake(f"{path} has {count} columns named {name!r}: rename all but one of them")
    for column in columns:
        if column not in names:
            listed = ", ".join(names) or "none"
            raise Mistake(
                f"{path} has no column {column!r}{nearest(column, names)}; it has: {listed}"
            )


def _dated(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_dated(kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_temporal(kind))


def _undated(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _as_text(field.type)) for field in schema])


def _as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, _as_text(part.type)) for part in kind])
    if pa.types.is_list(kind):
        return pa.list_(_as_text(kind.value_type))
    return pa.string() if pa.types.is_temporal(kind) else kind
