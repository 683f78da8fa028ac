"""Which form the feedback of a turn takes: drawn by weight, from the dialogue's seed."""

from tutelage.records import Dialogue
from tutelage.seeds import fraction


def draw(dialogue: Dialogue) -> str:
    """The form of the feedback that is due now; empty where the teacher may choose.

    A question gets an answer, and a test's output can be reported only where a test ran.
    """
    newest = dialogue.messages[-1]
    if newest.act == "question":
        return "answer"
    tested = newest.verdict is not None and bool(newest.verdict.detail)
    forms = [(f, w) for f, w in dialogue.rules.forms if w > 0 and (f != "test-output" or tested)]
    mark = fraction("form", dialogue.seed, newest.turn) * sum(weight for _, weight in forms)
    for form, weight in forms:
        mark -= weight
        if mark < 0:
            return form
    return forms[-1][0] if forms else ""
