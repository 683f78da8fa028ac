"""One number in a text: what the readers of figures and of words both give; and how many are read."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeVar

Number = int | Fraction
NUMBERS_AT_MOST = 500
"""Numbers that are read of one text, in figures and in words each; a table of more is no hint."""
Form = Literal["figures", "fraction", "words", "spaced", "comma"]


@dataclass(frozen=True, slots=True)
class Mention:
    """One number in a text, from `start` up to `end`."""

    value: Number
    start: int
    end: int
    form: Form
    other: Number | None = None
    """A second reading: `50 %` is 50 and 1/2, `50 cents` 50 and 1/2 (dollar), `5 dozen` 5 and 60."""
    loose: bool = False
    """A word that everyday language uses for other things too: `one`, `half`, `a quarter`."""

    def means(self, number: Number) -> bool:
        """Whether either reading is `number`."""
        return number in (self.value, self.other)


Found = TypeVar("Found")


def outermost(found: Iterable[Found], at_most: int = 60) -> list[Found]:
    """The first and the last of very many: a text that repeats itself must not cost the run."""
    every = list(found)
    if len(every) <= at_most:
        return every
    return every[: at_most // 2] + every[-(at_most // 2) :]
