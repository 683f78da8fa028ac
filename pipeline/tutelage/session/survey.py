"""Finds repeated statements and their first rows, and checks that a resumed run has the same input.

In a run on this machine a row takes 28 bytes here, so that corpora of millions fit one worker.
Elsewhere only sums are gathered (`Tally`), which can be added in any order.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tutelage.corpora import Row
from tutelage.dedup import normalise
from tutelage.errors import SettingsError
from tutelage.seeds import digest

RowIndex = tuple[int, int]
"""(index of the corpus, index of the row in it)."""

Seen = npt.NDArray[np.void]
"""[n] of `_SEEN`: rows of a block."""

_SEEN = np.dtype(
    [("key", np.uint64), ("corpus", np.int32), ("row", np.int64), ("content", np.uint64)]
)
_BLOCK = 50_000
_ALL = 1 << 64


class Tally(NamedTuple):
    """Sums over some rows of a corpus, in any order; modulo 2^64."""

    rows: int
    content: int
    """Sum over the rows of a digest of each with its index."""
    known: int
    """The same over those rows that the previous session had."""


def row_id(index: RowIndex) -> str:
    """The journal's key of a row that became no dialogue."""
    return digest("input", *index)


def key(index: RowIndex, row: Row) -> int:
    """64 bits: equal for statements that differ in case, white space and typography alone; a row
    that is no problem has its own.
    """
    return journal_key(row_id(index), row.problem.statement if row.problem else "")


def journal_key(entry: str, statement: str) -> int:
    """`key` of the row from which a journal entry originates."""
    return int(digest("statement", normalise(statement)) if statement else entry, 16)


def survey(rows: Iterable[tuple[RowIndex, Row]]) -> Iterator[Seen]:
    """The keys and indices of rows, in blocks."""
    seen = ((key(index, row), *index, _content(index, row)) for index, row in rows)
    while block := list(islice(seen, _BLOCK)):
        yield np.array(block, _SEEN)


def _content(index: RowIndex, row: Row) -> int:
    """64 bits, equal for rows with the same index, statement and gold."""
    problem = row.problem
    if problem is None:
        return int(digest("content", index[1]), 16)
    gold = problem.gold
    parts = (problem.statement, *problem.hint_shards, gold.value, gold.tests_json, problem.solution)
    return int(digest("content", index[1], *parts), 16)


def rows_before(record: dict[str, Any]) -> dict[int, int]:
    """Number of rows of each corpus in the record of the previous session."""
    return {corpus["index"]: corpus["rows"] for corpus in record.get("corpora", [])}


def tally(row: tuple[RowIndex, Row], before: dict[int, int]) -> tuple[int, Tally]:
    """(corpus, tally) of one row."""
    (corpus, place), _ = row
    content = _content(*row)
    return corpus, Tally(1, content, content if place < before.get(corpus, 0) else 0)


def tallies(block: Seen, before: dict[int, int]) -> Iterator[tuple[int, Tally]]:
    """(corpus, tally) of each corpus in a block of `survey`."""
    for corpus in np.unique(block["corpus"]).tolist():
        rows = block[block["corpus"] == corpus]
        known = rows["content"][rows["row"] < before.get(corpus, 0)]
        yield corpus, Tally(len(rows), int(rows["content"].sum()), int(known.sum()))


def total(parts: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    rows = content = known = 0
    for part in parts:
        rows += part[0]
        content += part[1]
        known += part[2]
    return Tally(rows, content % _ALL, known % _ALL)


def record(corpora: Iterable[tuple[int, Tally]], before: dict[str, Any]) -> dict[str, Any]:
    """The record of the input, for `journal/input.json`: all rows; rows and their digest by corpus.

    Args:
        corpora: (index, tally) of each.
        before: the record of the previous session; empty in the first.

    Raises:
        SettingsError: the input no longer begins with the rows of that session.
    """
    tallied = dict(corpora)
    for then in before.get("corpora", []):
        now = Tally(*tallied.get(then["index"], (0, 0, 0)))
        # Records of earlier versions have no such digest, and are not compared.
        if now.rows < then["rows"] or _hex(now.known) != then.get("content", _hex(now.known)):
            raise SettingsError(
                f"the run was begun with other input: the first {then['rows']} rows of corpus "
                f"{then['index'] + 1} are not what they were; give them as they were (rows may "
                "follow), or choose another --out"
            )
    return {
        "rows": sum(Tally(*part).rows for part in tallied.values()),
        "corpora": [
            {"index": index, "rows": part[0], "content": _hex(part[1])}
            for index, part in sorted(tallied.items())
        ],
    }


def _hex(number: int) -> str:
    return f"{number:016x}"


def repeated(blocks: Iterable[Seen]) -> Iterator[tuple[int, RowIndex]]:
    """(key, smallest index) of each key that several rows have."""
    rows = np.sort(np.concatenate([np.empty(0, _SEEN), *blocks]), order=("key", "corpus", "row"))
    again = rows["key"][1:] == rows["key"][:-1]
    opens = again & ~np.concatenate([[False], again[:-1]])
    for name, corpus, row, _ in rows[:-1][opens].tolist():
        yield name, (corpus, row)
