"""Flaws of an attempt whose answer is right: a false equation, or a message cut off at its end.

A model trained on such a turn learns the false equation, or to run on. The row always records the
flaw; `verifier.flaws` decides whether the attempt also counts as not solved.
"""

from dataclasses import replace

from tutelage.answers.equations import equations
from tutelage.records import Message, Problem, Verdict


def false_equation(problem: Problem, text: str) -> str:
    """The first equation in `text` that does not hold; empty for programs."""
    if problem.gold.kind == "tests":
        return ""
    return next((each.text for each in equations(text) if not each.holds), "")


def refused(attempt: Message, verdict: Verdict) -> Verdict:
    """`verdict`, or a refusal if it accepts an attempt with a flaw."""
    if verdict.status != "correct":
        return verdict
    if attempt.false_equation:
        reason = f"the answer is right, but its working is not: {attempt.false_equation}"
        return replace(verdict, status="incorrect", reason=reason)
    if attempt.finish_reason == "length":
        return replace(verdict, status="unjudged", reason="cut: the message has no end")
    return verdict
