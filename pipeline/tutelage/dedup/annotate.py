"""Marks the rows of files: writes the same rows in the same order, with two additional columns.

`duplicate_of` is the id of the surviving row that a row duplicates, null if the row stays;
`cluster_id` is the smallest id of the row's cluster, its own if it is alone. Nothing is removed:
`WHERE duplicate_of IS NULL` selects the deduplicated set.

`manifest.json` next to the rows has the scheme, the inputs and the counts, and nothing that depends
on time or machine, so the same files give the same bytes.
"""

import json
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from tutelage import __version__
from tutelage.dedup.fields import Field
from tutelage.dedup.pairs import find_within
from tutelage.dedup.result import Result
from tutelage.dedup.scheme import Scheme
from tutelage.dedup.sketches import Id, Sketches, sketch_all
from tutelage.dedup.tables import Table
from tutelage.errors import Mistake, OutputError
from tutelage.storage import locate

COLUMNS = ("duplicate_of", "cluster_id")
Progress = Callable[[str, int, int], None]
"""Called with the stage, the number done, and the total (0 if unknown)."""


def annotate(
    tables: Sequence[Table],
    out: str,
    scheme: Scheme,
    text: str = "text",
    id: str | None = None,
    threads: int = 1,
    progress: Progress = lambda stage, done, total: None,
    within: str | None = None,
    named: bool = False,
) -> dict[str, Any]:
    """Finds duplicates within and between the tables; writes one Parquet file for each to `out`.

    Args:
        tables: the files, or runs; together they are one set of rows.
        out: folder or URL that is new or empty.
        scheme: the rule by which texts are duplicates.
        text: column with the text, or with chat messages. A row without text is only copied.
        id: column with unique ids; without it, ids are row numbers from 0 across all files. The
            smallest id of a group of duplicates stays.
        threads: for sketching and comparing; the result does not depend on their number.
        progress: called regularly.
        within: column; only rows with the same value in it are compared.
        named: ids are unique only within a table. Both columns then have the form `TABLE/ID`, and
            of two rows with the same id, the one in the earlier table comes first.

    Returns:
        The manifest.

    Raises:
        Mistake: a file or a column is invalid; see the message.
        OutputError: `out` cannot be written.
    """
    system, folder = _prepared(out)
    names = _names(tables)
    rows = _Rows(text, id, within, [name.removesuffix(".parquet") for name in names] * named)
    documents = rows.read(tables, progress)
    sketches = Sketches.concat(sketch_all(documents, scheme, threads), scheme)
    if not rows.ids:
        raise Mistake(f"no rows in {', '.join(table.path for table in tables)}: nothing to do")
    ids, kind = sketches.ids, rows.kind
    if named:
        sketches = replace(sketches, ids=_ranks(ids))
    result = find_within(
        sketches, rows.parts, scheme, threads, lambda done, of: progress("compared", done, of)
    )
    annotations = _Annotations(rows, result, ids, kind)
    done = 0
    for table, name, end in zip(tables, names, rows.ends, strict=True):
        try:
            done = _write(system, f"{folder}/{name}", table, annotations, done, end, progress)
        except OSError as error:
            raise OutputError(f"cannot write {out}/{name}: {error}") from error
    columns = {"text": text, "id": id, "within": within}
    manifest = _manifest(tables, names, rows, scheme, columns)
    manifest |= {"without_text": len(rows.ids) - len(sketches), "counts": result.counts.record()}
    with system.open_output_stream(f"{folder}/manifest.json") as file:
        file.write(json.dumps(manifest, indent=2).encode() + b"\n")
    return manifest


def _manifest(
    tables: Sequence[Table],
    names: Sequence[str],
    rows: "_Rows",
    scheme: Scheme,
    columns: dict[str, str | None],
) -> dict[str, Any]:
    """The inputs and the rule."""
    begins = [0, *rows.ends]
    return {
        "kind": "dedup",
        "tutelage": __version__,
        "scheme": scheme.record(),
        **columns,
        "inputs": [
            {"file": table.path, "rows": end - begin, "output": name}
            for table, name, begin, end in zip(tables, names, begins, rows.ends, strict=False)
        ],
        "rows": len(rows.ids),
    }


class _Rows:
    """What the first pass collects about all rows, besides their sketches."""

    def __init__(self, text: str, id: str | None, within: str | None, names: list[str]) -> None:
        self._text = text
        self._id = id
        self._within = within
        self._names = names
        self.ids: list[Id] = []
        self._kinds: list[pa.DataType] = []
        """Types of the id columns, without repetition."""
        self.ends: list[int] = []
        """Number of rows up to the end of each file."""
        self.position = array("q")
        """Position of each row among the sketches; -1 for a row without text."""
        self.parts: list[str] = []
        """For each sketch, the value of the `within` column."""

    def read(self, tables: Sequence[Table], progress: Progress) -> Iterator[tuple[Id, str]]:
        """The documents: rows that have a text."""
        seen: set[Id] = set()
        columns = list(dict.fromkeys(c for c in (self._text, self._id, self._within) if c))
        for number, table in enumerate(tables):
            for batch in table.select(columns):
                texts = Field(table.path, self._text).texts(batch.column(self._text))
                names = self._ids(table.path, batch, number, seen)
                parts = self._parts(table.path, batch)
                self.ids += names
                for name, document, part in zip(names, texts, parts, strict=True):
                    self.position.append(-1 if document is None else len(self.parts))
                    if document is not None:
                        self.parts.append(part)
                        yield name, document
                progress("read", len(self.ids), 0)
            self.ends.append(len(self.ids))

    def _ids(self, path: str, batch: pa.RecordBatch, number: int, seen: set[Id]) -> Sequence[Id]:
        start = len(self.ids)
        if self._id is None:
            return range(start, start + len(batch))
        column = batch.column(self._id)
        names: Sequence[Id] = Field(path, self._id).ids(column)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if kind not in self._kinds:
            self._kinds.append(kind)
        if self._names:
            names = [f"{self._names[number]}/{name}" for name in names]
        _check(names, seen, start, path, self.ids)
        return names

    @property
    def kind(self) -> pa.DataType:
        """The type of ids: that of their column; for several columns, one that can represent all
        ids.

        Raises:
            Mistake: there is no such type.
        """
        if self._names:
            return pa.string()
        if len(self._kinds) == 1:
            return self._kinds[0]
        if isinstance(self.ids[0], str):
            return pa.large_string() if pa.large_string() in self._kinds else pa.string()
        for kind in (pa.int64(), pa.uint64()):
            with suppress(OverflowError):
                pa.array((min(self.ids), max(self.ids)), kind)
                return kind
        raise Mistake(
            f"ids go from {min(self.ids)} to {max(self.ids)}, for which there is no type of column: "
            "make them text"
        )

    def _parts(self, path: str, batch: pa.RecordBatch) -> list[str]:
        if self._within is None:
            return [""] * len(batch)
        parts = Field(path, self._within).texts(batch.column(self._within))
        return [sys.intern(part or "") for part in parts]


