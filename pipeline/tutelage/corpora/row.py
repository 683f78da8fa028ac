"""What a corpus is, what it yields, and what a format does. Types only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tutelage.records import Problem

LONGEST_ROW = 1 << 24
"""Bytes of one row at most, where nothing else is said: 16 MiB."""
Record = Mapping[str, object]
"""One row of a file as its container gave it, before any format made sense of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One input row: a problem, or the reason why it is none."""

    source: str
    """The corpus, as the person named it."""
    index: int
    """Position in the corpus, from 0, over all its files."""
    problem: Problem | None
    failure: str = ""
    """Class of the dead letter: `unreadable`, `no-statement`, `no-answer`, `bad-tests`, ..."""
    reason: str = ""
    """One line, with file and line number where there is a file."""


class Corpus(Protocol):
    """A source of problems. Pickles, because it travels to workers."""

    @property
    def name(self) -> str:
        """Short name, such as `gsm8k`."""

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """Streams the rows with `index % parts == part`, in order."""


class Format(Protocol):
    """Turns the records of one kind of file into problems. Pickles."""

    @property
    def name(self) -> str:
        """Name in the table, also the source of its problems unless a record names another."""

    @property
    def reads(self) -> str:
        """One line for people: which fields it reads."""

    def fits(self, record: Record) -> bool:
        """Whether the record looks like one of this kind."""

    def problem(self, record: Record, split: str) -> Problem:
        """The problem in the record; `split` is what the file's name suggests.

        Raises:
            BadRow: the record is no problem.
        """
