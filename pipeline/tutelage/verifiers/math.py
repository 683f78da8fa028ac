"""Judges the final answer of a math message, in the caller's process and in microseconds.

`answers` reads the gold and finds the message's final answer; the two are compared here. What
cannot be read or has no value (sums, integrals, towers of powers, over-long answers) is refused,
which is `unjudged`, unless its text equals the gold's. Not covered: whether the working is right.
"""

import re

from tutelage.answers import formulas
from tutelage.answers.equality import UNKNOWN
from tutelage.answers.final import final_answer
from tutelage.answers.gold import Answer, Tests, compare, gold_of
from tutelage.answers.marks import Final
from tutelage.answers.values import Words
from tutelage.records import Problem, Verdict

_UNREAD = re.compile(
    r"\b(?:sum|prod|i*int|oint|lim|bigcup|bigcap)(?:_|\^|\s*\(|\b\s*limits)|\d{401}"
)
"""Notation that is not read."""


class MathVerifier:
    """The verifier `math`."""

    name = "math"

    def glance(self, problem: Problem, message: str) -> Verdict:
        """The verdict."""
        gold = answer_to(problem)
        if gold is None or not gold.text:
            return Verdict("unjudged", "", "no gold answer", self.name)
        final = final_answer(message, gold)
        if final.reason or not final.readings:
            return Verdict("incorrect", final.text, final.reason or "no answer", self.name)
        reasons = [compare(gold, text, value) for text, value in final.readings]
        if "" in reasons:
            return Verdict("correct", final.readings[reasons.index("")][0], "", self.name)
        if refusal := refused(gold, final, UNKNOWN in reasons):
            return Verdict("unjudged", final.text, f"refused: {refusal}", self.name)
        return Verdict("incorrect", final.text, reasons[0], self.name)

    verify = glance


def answer_to(problem: Problem) -> Answer | None:
    """The final answer that a problem wants; None where it wants a program."""
    gold = gold_of(problem.domain, problem.gold, problem.statement, problem.solution)
    return None if isinstance(gold, Tests) else gold


def refused(gold: Answer, final: Final, unsure: bool) -> str:
    """Why an answer is not compared, or could not be (`unsure`); empty where it was."""
    if isinstance(gold.value, Words) and not _UNREAD.search(gold.text):
        return ""
    for text, value in final.readings:
        if len(text) > formulas.LONGEST:
            return f"longer than {formulas.LONGEST} characters"
        if isinstance(value, Words) and _UNREAD.search(text):
            return "notation that is not read"
        if isinstance(value, Words) and text.count("(") > 30:
            return "nesting that deep"
    if _UNREAD.search(gold.text):
        return "notation that is not read"
    return "a number that large" if unsure else ""
