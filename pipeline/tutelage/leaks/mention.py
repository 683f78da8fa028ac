"""One number in a text: what the readers of figures and of words both give."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Number = int | Fraction
Form = Literal["figures", "fraction", "words", "spaced"]


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
