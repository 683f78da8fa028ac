"""Reads the shards of a run: as rows, streamed, or as a DuckDB table for SQL."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa

from tutelage.errors import Mistake
from tutelage.shards import sql
from tutelage.shards.folder import existing
from tutelage.shards.soundness import broken, footer
from tutelage.storage import Location, Remote, opened


def shard_files(run: str, splits: Sequence[str] = (), kind: str = "*") -> list[Location]:
    """The shards of a run, sorted; `kind` is `solved`, `rest` or `*`.

    Raises:
        Mistake: this is not a run, or it has not been published, or not to its end.
    """
    folder = existing(run)
    if not (folder.root / "manifest.json").exists():
        raise Mistake(f"{run!r} is not published yet: run `tutelage generate` on it until it ends")
    return sorted(
        path
        for path in folder.shards.glob(f"*/{kind}-*.parquet")
        if not splits or path.parent.name in splits
    )


def read_rows(
    run: str,
    columns: Sequence[str] | None = None,
    where: str = "",
    splits: Sequence[str] = (),
    kind: str = "*",
) -> Iterator[dict[str, Any]]:
    """Rows of a run as dicts, in the order of the files.

    Args:
        run: folder of the run, or its URL.
        columns: columns wanted; all where None.
        where: an SQL condition over the columns, such as `outcome.solved_turn > 1`.
        splits: splits wanted; all where empty.
        kind: `solved` (solved and no duplicate), `rest`, or `*` for both.

    Raises:
        Mistake: this is not a run, or the condition is no SQL over its columns.
    """
    yield from rows_of(shard_files(run, splits, kind), columns, where)


def rows_of(
    files: Sequence[Location], columns: Sequence[str] | None = None, where: str = ""
) -> Iterator[dict[str, Any]]:
    """Rows of these files, as `read_rows` gives them.

    Raises:
        Mistake: a file is broken, or the condition is no SQL over its columns.
    """
    import pyarrow.parquet as pq

    if where:
        wanted = ", ".join(f'"{c}"' for c in columns) if columns else "*"
        checked = sql.condition(where)
        with closing(connect(files)) as connection:
            for batch in sql.selected(
                connection, f"SELECT {wanted} FROM dialogues WHERE {checked}"
            ):
                yield from batch.to_pylist()
        return
    for path in files:
        # Of a store, many small pieces are asked for at once, not one after another.
        far = isinstance(path, Remote)
        try:
            with opened(path) as source, pq.ParquetFile(source, pre_buffer=far) as file:
                for batch in file.iter_batches(1000, columns=list(columns) if columns else None):
                    yield from batch.to_pylist()
        except pa.ArrowException as error:
            raise broken(path, error) from error


def table(run: str) -> Any:
    """A DuckDB connection in which the view `dialogues` is the whole run."""
    return connect(shard_files(run))


def connect(files: Sequence[Location]) -> Any:
    """A locked DuckDB connection with the view `dialogues` over `files`; see `shards.sql`.

    Raises:
        Mistake: one of them is cut short or no Parquet file.
    """
    import duckdb

    try:
        return sql.connect(files)
    except (pa.ArrowException, duckdb.Error, OSError):
        for path in files:
            footer(path)
        raise
