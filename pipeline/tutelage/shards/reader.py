"""Reads the shards of a run: as a stream of rows, or as a DuckDB table for SQL."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.errors import SettingsError
from tutelage.shards import sql
from tutelage.shards.soundness import broken, footer, sound
from tutelage.storage import Location, Remote, opened

RowIndices = npt.NDArray[np.int64]


def shard_files(run: str, splits: Sequence[str] = (), kind: str = "*") -> list[Location]:
    """The shards of a run, sorted; `kind` is `solved`, `rest` or `*`.

    Raises:
        Mistake: `run` is not a published run, or does not agree with its manifest.
    """
    return [
        path
        for path in sound(run).files
        if kind in ("*", path.name.partition("-")[0]) and (not splits or path.parent.name in splits)
    ]


def read_rows(
    run: str,
    columns: Sequence[str] | None = None,
    where: str = "",
    splits: Sequence[str] = (),
    kind: str = "*",
) -> Iterator[dict[str, Any]]:
    """Rows of a run as dicts, in the order of the files.

    Args:
        run: folder or URL of the run.
        columns: columns to read; all if None.
        where: an SQL condition on the columns, such as `outcome.solved_turn > 1`.
        splits: splits to read; all if empty.
        kind: `solved` (solved and no duplicate), `rest`, or `*` for both.

    Raises:
        Mistake: `run` is not a published run, or the condition is not valid SQL on its columns.
    """
    yield from rows_of(shard_files(run, splits, kind), columns, where)


def student(runs: Sequence[str], remedy: str) -> str:
    """Name of the model that was the student in the runs.

    Raises:
        SettingsError: they do not say, or name several; ends with the `remedy`.
    """
    names = set()
    for run in runs:
        first = next(read_rows(run, ("models",)), None)
        names.add(str(first["models"]["student"]) if first else "")
    if len(names) > 1 or names <= {"", "scripted"}:
        what = "name several student models" if len(names) > 1 else "names no student model"
        raise SettingsError(f"{', '.join(runs)} {what}: {remedy}")
    return names.pop()


def rows_of(
    files: Sequence[Location], columns: Sequence[str] | None = None, where: str = ""
) -> Iterator[dict[str, Any]]:
    """Rows of these files, as `read_rows` yields them.

    Raises:
        Mistake: a file is broken, or the condition is not valid SQL on its columns.
    """
    # SQL chooses the rows and Arrow reads them. So the order is always that of the files, and row
    # groups without a chosen row are not read.
    chosen = None
    if where:
        with closing(connect(files)) as connection:
            chosen = row_indices(connection, where)
    begin = 0
    for path in files:
        is_remote = isinstance(path, Remote)  # a store is asked for many small ranges at once
        try:
            with opened(path) as source, pq.ParquetFile(source, pre_buffer=is_remote) as file:
                end = begin + file.metadata.num_rows
                if chosen is None:
                    groups, wanted = list(range(file.num_row_groups)), None
                else:
                    wanted = np.zeros(end - begin, bool)
                    wanted[chosen[(chosen >= begin) & (chosen < end)] - begin] = True
                    groups = _with_any(file, wanted)
                for batch in _batches(file, groups, columns, wanted):
                    yield from batch.to_pylist()
                begin = end
        except pa.ArrowException as error:
            raise broken(path, error) from error


def row_indices(connection: Any, where: str) -> RowIndices:
    """The rows that meet an SQL condition, counted from 0 across all files, in their order.

    Raises:
        Mistake: it is not valid SQL on the columns of a row.
    """
    query = f"SELECT row_index FROM numbered AS dialogues WHERE {sql.condition(where)}"
    batches = [np.asarray(batch[0]) for batch in sql.selected(connection, query, 100_000)]
    return np.concatenate([np.empty(0, np.int64), *batches])


def _with_any(file: pq.ParquetFile, wanted: npt.NDArray[np.bool_]) -> list[int]:
    """The row groups of a file that contain a wanted row."""
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    return [i for i, end in enumerate(ends) if wanted[end - sizes[i] : end].any()]


def _batches(
    file: pq.ParquetFile,
    groups: list[int],
    columns: Sequence[str] | None,
    wanted: npt.NDArray[np.bool_] | None,
) -> Iterator[pa.RecordBatch]:
    names = list(columns) if columns else None
    begins = np.cumsum(
        [0, *(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups))]
    )
    for group in groups:
        at = int(begins[group])
        for batch in file.iter_batches(1000, row_groups=[group], columns=names):
            chosen = None if wanted is None else wanted[at : at + len(batch)]
            at += len(batch)
            yield batch if chosen is None else batch.filter(pa.array(chosen))


def table(run: str) -> Any:
    """A DuckDB connection whose view `dialogues` contains all rows of the run."""
    return connect(shard_files(run))


def connect(files: Sequence[Location]) -> Any:
    """A locked DuckDB connection with the view `dialogues` over `files`; see `shards.sql`.

    Raises:
        Mistake: one of the files is cut short or is not a Parquet file.
    """
    import duckdb

    try:
        return sql.connect(files)
    except (pa.ArrowException, duckdb.Error, OSError):
        for path in files:
            footer(path)
        raise
