r"""Judges the final answer of a math message: exactly where it can, with algebra where it must.

`answers` reads the gold and finds the message's final answer; the two are compared here. `glance`
settles nearly all in the caller's process, in microseconds and without a heavy import: text,
numbers, letters, words, lists, and formulas of the ordinary kind. What is left (identities of
functions, nested roots) goes to `verify`, which asks `equivalence` and so belongs in a process that
can be killed: `VerifierPool` sees to that.

What cannot be read or would take for ever (sums, integrals, over-long answers) is refused, which is
`unjudged`, unless its text equals the gold's. Not covered: whether the working is right.
"""

import re

from tutelage.answers import fields, formulas
from tutelage.answers.equality import Decide
from tutelage.answers.final import final_answer
from tutelage.answers.gold import Answer, Tests, compare, gold_of
from tutelage.answers.marks import Final
from tutelage.answers.values import Formula, Value, Words
from tutelage.records import Problem, Verdict

_UNREAD = re.compile(
    r"\b(?:sum|prod|i*int|oint|lim|bigcup|bigcap)(?:_|\^|\s*\(|\b\s*limits)|\d{401}"
)
"""Notation that is not read."""


class MathVerifier:
    """The verifier `math`. `verify` may take long: call it where it can be killed."""

    name = "math"

    def glance(self, problem: Problem, message: str) -> Verdict | None:
        """The verdict, where it takes no algebra; None where only `verify` can tell."""
        return self._verdict(problem, message, fields.equal, last=False)

    def verify(self, problem: Problem, message: str) -> Verdict:
        """The verdict, with algebra where it is needed."""
        verdict = self.glance(problem, message)
        if verdict is not None:
            return verdict
        from tutelage.verifiers.equivalence import equal

        def decide(one: formulas.Tree, other: formulas.Tree) -> bool | None:
            known = fields.equal(one, other)
            return known if known is not None else equal(one, other)

        verdict = self._verdict(problem, message, decide, last=True)
        assert verdict is not None
        return verdict

    def warm(self) -> None:
        """Imports what `verify` needs, before anybody's time counts."""
        from tutelage.verifiers import equivalence  # noqa: F401

    def reads(self, problem: Problem, message: str) -> str:
        """The final answer as it is read, for a verdict that came to nothing."""
        gold = answer_to(problem)
        return final_answer(message, gold).text if gold else ""

    def _verdict(
        self, problem: Problem, message: str, decide: Decide, last: bool
    ) -> Verdict | None:
        gold = answer_to(problem)
        if gold is None or not gold.text:
            return Verdict("unjudged", "", "no gold answer", self.name)
        final = final_answer(message, gold)
        if final.reason or not final.readings:
            return Verdict("incorrect", final.text, final.reason or "no answer", self.name)
        reasons = [compare(gold, text, value, decide) for text, value in final.readings]
        for (text, _), reason in zip(final.readings, reasons, strict=True):
            if reason == "":
                return Verdict("correct", text, "", self.name)
        if refusal := refused(gold, final, None in reasons):
            return Verdict("unjudged", final.text, f"refused: {refusal}", self.name)
        if None not in reasons:
            return Verdict("incorrect", final.text, reasons[0] or "", self.name)
        return Verdict("incorrect", final.text, "cannot be compared", self.name) if last else None


def answer_to(problem: Problem) -> Answer | None:
    """The final answer that a problem wants; None where it wants a program."""
    gold = gold_of(problem.domain, problem.gold, problem.statement, problem.solution)
    return None if isinstance(gold, Tests) else gold


def refused(gold: Answer, final: Final, unsure: bool) -> str:
    """Why an answer is not compared, which may take algebra (`unsure`); empty where it can be."""
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
    values = (gold.value, *(value for _, value in final.readings))
    return "a number that large" if unsure and not all(map(_computable, values)) else ""


def _computable(value: Value) -> bool:
    """Whether algebra may be tried on it: no tower of powers, no factorial of a large number."""
    return (
        not isinstance(value, Formula)
        or formulas.approximate(value.tree) is not None
        or (formulas.exact(value.tree) is not None)
    )
