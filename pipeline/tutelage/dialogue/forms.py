"""Draws the form of a turn's feedback by weight, from the dialogue's seed."""

from tutelage.records import Dialogue
from tutelage.seeds import fraction


def draw(dialogue: Dialogue) -> str:
    """The form of the feedback that is due; empty if the teacher may choose.

    A question gets an answer. A test's output can be reported only if a test ran.
    """
    newest = dialogue.messages[-1]
    if newest.act == "question":
        return "answer"
    has_output = newest.verdict is not None and bool(newest.verdict.detail)
    forms = [
        (f, w) for f, w in dialogue.rules.forms if w > 0 and (f != "test-output" or has_output)
    ]
    position = fraction("form", dialogue.seed, newest.turn) * sum(weight for _, weight in forms)
    for form, weight in forms:
        position -= weight
        if position < 0:
            return form
    return forms[-1][0] if forms else ""
