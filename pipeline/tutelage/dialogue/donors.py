"""The arm `shuffled`: feedback that was written for another problem, matched by turn.

A donor is a dialogue of its own about another problem, played in step. When feedback is due at turn
t, the donors advance until one of them has feedback at turn t. If a donor ends earlier, the next
one takes over.
"""

from dataclasses import replace

from tutelage.records import Dialogue, Message


def busy(dialogue: Dialogue) -> int | None:
    """The donor that must advance before the newest turn has feedback; None if it has."""
    turn = dialogue.messages[-1].turn
    for i, donor in enumerate(dialogue.donors):
        if any(m.act == "feedback" and m.turn == turn for m in donor.messages):
            return None
        if donor.outcome is None:
            return i
    return None


def borrowed(dialogue: Dialogue) -> Message | None:
    """The donors' feedback at this turn; their latest if all of them ended earlier."""
    turn = dialogue.messages[-1].turn
    feedback = [m for donor in dialogue.donors for m in donor.messages if m.act == "feedback"]
    at_turn = next((m for m in feedback if m.turn == turn), None)
    chosen = at_turn or max(feedback, key=lambda m: m.turn, default=None)
    return replace(chosen, turn=turn) if chosen else None
