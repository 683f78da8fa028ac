"""What a piece of text can be: a number with its unit, a formula, items, a date or time, words.

Values only say what is written; whether two of them are the same answer is `equality`'s to say.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tutelage.answers.units import Unit


@dataclass(frozen=True, slots=True)
class Number:
    """A number as somebody wrote it, read exactly."""

    value: Fraction
    unit: Unit | None = None
    percent: bool = False
    """Written with a percent sign; `value` is then what stood before it."""
    places: int = -1
    """Digits after the decimal point; -1 where there is none."""
    digits: int = 0
    """Significant digits of a decimal."""
    base: int = 10
    """The base, where a subscript names one; `value` is then in base ten."""
    quotient: bool = False
    """Written as one number over another that comes out whole, such as 12/4."""
    scale: str = ""
    """The word that the value was multiplied by: `dozen`."""
    ordinal: bool = False
    """Whether it is a place in a row: `5th`."""
    compound: bool = False
    """Written in more than one unit: `2 kg 300 g`."""


@dataclass(frozen=True, slots=True)
class Formula:
    """Something to calculate with that is no plain number: `sqrt(2)/2`, `3x + 1`, `18 + 10`."""

    tree: tuple[Any, ...]
    """What `formulas.parse` gives."""
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """Several values: a list, set, tuple, interval, matrix, ratio or union."""

    brackets: str
    """`()`, `[)`, `{}`, `matrix`, `by` for 12 by 6, `:` for a ratio, `∪` for a union; empty for a bare
    list."""
    items: tuple["Value", ...]
    names: tuple[str, ...] = ()
    """What each is called, where all have a name: `x = 1, y = 2`; of an interval its letter."""

    @property
    def ordered(self) -> bool:
        """Whether the order of the items matters."""
        return self.brackets not in ("", "{}", "∪")


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a time of the day, or both; what is not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    minute: Fraction | int | None = None
    """Of the day."""
    half: str = ""
    """`am` or `pm` where it is said, else empty; then 2:30 may be either."""


@dataclass(frozen=True, slots=True)
class Relation:
    """An equation or inequality that is the answer itself: `y = 2x + 3`, `x != 2`."""

    sign: str
    left: "Value"
    right: "Value"


@dataclass(frozen=True, slots=True)
class Words:
    """A name, a phrase, yes or no: compared as text, without case and articles."""

    text: str
    """In small letters, single spaces between."""


Value = Number | Formula | Items | Moment | Relation | Words
