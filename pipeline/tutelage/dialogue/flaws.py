"""What is wrong with an attempt whose answer is right: a sum that does not hold, or a cut-off end.

A model that is trained on such a turn learns the false sum, or to run on. The row says so in any case;
whether it also counts as not solved is a rule (`verifier.flaws`).
"""

from dataclasses import replace

from tutelage.answers.equations import equations
from tutelage.records import Message, Problem, Verdict


def false_equation(problem: Problem, text: str) -> str:
    """The first sum in `text` that is written out and does not hold; empty in a program."""
    if problem.gold.kind == "tests":
        return ""
    return next((each.text for each in equations(text) if not each.holds), "")


def refused(attempt: Message, verdict: Verdict) -> Verdict:
    """`verdict`, unless it accepts an attempt with a flaw."""
    if verdict.status != "correct":
        return verdict
    if attempt.false_equation:
        why = f"the answer is right, but its working is not: {attempt.false_equation}"
        return replace(verdict, status="incorrect", reason=why)
    if attempt.finish_reason == "length":
        return replace(verdict, status="unjudged", reason="cut: the message has no end")
    return verdict
