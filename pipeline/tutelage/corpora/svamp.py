"""SVAMP: one-step word problems designed to mislead shallow readers (Patel et al. 2021, MIT).

A row is `{"Body": ..., "Question": ..., "Equation": "( 30.0 - 11.0 )", "Answer": 19.0}`. The
equation is evaluated from the inside, one step per line: `30 - 11 = 19`. If it does not give the
stated answer, the problem has no solution, only the answer.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from tutelage.corpora.problem import answer, has, make, plain, text, worked
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem

_OPEN = re.compile(r"(?:^|[.!?] +)If [^.!?]*$")
_ASKS = re.compile(r"(?:How|What|Which|Who|In how|By how|For how)\b")
_INNERMOST = re.compile(r"\(\s*(-?[\d./]+)\s*([-+*/])\s*(-?[\d./]+)\s*\)")


@dataclass(frozen=True, slots=True)
class Svamp:
    """Reads SVAMP, as a JSON array or as lines."""

    name: str = "svamp"
    reads: str = "Body, Question, Equation, Answer"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "Body", "Question", "Answer")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        final = text(record, "Answer").strip()
        try:
            final = plain(float(final))
        except ValueError:
            raise BadRow("no-answer", f"`Answer` is {final!r}, wanted a number") from None
        steps = _steps(text(record, "Equation"), final)
        return make(
            source=self.name,
            domain="math",
            licence="MIT",
            statement=_joined(text(record, "Body"), text(record, "Question")),
            gold=answer(final),
            solution=worked(steps, final) if steps else "",
            split=split,
        )


def _joined(body: str, question: str) -> str:
    """Joins body and question; many bodies lack a full stop or are half a sentence.

    >>> _joined("Ann has 2 cats", "How many cats?")
    'Ann has 2 cats. How many cats?'
    >>> _joined("Ann sells cats. If she sells 2", "How many are left?")
    'Ann sells cats. If she sells 2, how many are left?'
    """
    body, question = body.strip(), question.strip()
    if not body or not question or body[-1] in "!?,;:":
        return f"{body} {question}".strip()
    body = body.removesuffix(".").rstrip()
    if _OPEN.search(body) and _ASKS.match(question):
        return f"{body}, {question[0].lower()}{question[1:]}"
    return f"{body}. {question}"


def _steps(equation: str, final: str) -> list[str]:
    """Evaluates the equation, innermost pair first.

    >>> _steps("( ( 5.0 + 3.0 ) - 2.0 )", "6")
    ['5 + 3 = 8', '8 - 2 = 6']
    """
    steps: list[str] = []
    while match := _INNERMOST.search(equation):
        try:
            left, right = Fraction(match[1]), Fraction(match[3])
            value = {"+": left + right, "-": left - right, "*": left * right}.get(match[2])
            value = left / right if value is None else value
        except (ValueError, ZeroDivisionError):
            return []
        steps.append(f"{_number(left)} {match[2]} {_number(right)} = {_number(value)}")
        equation = f"{equation[: match.start()]} {value} {equation[match.end() :]}"
    return steps if steps and steps[-1].endswith(f" = {final}") else []


def _number(value: Fraction) -> str:
    return plain(float(value))
