"""Reads the shards of a run: as rows, streamed, or as a DuckDB table for SQL."""

from collections.abc import Iterator, Sequence
from typing import Any

from tutelage.errors import Mistake
from tutelage.shards.folder import existing
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
    import pyarrow.parquet as pq

    files = shard_files(run, splits, kind)
    if where:
        wanted = ", ".join(f'"{c}"' for c in columns) if columns else "*"
        found = query(f"SELECT {wanted} FROM dialogues WHERE {where}", files)
        names = [column[0] for column in found.description]
        while batch := found.fetchmany(1000):
            yield from (dict(zip(names, values, strict=True)) for values in batch)
        return
    for path in files:
        # Of a store, many small pieces are asked for at once, not one after another.
        far = isinstance(path, Remote)
        with opened(path) as source, pq.ParquetFile(source, pre_buffer=far) as file:
            for batch in file.iter_batches(1000, columns=list(columns) if columns else None):
                yield from batch.to_pylist()


def table(run: str) -> Any:
    """A DuckDB connection in which the view `dialogues` is the whole run."""
    return connect(shard_files(run))


def connect(files: Sequence[Location]) -> Any:
    """A DuckDB connection with the view `dialogues` over `files`."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = true")
    far = [path.at for path in files if isinstance(path, Remote)]
    if far:
        from pyarrow import dataset

        # DuckDB has its own idea of stores and credentials; Arrow hands it the columns it wants.
        table = dataset.dataset([key for _, key in far], filesystem=far[0][0], format="parquet")
        connection.register("dialogues", table)
        return connection
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    connection.execute(f"CREATE VIEW dialogues AS SELECT * FROM read_parquet([{names}])")
    return connection


def query(sql: str, files: Sequence[Location]) -> Any:
    """Runs SQL over `dialogues`. Raises `Mistake` where DuckDB does not understand it."""
    import duckdb

    try:
        return connect(files).execute(sql)
    except duckdb.Error as error:
        raise Mistake(f"not SQL over the columns of a run: {str(error).splitlines()[0]}") from None
