"""The types Corpus, Row, Format and Record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tutelage.records import Problem

LONGEST_ROW = 1 << 24
"""Default size limit of a row: 16 MiB."""
Record = Mapping[str, object]
"""One record as its container returned it, not yet interpreted by a format."""


@dataclass(frozen=True, slots=True)
class Row:
    """One input row: a problem, or the reason why it is not one."""

    source: str
    """The corpus, as the user named it."""
    index: int
    """Position in the corpus, from 0, over all its files."""
    problem: Problem | None
    failure: str = ""
    """Class of the dead letter: `unreadable`, `no-statement`, `no-answer`, `bad-tests`, ..."""
    reason: str = ""
    """One line, with file and line number where there is a file."""


class Corpus(Protocol):
    """A source of problems. Must be picklable, because it is sent to workers."""

    @property
    def name(self) -> str:
        """Short name, such as `gsm8k`."""

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """Streams the rows with `index % parts == part`, in order."""


class Format(Protocol):
    """Turns the records of one kind of file into problems. Must be picklable."""

    @property
    def name(self) -> str:
        """Name in the table; also the source of problems whose record names none."""

    @property
    def reads(self) -> str:
        """One line for people: the fields that it reads."""

    def fits(self, record: Record) -> bool:
        """Whether the record looks like one of this format."""

    def problem(self, record: Record, split: str) -> Problem:
        """The problem in the record; `split` is suggested by the file's name.

        Raises:
            BadRow: the record is not a problem.
        """
