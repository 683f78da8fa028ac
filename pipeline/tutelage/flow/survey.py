"""Which statements come more than once, and where each of them comes first.

A row is 20 bytes here, whatever its text: a corpus of millions fits one worker.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from tutelage.corpora import Row
from tutelage.dedup import normalise
from tutelage.seeds import digest

Place = tuple[int, int]
"""(index of the corpus, index of the row in it)."""

Seen = npt.NDArray[np.void]
"""[n] of `_SEEN`: rows of a slice."""

_SEEN = np.dtype([("key", np.uint64), ("corpus", np.int32), ("row", np.int64)])
_BLOCK = 50_000


def key(place: Place, row: Row) -> int:
    """64 bits: equal for statements that differ in case, white space and typography alone; a row
    that is no problem has its own.
    """
    if row.problem is None:
        return int(digest("no problem", *place), 16)
    return int(digest("statement", normalise(row.problem.statement)), 16)


def survey(rows: Iterable[tuple[Place, Row]]) -> Iterator[Seen]:
    """The keys and places of rows, in blocks."""
    seen = ((key(place, row), *place) for place, row in rows)
    while block := list(islice(seen, _BLOCK)):
        yield np.array(block, _SEEN)


def count(blocks: Iterable[Seen]) -> int:
    """Rows in all."""
    return sum(map(len, blocks))


def repeated(blocks: Iterable[Seen]) -> Iterator[tuple[int, Place]]:
    """(key, smallest place) of each key that several rows have."""
    rows = np.sort(np.concatenate([np.empty(0, _SEEN), *blocks]), order=("key", "corpus", "row"))
    again = rows["key"][1:] == rows["key"][:-1]
    opens = again & ~np.concatenate([[False], again[:-1]])
    for name, corpus, row in rows[:-1][opens].tolist():
        yield name, (corpus, row)