def _ranks(ids: list[Id]) -> list[Id]:
    """The rank of each `TABLE/ID`, ordered by id, then by table (the order of the input)."""
    bare = [str(name).partition("/")[2] for name in ids]
    ranks: list[Id] = [0] * len(ids)
    for rank, position in enumerate(sorted(range(len(ids)), key=bare.__getitem__)):
        ranks[position] = rank
    return ranks


def _check(names: Sequence[Id], seen: set[Id], start: int, path: str, earlier: list[Id]) -> None:
    """Checks that ids are unique and of one type."""
    if earlier and names and type(earlier[0]) is not type(names[0]):
        raise Mistake(f"{path}: ids are text in one file and numbers in another: make them one")
    for number, name in enumerate(names, start):
        if name in seen:
            first = earlier.index(name) if name in earlier else start + names.index(name)
            raise Mistake(
                f"{path}: id {name!r} comes twice, in rows {first} and {number} (from 0): wanted "
                "unique ids; leave out --id to number the rows"
            )
        seen.add(name)


@dataclass(frozen=True, slots=True)
class _Annotations:
    rows: _Rows
    result: Result
    ids: list[Id]
    """Id of each document."""
    type: pa.DataType
    """Type of the ids, and so of both columns."""

    def columns(self, begin: int, end: int) -> list[pa.Array]:
        """`duplicate_of` and `cluster_id` of rows begin to end."""
        positions: npt.NDArray[np.int64] = np.frombuffer(self.rows.position, np.int64)
        position = positions[begin:end]
        ids = self.ids
        twins: list[Id | None] = [None] * len(position)
        clusters = self.rows.ids[begin:end]
        with_text = np.nonzero(position >= 0)[0]
        twin, first = self.result.twin[position[with_text]], self.result.first[position[with_text]]
        for row, twin_position, smallest in zip(
            with_text.tolist(), twin.tolist(), first.tolist(), strict=True
        ):
            clusters[row] = ids[smallest]
            if twin_position >= 0:
                twins[row] = ids[twin_position]
        return [pa.array(twins, self.type), pa.array(clusters, self.type)]


def _prepared(out: str) -> tuple[fs.FileSystem, str]:
    """Creates the output folder and checks that it is empty."""
    system, folder = locate(out)
    try:
        system.create_dir(folder)
        files = system.get_file_info(fs.FileSelector(folder))
        with system.open_output_stream(f"{folder}/manifest.json.part") as probe:
            probe.write(b"")
        system.delete_file(f"{folder}/manifest.json.part")
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error}") from error
    if files:
        raise OutputError(f"wanted a new or empty folder, got {out} with files in it: name another")
    return system, folder.rstrip("/")


def _names(tables: Sequence[Table]) -> list[str]:
    """One output name per input; numbered if two inputs have the same name."""
    stems = [PurePosixPath(table.path.replace("\\", "/")).name.split(".")[0] for table in tables]
    stems = [stem or "rows" for stem in stems]
    if len(set(stems)) == len(stems):
        return [f"{stem}.parquet" for stem in stems]
    return [f"{number:05d}-{stem}.parquet" for number, stem in enumerate(stems)]


def _write(
    system: fs.FileSystem,
    path: str,
    table: Table,
    annotations: _Annotations,
    begin: int,
    end: int,
    progress: Progress,
) -> int:
    """Writes the rows begin to end, under a temporary name until all are written. Returns `end`."""
    fields = [field for field in table.schema if field.name not in COLUMNS]
    metadata = dict(table.schema.metadata or {})
    metadata.pop(b"huggingface", None)  # lists the columns, and would hide the new ones
    schema = pa.schema([*fields, *(pa.field(name, annotations.type) for name in COLUMNS)], metadata)
    with pq.ParquetWriter(
        f"{path}.part", schema, filesystem=system, compression="zstd", compression_level=3
    ) as writer:
        for batch in table.rows():
            stop = begin + len(batch)
            if stop > end:
                break
            columns = [batch.column(field.name) for field in fields]
            writer.write_batch(
                pa.record_batch([*columns, *annotations.columns(begin, stop)], schema=schema)
            )
            begin = stop
            progress("written", begin, len(annotations.rows.ids))
    if begin != end:
        raise Mistake(f"{table.path} changed while it was read: run the command again")
    system.move(f"{path}.part", path)
    return end
