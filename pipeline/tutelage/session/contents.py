"""What a card says about the rows of a run: licences, sources, language, and an example.

It is read from the shards, so that the card of a derived run describes its own rows. Equal shards
give equal results. Arrow does it without DuckDB, whose start would take longer than ten dialogues.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.shards import RunFolder
from tutelage.shards.reader import rows_of
from tutelage.storage import Location, opened

_ENGLISH = re.compile(r"\b(the|is|are|of|and|how|what|which|find|a|in|to)\b", re.IGNORECASE)
"""Words that occur in nearly every English problem and in few others."""
_SOURCE = ["source", "domain", "licence"]
_TRAIL = [f"trail.list.element.{field}" for field in ("speaker", "act", "turn", "verdict")]
_SHOWN = ["statement", "messages", *_TRAIL, "outcome", "leak", "duplicate_of", "dialogue_id"]
"""Without the sampled tokens, which are most of a row."""
_SAMPLE = 200
"""Rows from which the language is known and the example chosen. They are in the order of digests, so
the first ones are a fair sample."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source of problems."""

    name: str
    domain: str
    licence: str
    problems: int
    dialogues: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the shards."""

    sources: Sequence[Source] = ()
    english: bool = False
    """Whether most problems are worded in English."""
    example: Sequence[tuple[str, str]] = ()
    """(caption, text) of each message of a short dialogue, without the system prompt."""


def contents(folder: RunFolder) -> Contents:
    """The contents of the run's shards; empty if it has none."""
    files = sorted(folder.shards.glob("*/*.parquet"), key=_solved_first)
    rows = list(islice(rows_of(files, _SHOWN), _SAMPLE))
    if not rows:
        return Contents()
    english = sum(_ENGLISH.search(row["statement"]) is not None for row in rows)
    example = min(rows, key=_unfitness)
    shown = _captioned(example["messages"], example["trail"])
    return Contents(_sources(files), english > len(rows) / 2, shown)


def _solved_first(file: Location) -> tuple[bool, str]:
    return not file.name.startswith("solved"), str(file)


def _sources(files: Sequence[Location]) -> list[Source]:
    """The sources by name. Holds the rows of one file at a time, and a line a problem."""
    by_problem = [*_SOURCE, "problem_id"]
    parts = []
    for file in files:
        with opened(file) as shard:
            rows = pq.read_table(shard, columns=by_problem)
        parts.append(rows.group_by(by_problem).aggregate([([], "count_all")]))
    problems = pa.concat_tables(parts).group_by(by_problem).aggregate([("count_all", "sum")])
    counts = [("problem_id", "count"), ("count_all_sum", "sum")]
    table = problems.group_by(_SOURCE).aggregate(counts)
    columns = [*_SOURCE, "problem_id_count", "count_all_sum_sum"]
    order = [(name, "ascending") for name in _SOURCE]
    return [Source(*row.values()) for row in table.select(columns).sort_by(order).to_pylist()]


def _unfitness(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Smallest for the best example: solved in two or three turns, without a leak, and short."""
    outcome = row["outcome"]
    return (
        outcome["status"] != "solved",
        not 2 <= outcome["turns"] <= 3,
        row["leak"]["any"],
        row["duplicate_of"] is not None,
        sum(len(message["content"]) for message in row["messages"]),
        row["dialogue_id"],
    )


def _captioned(
    messages: list[dict[str, Any]], trail: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    captioned = []
    for message, entry in zip(messages, trail, strict=True):
        if entry["speaker"] == "system":
            continue
        notes = ", ".join(n for n in (entry["act"], entry["verdict"]["status"]) if n)
        turn = f" {entry['turn']}" if entry["turn"] else ""
        captioned.append((f"{entry['speaker']}{turn} ({notes})", message["content"]))
    return captioned
