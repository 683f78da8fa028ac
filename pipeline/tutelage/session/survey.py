"""Which statements come more than once, where each of them comes first, and whether a run that goes
on is given the input that it was begun with.

A row is 28 bytes here, whatever its text: a corpus of millions fits one worker.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.corpora import Row
from tutelage.dedup import normalise
from tutelage.errors import SettingsError
from tutelage.seeds import digest

RowIndex = tuple[int, int]
"""(index of the corpus, index of the row in it)."""

Seen = npt.NDArray[np.void]
"""[n] of `_SEEN`: rows of a slice."""

_SEEN = np.dtype(
    [("key", np.uint64), ("corpus", np.int32), ("row", np.int64), ("content", np.uint64)]
)
_BLOCK = 50_000


def key(index: RowIndex, row: Row) -> int:
    """64 bits: equal for statements that differ in case, white space and typography alone; a row
    that is no problem has its own.
    """
    if row.problem is None:
        return int(digest("no problem", *index), 16)
    return int(digest("statement", normalise(row.problem.statement)), 16)


def survey(rows: Iterable[tuple[RowIndex, Row]]) -> Iterator[Seen]:
    """The keys and indices of rows, in blocks."""
    seen = ((key(index, row), *index, _content(row)) for index, row in rows)
    while block := list(islice(seen, _BLOCK)):
        yield np.array(block, _SEEN)


def _content(row: Row) -> int:
    """64 bits: equal for rows that ask, and know, the same."""
    problem = row.problem
    if problem is None:
        return 0
    gold = problem.gold
    parts = (problem.statement, *problem.shards, gold.value, gold.tests_json, problem.solution)
    return int(digest("content", *parts), 16)


def record(blocks: Iterable[Seen], before: dict[str, Any]) -> dict[str, Any]:
    """What the input is, for `journal/input.json`: rows in all; rows and their digest by corpus.

    Args:
        blocks: of `survey`.
        before: the record of the session before; empty at the first.

    Raises:
        SettingsError: the rows of that session are not the first ones of the input any more.
    """
    rows = np.sort(np.concatenate([np.empty(0, _SEEN), *blocks]), order=("corpus", "row"))
    known = {corpus["index"]: corpus for corpus in before.get("corpora", [])}
    corpora = []
    for index in np.unique(rows["corpus"]).tolist():
        contents = rows["content"][rows["corpus"] == index]
        then = known.pop(index, {"rows": 0, "digest": _digest(contents[:0])})
        if _digest(contents[: then["rows"]]) != then["digest"]:
            raise _changed(index, then["rows"])
        corpora.append({"index": index, "rows": len(contents), "digest": _digest(contents)})
    for index, then in known.items():
        raise _changed(index, then["rows"])
    return {"rows": len(rows), "corpora": corpora}


def _digest(contents: npt.NDArray[np.uint64]) -> str:
    return digest(contents.tobytes().hex())


def _changed(index: int, rows: int) -> SettingsError:
    return SettingsError(
        f"the run was begun with other input: the first {rows} rows of corpus {index + 1} are not "
        "what they were; give them as they were (rows may follow), or choose another --out"
    )


def repeated(blocks: Iterable[Seen]) -> Iterator[tuple[int, RowIndex]]:
    """(key, smallest index) of each key that several rows have."""
    rows = np.sort(np.concatenate([np.empty(0, _SEEN), *blocks]), order=("key", "corpus", "row"))
    again = rows["key"][1:] == rows["key"][:-1]
    opens = again & ~np.concatenate([[False], again[:-1]])
    for name, corpus, row, _ in rows[:-1][opens].tolist():
        yield name, (corpus, row)
