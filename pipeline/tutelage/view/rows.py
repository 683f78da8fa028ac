"""Runs as one table that is quick to page, sort, count and search.

Memory holds a few short columns of each row; messages are read from the shards when they are shown
or searched. Conditions run in the locked connection of `shards.sql`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pyarrow as pa

from tutelage.errors import Mistake
from tutelage.shards import sql
from tutelage.shards.reader import connect, row_indices
from tutelage.storage import Location
from tutelage.view import search
from tutelage.view.flags import flags
from tutelage.view.playing import Playing

PAGE = 50
MOST_HITS = 1000
"""Maximum number of hits of a search."""
_CACHED = 8
"""Number of searches and conditions whose hits are kept."""

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
FACETS = ("how", "arm", "split", "source", "domain", "run_id")
FLAGS = ("leak", "cut", "question", "duplicate")
SORTS = ("row_index", "problem_id", "arm", "turns", "return", "tokens", "how")


@dataclass(frozen=True, slots=True)
class Query:
    """What the list of dialogues shows."""

    search: str = ""
    where: str = ""
    chosen: Mapping[str, str] | None = None
    """A facet or flag -> its value."""
    sort: str = "row_index"
    descending: bool = False
    offset: int = 0


class Rows:
    """The rows of several runs. Thread-safe."""

    def __init__(self, runs: Sequence[str]) -> None:
        """Raises `Mistake` if one of `runs` is not a run."""
        self.runs = list(runs)
        self._playing = [Playing(run) for run in runs]
        self._lock = Lock()
        self._current: _Snapshot | None = None
        self.refresh()

    @property
    def live(self) -> bool:
        """Whether one of the runs is not published, so that rows may be added."""
        return any(playing.live for playing in self._playing)

    def refresh(self) -> bool:
        """Adds the rows that are new since the last call; returns whether there are any."""
        with self._lock:
            has_new_rows = [playing.refresh() for playing in self._playing]
            if self._current is not None and not any(has_new_rows):
                return False
            files = [path for playing in self._playing for path in playing.files()]
            connection = connect(files)
            connection.register("flags", flags(files))
            connection.execute(_LIGHT)
            connection.unregister("flags")
            self._current = _Snapshot(connection, files)
            return True

    def page(self, query: Query) -> dict[str, Any]:
        """`PAGE` rows of a query, and the total number of its rows.

        Raises:
            Mistake: its condition is not valid SQL on the columns of a row.
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
            return {"total": count, "capped": capped, "rows": sql.dicts(result)}

    def facets(self, query: Query) -> dict[str, list[tuple[str, int]]]:
        """For each facet, its values with the number of rows of the query; for bar charts."""
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
        """The complete row of a dialogue.

        Raises:
            Mistake: there is no such dialogue.
        """
        rows = self._select("dialogue_id = ?", key, 1)
        if not rows:
            raise Mistake(f"no dialogue {key!r} in {', '.join(self.runs)}")
        return rows[0]

    def problem(self, key: str) -> list[dict[str, Any]]:
        """The dialogues about a problem, sorted by arm and sample; at most 64."""
        return self._select("problem_id = ?", key, 64)

    def sample(self, count: int, where: str = "") -> list[dict[str, Any]]:
        """At most `count` complete rows. Chooses problems evenly among those that meet the condition
        and takes all dialogues of each, so that they can be compared."""
        condition = sql.condition(where) if where else "true"
        cursor = self._snapshot().connection.cursor()
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
            return sql.dicts(
                cursor.execute(
                    f"SELECT * EXCLUDE row_index FROM numbered WHERE {condition} "
                    f"AND problem_id IN ({spread}) ORDER BY row_index LIMIT {count}"
                )
            )

    def _select(self, condition: str, value: str, limit: int) -> list[dict[str, Any]]:
        cursor = self._snapshot().connection.cursor()
        return sql.dicts(
            cursor.execute(
                f"SELECT * EXCLUDE row_index FROM numbered WHERE {condition} "
                f"ORDER BY arm, sample, run_id LIMIT {limit}",
                [value],
            )
        )

    def _snapshot(self) -> "_Snapshot":
        assert self._current is not None  # set by the constructor
        return self._current

    def _condition(self, query: Query) -> tuple[Any, str, list[Any], bool]:
        """(cursor, SQL condition on `light`, its parameters, whether a search had too many hits)."""
        snapshot = self._snapshot()
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
            hits, capped = snapshot.hits(query.search, query.where)
            parts.append(f"row_index IN (SELECT row_index FROM {hits})")
        return snapshot.connection.cursor(), " AND ".join(parts), values, capped


class _Snapshot:
    """A connection to the rows, with the hits of recent searches: one search serves the list, its bar
    charts, its other pages and its other sort orders."""

    def __init__(self, connection: Any, files: Sequence[Location]) -> None:
        self.connection = connection
        self._files = files
        self._hits: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = Lock()
        self._count = 0

    def hits(self, text: str, where: str) -> tuple[str, bool]:
        """The name of a table with the matching rows, and whether there were more than it holds."""
        with self._lock:
            key = (text, where)
            if key not in self._hits:
                self._hits[key] = self._find(text, where)
                if len(self._hits) > _CACHED:
                    name, _ = self._hits.pop(next(iter(self._hits)))
                    self.connection.cursor().execute(f"DROP TABLE {name}")
            return self._hits[key]

    def _find(self, text: str, where: str) -> tuple[str, bool]:
        cursor, is_capped = self.connection.cursor(), False
        rows = row_indices(cursor, where) if where else None
        if text:
            rows = search.matches(self._files, text, MOST_HITS + 1, rows)
            rows, is_capped = rows[:MOST_HITS], len(rows) > MOST_HITS
        self._count += 1
        name = f"hits_{self._count}"
        cursor.register("hits", pa.table({"row_index": rows}))
        cursor.execute(f"CREATE TABLE {name} AS SELECT row_index FROM hits")
        cursor.unregister("hits")
        return name, is_capped
