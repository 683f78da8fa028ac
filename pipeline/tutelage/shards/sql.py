"""SQL on the rows of a run, in a connection that can do nothing else.

A condition comes from a person, a saved filter or a page in a browser. It is one expression on the
columns of a row, and may query the table `dialogues` in a subquery. It cannot reach a file, the
network, an extension, a setting or another statement. Two measures ensure this, each sufficient
alone: the parsed text is inspected before it runs, and DuckDB is locked before it sees the text.

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
"""Memory limit of DuckDB; beyond it DuckDB spills into the folder for temporary files."""
_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
"""Table functions that a subquery may use."""
_TABLES = frozenset({"dialogues", "numbered"})
_HELP = "wanted a condition over the columns of a row, such as outcome.solved_turn > 1"


def condition(text: str) -> str:
    """The condition in parentheses, ready to be put into a query.

    Raises:
        Mistake: it is not one expression, or reads anything but the rows.
    """
    if not text.strip():
        raise Mistake(f"{_HELP}, got nothing")
    # Parsed in two kinds of brackets: a text that closes one kind early does not close the other.
    tree = _parsed(f"SELECT 1 FROM dialogues WHERE (\n{text}\n)", text)
    _parsed(f"SELECT [\n{text}\n]", text)
    if foreign := _foreign(tree):
        raise Mistake(
            f"the condition {_short(text)} reads {foreign}: it may read the columns of a row, and "
            "the table dialogues in a subquery"
        )
    return f"(\n{text}\n)"


def whole_groups(text: str) -> str:
    """A condition that is true of a row if the given one is true of every row of its group.

    Raises:
        Mistake: as `condition`.
    """
    checked = condition(text)
    broken = f"SELECT group_id FROM dialogues WHERE ({checked}) IS NOT TRUE"
    return f"{checked} AND group_id NOT IN ({broken})"


def connect(files: Sequence[Location]) -> Any:
    """A locked connection with the rows of these files, in their order.

    `numbered` has an additional column `row_index`: the number of the row, from 0 across all files.
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
        _empty(connection)
    elif isinstance(files[0], Remote):
        _from_store(connection, [path for path in files if isinstance(path, Remote)])
    else:
        _from_disk(connection, files)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def selected(connection: Any, sql: str, rows: int = 1000) -> Iterator[Any]:
    """The record batches of a SELECT, of about `rows` rows each.

    Raises:
        Mistake: it is not valid SQL on the columns, or fails on a row.
    """
    with refused():
        result = connection.sql(sql)
        if result is None:
            return
        yield from result.to_arrow_reader(rows)


def dicts(result: Any) -> list[dict[str, Any]]:
    """All rows of a DuckDB result, as dicts."""
    names = [column[0] for column in result.description]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


@contextmanager
def refused() -> Iterator[None]:
    """Turns an error of DuckDB into a one-line mistake."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise Mistake(f"not SQL over the columns of a run: {words}") from None


def _from_disk(connection: Any, files: Sequence[Location]) -> None:
    names = [str(Path(str(path)).absolute()) for path in files]
    # DuckDB would take a name with a star in it for a pattern.
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
    """The pattern that matches only this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _rows(path: Location) -> int:
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(str(path)).num_rows
    return rows


def _from_store(connection: Any, files: Sequence[Remote]) -> None:
    """Lets Arrow read the files for DuckDB, which has its own notion of stores and credentials."""
    from pyarrow import dataset

    urls = [path.at for path in files]
    table = dataset.dataset([key for _, key in urls], filesystem=urls[0][0], format="parquet")
    connection.register("dialogues", table)
    connection.execute(
        "CREATE VIEW numbered AS SELECT *, row_number() OVER () - 1 AS row_index FROM dialogues"
    )


def _empty(connection: Any) -> None:
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
        raise Mistake(f"the condition {_short(text)} is nested too deeply: shorten it") from None
    if tree["error"] or len(tree["statements"]) != 1:
        words = str(tree.get("error_message", "more than one statement")).splitlines()[0]
        raise Mistake(f"not SQL over the columns of a run: {words}; {_HELP}, got {_short(text)}")
    return tree


def _foreign(tree: Any) -> str:
    """The first thing that the query reads other than the rows; empty if there is none."""
    known = set(_TABLES)
    nodes = list(_nodes(tree))
    for node in nodes:
        if isinstance(node.get("cte_map"), dict):
            known |= {str(cte.get("key", "")).lower() for cte in node["cte_map"].get("map", [])}
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
            return "DuckDB's own tables"
    return ""


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in the tree; without recursion, because trees may be deep."""
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
