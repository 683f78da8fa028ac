"""One message under examination: what it says, what the answer is, and what everybody knew before."""

import re
from dataclasses import dataclass

from tutelage.leaks.golds import Answer
from tutelage.leaks.quantities import Number, values
from tutelage.records import Leak

CLEAN = Leak()


@dataclass(frozen=True, slots=True)
class Case:
    """What every rule is given."""

    answer: Answer
    text: str
    """The message, plain."""
    raw: str
    """The message as it was written."""
    statement: str
    turns: tuple[str, ...]
    """The student's own messages, plain, oldest first."""

    @property
    def public(self) -> tuple[str, ...]:
        """What may be said again. The teacher's earlier messages may not."""
        return (self.statement, *self.turns)

    @property
    def numbers(self) -> frozenset[Number]:
        """The numbers in what is public."""
        return frozenset().union(*(values(text) for text in self.public))

    def leak(self, kind: str, start: int, end: int) -> Leak:
        """A leak whose evidence is the span and a few words on either side."""
        around = self.text[max(0, start - 24) : end + 16]
        return Leak(kind, evidence=" ".join(around.split()))


def squeezed(text: str) -> str:
    """`text` without spaces and signs of layout, for comparing what is written in symbols."""
    return re.sub(r"[\s*$\\]", "", text.replace("{", "(").replace("}", ")")).lower()


def spaced(text: str) -> str:
    """The words of `text` in lower case with single spaces between."""
    return " ".join(re.findall(r"\w+", text.lower()))
