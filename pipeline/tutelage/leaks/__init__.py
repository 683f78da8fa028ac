"""The leak gate: does a teacher's message, or a student's question, let the gold answer out?

`find_leak` decides by rules, in tens of microseconds, purely and in any thread. What it finds has a
kind:

    string      the gold as it is written: 42, Tuesday, 3x^2+2
    number      its value in another notation: 0.5 or 50 % for 1/2, 1.2e3 for 1,200, a rounded form
    words       its value in words: forty-two, one half, two dozen
    expression  something that comes to it, put as the answer: "the answer is 27 - 5"
    boxed       in \\boxed{}, whatever form it has
    set         all elements of a set, list, tuple or interval in a row
    choice      the right option: its letter, place or text, or all others ruled out
    code        more than half of the reference solution's n-grams, or a whole function
    hidden      split, reversed, encoded, or told by its distance from a known number or the student's
    confirmed   public already, but affirmed as the answer: "yes", "your first answer was right"

**What is public is no leak**: a number or word of the statement or of the student's own turns may
be said again, unless the message singles it out as the answer or answers the question in its own
words. What the teacher said before is not public. **Coincidence is no leak**: `step 2`, `two ways`,
`60 minutes in an hour`; whole numbers up to 12 count only where they come out of something. **Work
is no leak**: a hint may name the last operation, `work out 27 - 5`, and even stop at a bare `27 -
5`; put as the answer (`the answer is 27 - 5`, `left = 27 - 5`, `she has 27 - 5 left`) it leaks. So
does what only mends the student's number: `subtract 1 from your answer`. A contradiction ("it is
not 42") of a number that was not public is a leak too: the number is out. Of a text that repeats
itself beyond measure only both ends are looked at.

What rules do *not* find: riddles ("the only even prime"), other languages, acrostics, an answer
spread over messages, two steps left to do with all figures given ("12 years, and one year more"), a
solution in other words or other code. For those there may be a second finder that asks a language
model: whatever has the signature of `find_leak` is a `Finder`. This room has no engine and brings
none; what becomes of a leak is the caller's to decide.
"""

from collections.abc import Sequence
from typing import Protocol

from tutelage.leaks.gate import find_leak
from tutelage.records import Gold, Leak

__all__ = ["Finder", "find_leak"]


class Finder(Protocol):
    """Anything that can be asked whether a message leaks: `find_leak`, or a judge model behind it."""

    def __call__(
        self,
        domain: str,
        gold: Gold | str,
        statement: str,
        history: Sequence[tuple[str, str]],
        message: str,
        solution: str = "",
    ) -> Leak:
        """The leak in `message`; its `kind` is empty where the message is clean."""
        ...
