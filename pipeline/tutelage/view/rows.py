"""Runs as one table that pages, sorts, counts and finds quickly.

Of each row a few short columns are held in memory; messages are read from the shards when they are
looked at or searched. Conditions run in the locked connection of `shards.sql`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tutelage.errors import Mistake
from tutelage.shards import sql
from tutelage.shards.reader import connect
from tutelage.view.flags import flags
from tutelage.view.playing import Playing

PAGE = 50
MOST_HITS = 1000
"""Of a search; beyond it, one looks closer."""
_KEPT = 8
"""Searches and conditions whose finds are held."""

_LIGHT = """
CREATE TABLE light AS
SELECT row_index, dialogue_id, problem_id, run_id, arm, sample, split, source, domain,
       CASE WHEN outcome.solved_turn IS NOT NULL THEN 'turn ' || outcome.solved_turn
            ELSE outcome.status END AS how,
       outcome.turns AS turns, outcome."return" AS "return", usage.student.completion AS tokens,
       leak."any" AS leak, duplicate_of IS NOT NULL AS duplicate,
       cut, question, left(statement, 160) AS statement
FROM numbered JOIN flags USING (row_index)
"""
_SEARCH = """
list_contains(list_transform(messages, lambda m: contains(lower(m.content), lower(?))), true)
"""
FACETS = ("how", "arm", "split", "source", "domain", "run_id")
FLAGS = ("leak", "cut", "question", "duplicate")
SORTS = ("row_index", "problem_id", "arm", "turns", "return", "tokens", "how")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked at."""

    search: str = ""
    where: str = ""
    chosen: Mapping[str, str] | None = None
    """A facet or flag -> its value."""
    sort: str = "row_index"
    descending: bool = False
    offset: int = 0


