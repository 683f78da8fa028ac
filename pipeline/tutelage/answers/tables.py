"""Rules as rows of tables, so that each can be taken out and is known by the case that needs it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Found = TypeVar("Found")
TABLES: dict[str, "Table"] = {}
"""All tables, by name."""


class Table:
    """Patterns, one a row, searched for as one. A row is named by its pattern.

    `frame` says what stands around them; `{}` is where the rows go, `_` in a row is a space.
    """

    def __init__(self, name: str, frame: str, *rows: str, flags: int = re.I) -> None:
        self.name, self._frame, self._flags = name, frame, flags
        self.rows = tuple(row for text in rows for row in text.replace("\\\n", "").split())
        self._compile(self.rows)
        TABLES[name] = self

    def _compile(self, rows: tuple[str, ...]) -> None:
        alternatives = "|".join(rows).replace("_", r"\s+") or "(?!)"
        frame = re.sub(r"\n\s+", "", self._frame)
        pattern = re.compile(frame.replace("{}", f"(?:{alternatives})"), self._flags)
        self.search, self.match = pattern.search, pattern.match
        self.fullmatch, self.finditer, self.split = (
            pattern.fullmatch,
            pattern.finditer,
            pattern.split,
        )

    @contextmanager
    def without(self, row: str) -> Iterator[None]:
        """The table with one row less, for the test that asks whether the row is needed."""
        self._compile(tuple(other for other in self.rows if other != row))
        try:
            yield
        finally:
            self._compile(self.rows)


def words(text: str) -> frozenset[str]:
    """The words of a list that is written as running text."""
    return frozenset(text.split())


def outermost(found: Iterable[Found], most: int = 60) -> list[Found]:
    """The first and the last of very many: a text that repeats itself must not cost the run."""
    every = list(found)
    return every if len(every) <= most else every[: most // 2] + every[-(most // 2) :]
