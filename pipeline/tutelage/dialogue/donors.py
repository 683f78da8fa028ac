"""The arm `shuffled`: feedback that was written for another problem, matched by turn.

A donor is a dialogue of its own over another problem, played in step: when feedback is due at turn
t, donors go on until one of them has feedback at turn t. A donor that ended earlier hands on to the
next one.
"""

from dataclasses import replace

from tutelage.records import Dialogue, Message


def busy(dialogue: Dialogue) -> int | None:
    """The donor that must go on before there is feedback for the newest turn; None if there is."""
    turn = dialogue.messages[-1].turn
    for i, donor in enumerate(dialogue.donors):
        if any(m.act == "feedback" and m.turn == turn for m in donor.messages):
            return None
        if donor.outcome is None:
            return i
    return None


def borrowed(dialogue: Dialogue) -> Message | None:
    """The donors' feedback at this turn; their latest where all of them ended before it."""
    turn = dialogue.messages[-1].turn
    feedback = [m for donor in dialogue.donors for m in donor.messages if m.act == "feedback"]
    matched = next((m for m in feedback if m.turn == turn), None)
    chosen = matched or max(feedback, key=lambda m: m.turn, default=None)
    return replace(chosen, turn=turn) if chosen else None