class Rows:
    """The rows of some runs. May be asked by several threads at once."""

    def __init__(self, runs: Sequence[str]) -> None:
        """Raises `Mistake` where one of them is no run."""
        self.runs = list(runs)
        self._playing = [Playing(run) for run in runs]
        self._lock = Lock()
        self._open: _Open | None = None
        self.refresh()

    @property
    def live(self) -> bool:
        """Whether a run of them is not published, so that rows may still come."""
        return any(playing.live for playing in self._playing)

    def refresh(self) -> bool:
        """Takes in what came since; whether anything did."""
        with self._lock:
            moved = [playing.take() for playing in self._playing]
            if self._open is not None and not any(moved):
                return False
            files = [path for playing in self._playing for path in playing.files()]
            connection = connect(files)
            connection.register("flags", flags(files))
            connection.execute(_LIGHT)
            connection.unregister("flags")
            self._open = _Open(connection)
            return True

    def page(self, query: Query) -> dict[str, Any]:
        """`PAGE` rows of a query, and how many there are.

        Raises:
            Mistake: its condition is not one over the columns of a row.
        """
        cursor, condition, values, capped = self._condition(query)
        sort = query.sort if query.sort in SORTS else "row_index"
        order = f'"{sort}" {"DESC" if query.descending else "ASC"}, row_index'
        with sql.refused():
            total = cursor.execute(f"SELECT count(*) FROM light WHERE {condition}", values)
            count = total.fetchone()[0]
            result = cursor.execute(
                f"SELECT * FROM light WHERE {condition} ORDER BY {order} LIMIT {PAGE} OFFSET ?",
                [*values, max(0, query.offset)],
            )
            return {"total": count, "capped": capped, "rows": _dicts(result)}

    def facets(self, query: Query) -> dict[str, list[tuple[str, int]]]:
        """How many rows of a query have each value; for bars."""
        cursor, condition, values, _ = self._condition(query)
        counts: dict[str, list[tuple[str, int]]] = {}
        for name in FACETS:
            result = cursor.execute(
                f"SELECT {name}, count(*) FROM light WHERE {condition} "
                f"GROUP BY 1 ORDER BY 1 LIMIT 40",
                values,
            )
            counts[name] = [(str(value), count) for value, count in result.fetchall()]
        flags = ", ".join(f"count(*) FILTER (WHERE {name})" for name in FLAGS)
        result = cursor.execute(f"SELECT {flags} FROM light WHERE {condition}", values).fetchone()
        counts["flags"] = list(zip(FLAGS, result, strict=True))
        return counts

    def dialogue(self, key: str) -> dict[str, Any]:
        """The whole row of a dialogue.

        Raises:
            Mistake: there is none.
        """
        rows = self._whole("dialogue_id = ?", key, 1)
        if not rows:
            raise Mistake(f"no dialogue {key!r} in {', '.join(self.runs)}")
        return rows[0]

    def problem(self, key: str) -> list[dict[str, Any]]:
        """All dialogues over a problem, by arm and sample; 64 at most."""
        return self._whole("problem_id = ?", key, 64)

    def sample(self, count: int, where: str = "") -> list[dict[str, Any]]:
        """About so many whole rows, never more: all dialogues of problems that are spread evenly
        over those that the condition allows, so that they can be compared."""
        condition = sql.condition(where) if where else "true"
        cursor = self._opened().connection.cursor()
        with sql.refused():
            total, problems = cursor.execute(
                f"SELECT count(*), count(DISTINCT problem_id) FROM numbered WHERE {condition}"
            ).fetchone()
            wanted = max(1, count * problems // max(1, total))
            step = max(1, problems // wanted)
            spread = (
                "SELECT problem_id FROM (SELECT problem_id, row_number() OVER "
                f"(ORDER BY min(row_index)) AS n FROM numbered WHERE {condition} GROUP BY 1) "
                f"WHERE (n - 1) % {step} = 0"
            )
            return _dicts(
                cursor.execute(
                    f"SELECT * EXCLUDE row_index FROM numbered WHERE {condition} "
                    f"AND problem_id IN ({spread}) ORDER BY row_index LIMIT {count}"
                )
            )

    def _whole(self, condition: str, value: str, limit: int) -> list[dict[str, Any]]:
        cursor = self._opened().connection.cursor()
        return _dicts(
            cursor.execute(
                f"SELECT * EXCLUDE row_index FROM numbered WHERE {condition} "
                f"ORDER BY arm, sample, run_id LIMIT {limit}",
                [value],
            )
        )

    def _opened(self) -> "_Open":
        assert self._open is not None  # from the constructor on
        return self._open

    def _condition(self, query: Query) -> tuple[Any, str, list[Any], bool]:
        """A cursor, SQL over `light` with its values, and whether a search found more than that."""
        opened = self._opened()
        parts: list[str] = ["true"]
        values: list[Any] = []
        capped = False
        for name, value in (query.chosen or {}).items():
            if name in FACETS:
                parts.append(f"{name} = ?")
                values.append(value)
            elif name in FLAGS:
                parts.append(name)
        if query.search or query.where:
            hits, capped = opened.hits(query.search, query.where)
            parts.append(f"row_index IN (SELECT row_index FROM {hits})")
        return opened.connection.cursor(), " AND ".join(parts), values, capped


class _Open:
    """A connection, and what was found in it lately: one search answers a list, its bars, its other
    pages and orders."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._found: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = Lock()
        self._count = 0

    def hits(self, search: str, where: str) -> tuple[str, bool]:
        """The table of the rows that match, and whether there were more than it holds."""
        with self._lock:
            key = (search, where)
            if key not in self._found:
                self._found[key] = self._find(search, where)
                if len(self._found) > _KEPT:
                    name, _ = self._found.pop(next(iter(self._found)))
                    self.connection.cursor().execute(f"DROP TABLE {name}")
            return self._found[key]

    def _find(self, search: str, where: str) -> tuple[str, bool]:
        deep = [sql.condition(where)] if where else []
        deep += [_SEARCH] if search else []
        limit = f"LIMIT {MOST_HITS + 1}" if search else ""
        self._count += 1
        name = f"hits_{self._count}"
        cursor = self.connection.cursor()
        with sql.refused():
            cursor.execute(
                f"CREATE TABLE {name} AS SELECT row_index FROM numbered "
                f"WHERE {' AND '.join(deep)} {limit}",
                [search] if search else [],
            )
        if not search:
            return name, False
        count = cursor.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        cursor.execute(f"DELETE FROM {name} WHERE rowid >= {MOST_HITS}")
        return name, count > MOST_HITS


def _dicts(result: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]
