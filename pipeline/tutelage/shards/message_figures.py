"""Figures that are counted message by message, in one pass over the columns that they need.

The trail makes up most of a shard; only the leaf columns that are counted are read, no tokens and no
texts. Some ten thousand dialogues at a time are laid out with one row per message (`steps`), counted by
SQL, and the counts are summed, so memory does not grow with the run. No SQL window spans dialogues.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tutelage.shards import sql
from tutelage.shards.soundness import broken
from tutelage.storage import Location, Remote, opened

_ROWS = 50_000
_STEP = (
    "speaker", "act", "turn", "form", "move", "shard", "verdict.status", "verdict.extracted",
    "leak.kind", "leak.action", "finish_reason",
)  # fmt: skip
_PLAIN = ("speaker", "act", "turn", "form", "move", "shard", "finish_reason")
_LEAVES = [
    "arm",
    "shards.list.element",
    "primed_turns.list.element",
    *(f"trail.list.element.{name}" for name in _STEP),
    *(f"readings.list.element.{name}" for name in ("answer", "status", "is_read")),
]

_ATTEMPTS = """
SELECT arm,
       count(*) AS attempts,
       count(*) FILTER (WHERE status = 'unjudged') AS unjudged,
       count(*) FILTER (WHERE finish_reason = 'length') AS cut_at_length,
       count(*) FILTER (WHERE status = 'incorrect' AND extracted <> ''
                          AND extracted = before) AS repeated_wrong_answers,
       count(before) AS later_attempts
FROM (SELECT *, lag(extracted) OVER (PARTITION BY number ORDER BY turn) AS before
      FROM steps WHERE act = 'attempt')
GROUP BY arm ORDER BY arm
"""

_GATED = """
SELECT arm,
       count(*) FILTER (WHERE gated) AS gated_messages,
       count(*) FILTER (WHERE leak_kind <> '') AS gated_with_a_leaking_draft,
       count(*) FILTER (WHERE leak_kind <> '' AND leak_action IN ('', 'marked')) AS leaks_that_stand,
       count(*) FILTER (WHERE act = 'question') AS questions
FROM (SELECT *, CASE act WHEN 'question' THEN primed
                         ELSE form NOT IN ('retry', 'lazy') OR leak_kind <> '' END AS gated
      FROM steps WHERE act IN ('feedback', 'question'))
GROUP BY arm ORDER BY arm
"""

_READINGS = """
SELECT arm,
       count(*) AS drafts_read,
       count(*) FILTER (WHERE r.answer <> '') AS answers_read,
       count(*) FILTER (WHERE r.status = 'correct') AS leaks_read,
       count(*) FILTER (WHERE NOT r.is_read) AS drafts_unread
FROM (SELECT arm, unnest(readings) AS r FROM part)
GROUP BY arm ORDER BY arm
"""

_PREMATURE = """
SELECT arm, count(*) AS underspecified,
       count(*) FILTER (WHERE premature) AS with_premature_attempt
FROM (SELECT s.arm, s.number,
             bool_or(s.speaker = 'student' AND s.move IN ('answer', 'hedge')
                     AND s.revealed < s.shards) AS premature
      FROM (SELECT *, count(DISTINCT shard) OVER (
                        PARTITION BY number ORDER BY message
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS revealed
            FROM steps WHERE shards > 0) s
      GROUP BY s.arm, s.number)
GROUP BY arm ORDER BY arm
"""

_FORMS = """
SELECT arm, form, count(*) FROM steps WHERE act = 'feedback' GROUP BY ALL ORDER BY ALL
"""

_MOVES = """
SELECT arm, move, count(*) FROM steps WHERE speaker = 'student' GROUP BY ALL ORDER BY ALL
"""

Counts = dict[str, dict[str, Any]]


def counted(connection: Any, files: Sequence[Location]) -> Counts:
    """By arm: the counts of each query, and `forms` and `moves` with a count per name.

    Args:
        connection: any DuckDB connection; Arrow reads the files.
        files: the shards.

    Raises:
        Mistake: a shard is broken.
        duckdb.Error: its columns are of another version.
    """
    arms: Counts = {}
    for part in _parts(files):
        connection.register("part", part)
        connection.register("steps", _steps(part))
        for query in (_ATTEMPTS, _GATED, _READINGS, _PREMATURE):
            for counts in sql.dicts(connection.execute(query)):
                _add(arms.setdefault(counts.pop("arm"), {}), counts)
        for name, query in (("forms", _FORMS), ("moves", _MOVES)):
            for arm, key, count in connection.execute(query).fetchall():
                _add(arms.setdefault(arm, {}).setdefault(name, {}), {str(key): count})
        connection.unregister("part")
        connection.unregister("steps")
    for arm in arms.values():
        for name in ("forms", "moves"):
            arm[name] = dict(sorted(arm.get(name, {}).items()))
    return arms


def _steps(part: pa.Table) -> pa.Table:
    """One row per message. `number` is the index of its dialogue within the part, `message` its own
    index within the part."""
    trail = part["trail"].combine_chunks()
    dialogue = pc.list_parent_indices(trail)
    steps = trail.flatten()
    fields = {name: pc.struct_field(steps, name) for name in _PLAIN}
    primed = part["primed_turns"].combine_chunks()
    primed_keys = _keys(pc.list_parent_indices(primed), primed.flatten())
    return pa.table(
        {
            **fields,
            "status": pc.struct_field(steps, ["verdict", "status"]),
            "extracted": pc.struct_field(steps, ["verdict", "extracted"]),
            "leak_kind": pc.struct_field(steps, ["leak", "kind"]),
            "leak_action": pc.struct_field(steps, ["leak", "action"]),
            "arm": part["arm"].combine_chunks().take(dialogue),
            "number": dialogue,
            "message": np.arange(len(steps)),
            "shards": pc.list_value_length(part["shards"].combine_chunks()).take(dialogue),
            "primed": np.isin(_keys(dialogue, fields["turn"]), primed_keys),
        }
    )


def _keys(dialogue: pa.Array, turn: pa.Array) -> npt.NDArray[np.int64]:
    """A unique number for each (dialogue, turn)."""
    numbers: npt.NDArray[np.int64] = np.asarray(dialogue, np.int64) * 100_000
    return numbers + np.asarray(turn, np.int64)


def _add(sums: dict[str, Any], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count


def _parts(files: Sequence[Location]) -> Iterator[pa.Table]:
    """The leaf columns of some ten thousand dialogues at a time."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for path in files:
        is_remote = isinstance(path, Remote)
        try:
            with opened(path) as source, pq.ParquetFile(source, pre_buffer=is_remote) as file:
                for batch in file.iter_batches(_ROWS, columns=_LEAVES):
                    batches.append(batch)
                    rows += len(batch)
                    if rows >= _ROWS:
                        yield pa.Table.from_batches(batches)
                        batches, rows = [], 0
        except pa.ArrowException as error:
            raise broken(path, error) from error
    if batches:
        yield pa.Table.from_batches(batches)
