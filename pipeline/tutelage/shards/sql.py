"""SQL over the rows of a run, in a connection that can do nothing else.

A condition comes from a person, a saved filter or a page in a browser. It is one expression over the
columns of a row; it may ask the table `dialogues` again in a subquery. It cannot reach a file, the
network, an extension, a setting or another statement: the text is parsed and looked through before
it runs, and DuckDB itself is locked before it sees it, so that either alone would do.

    connect      a locked connection with `dialogues`, all rows, and `numbered`, with `row_index`
    condition    a person's condition, checked
    selected     the rows of a SELECT, streamed as Arrow batches

Not here: what a filter's options mean (`derive.rules`).
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tutelage.errors import Mistake
from tutelage.storage import Location, Remote

MEMORY = "512MB"
"""What DuckDB may hold; beyond that it spills into the folder for temporary files."""
_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
"""Functions that a subquery may read from."""
_TABLES = frozenset({"dialogues", "numbered"})
_HELP = "wanted a condition over the columns of a row, such as outcome.solved_turn > 1"


def condition(text: str) -> str:
    """The condition as it can stand in a query.

    Raises:
        Mistake: it is not one expression, or reads something else than the rows.
    """
    if not text.strip():
        raise Mistake(f"{_HELP}, got nothing")
    # What closes one kind of bracket early does not close the other.
    tree = _parsed(f"SELECT 1 FROM dialogues WHERE (\n{text}\n)", text)
    _parsed(f"SELECT [\n{text}\n]", text)
    if foreign := _foreign(tree):
        raise Mistake(
            f"the condition {_short(text)} reads {foreign}: it may read the columns of a row, and "
            "the table dialogues in a subquery"
        )
    return f"(\n{text}\n)"


def whole_groups(text: str) -> str:
    """A condition by which rows are read only where the given one is true of their whole group.

    Raises:
        Mistake: as `condition`.
    """
    checked = condition(text)
    broken = f"SELECT group_id FROM dialogues WHERE ({checked}) IS NOT TRUE"
    return f"{checked} AND group_id NOT IN ({broken})"


def connect(files: Sequence[Location]) -> Any:
    """A locked connection over these files, in their order.

    `numbered` has the column `row_index` besides: the number of the row, from 0 through all files.
    """
    import duckdb

    connection = duckdb.connect(
        config={
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "temp_directory": str(Path(tempfile.gettempdir()) / "tutelage-sql"),
        }
    )
    connection.execute("SET preserve_insertion_order = true")
    if not files:
        _nothing(connection)
    elif isinstance(files[0], Remote):
        _from_store(connection, [path for path in files if isinstance(path, Remote)])
    else:
        _from_disk(connection, files)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def selected(connection: Any, sql: str, rows: int = 1000) -> Iterator[Any]:
    """The record batches of a SELECT, of about so many rows each.

    Raises:
        Mistake: it is no SQL over the columns, or fails on a row.
    """
    with refused():
        result = connection.sql(sql)
        if result is None:
            return
        yield from result.to_arrow_reader(rows)


@contextmanager
def refused() -> Iterator[None]:
    """Turns DuckDB's complaint into a mistake of one line."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise Mistake(f"not SQL over the columns of a run: {words}") from None


def _from_disk(connection: Any, files: Sequence[Location]) -> None:
    names = [str(Path(str(path)).absolute()) for path in files]
    # A name with a star in it is a name. DuckDB would take it for a pattern.
    patterns = ", ".join(_quoted(_literal(name)) for name in names)
    allowed = ", ".join(_quoted(name) for name in dict.fromkeys([*names, *map(_literal, names)]))
    connection.execute(f"SET allowed_paths = [{allowed}]")
    source = f"read_parquet([{patterns}])"
    connection.execute(f"CREATE VIEW dialogues AS SELECT * FROM {source}")
    begins = [0]
    for path in files:
        begins.append(begins[-1] + _rows(path))
    row_index = f"({begins}::BIGINT[])[file_index::BIGINT + 1] + file_row_number"
    connection.execute(f"CREATE VIEW numbered AS SELECT *, {row_index} AS row_index FROM {source}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(name: str) -> str:
    """The pattern that only this name matches."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _rows(path: Location) -> int:
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(str(path)).num_rows
    return rows


def _from_store(connection: Any, files: Sequence[Remote]) -> None:
    """DuckDB has its own idea of stores and credentials; Arrow hands it the columns it wants."""
    from pyarrow import dataset

    urls = [path.at for path in files]
    table = dataset.dataset([key for _, key in urls], filesystem=urls[0][0], format="parquet")
    connection.register("dialogues", table)
    connection.execute(
        "CREATE VIEW numbered AS SELECT *, row_number() OVER () - 1 AS row_index FROM dialogues"
    )


def _nothing(connection: Any) -> None:
    from tutelage.contract import arrow_schema

    connection.register("dialogues", arrow_schema().empty_table())
    connection.execute("CREATE VIEW numbered AS SELECT *, 0 AS row_index FROM dialogues")


def _parsed(sql: str, text: str) -> Any:
    import duckdb

    with duckdb.connect() as connection:
        parsed = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    try:
        tree = json.loads(parsed[0])
    except RecursionError:
        raise Mistake(
            f"the condition {_short(text)} is nested too deeply: say it shorter"
        ) from None
    if tree["error"] or len(tree["statements"]) != 1:
        words = str(tree.get("error_message", "more than one statement")).splitlines()[0]
        raise Mistake(f"not SQL over the columns of a run: {words}; {_HELP}, got {_short(text)}")
    return tree


def _foreign(tree: Any) -> str:
    """What the query reads besides the rows; empty where that is nothing."""
    known = set(_TABLES)
    nodes = list(_nodes(tree))
    for node in nodes:
        if isinstance(node.get("cte_map"), dict):
            known |= {str(one.get("key", "")).lower() for one in node["cte_map"].get("map", [])}
    for node in nodes:
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in _FUNCTIONS:
                return f"{name}()"
        elif node.get("type") == "BASE_TABLE":
            path = node.get("qualified_name", {}).get("path") or [node.get("table_name", "")]
            if len(path) > 1 or str(path[0]).lower() not in known:
                return f"the table {'.'.join(map(str, path))}"
        elif node.get("type") == "SHOW_REF":
            return "what DuckDB knows of itself"
    return ""


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree, without a call for each level of it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 80 else f"{line[:79]}…")
