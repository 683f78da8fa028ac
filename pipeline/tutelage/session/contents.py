"""What a card says about the rows of a run: licences, sources, language, and an example.

It is queried from the shards, so that the card of a derived run describes its own rows. Equal shards
give equal results.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tutelage.shards import RunFolder
from tutelage.shards.reader import connect
from tutelage.storage import Location

_ENGLISH = r"\b(the|is|are|of|and|how|what|which|find|a|in|to)\b"
"""Words that occur in nearly every English problem and in few others."""
_SOURCES = """
SELECT source, domain, licence, count(DISTINCT problem_id), count(*) FROM dialogues
GROUP BY ALL ORDER BY ALL
"""
_LANGUAGE = f"""
SELECT avg(regexp_matches(lower(statement), '{_ENGLISH}')::INT)
FROM (SELECT statement FROM dialogues ORDER BY dialogue_id LIMIT 1000)
"""
_EXAMPLE = """
SELECT messages, trail FROM dialogues
ORDER BY outcome.status <> 'solved', NOT outcome.turns BETWEEN 2 AND 3, leak."any",
         duplicate_of IS NOT NULL,
         list_sum(list_transform(messages, lambda m: len(m.content))), dialogue_id
LIMIT 1
"""


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
    files: list[Location] = sorted(folder.shards.glob("*/*.parquet"))
    if not files:
        return Contents()
    with closing(connect(files)) as connection:
        sources = [Source(*row) for row in connection.execute(_SOURCES).fetchall()]
        share = connection.execute(_LANGUAGE).fetchone()[0] or 0.0
        messages, trail = connection.execute(_EXAMPLE).fetchone()
    return Contents(sources, share > 0.5, _captioned(messages, trail))


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
