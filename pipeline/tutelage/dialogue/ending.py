"""How a dialogue ends."""

from dataclasses import replace

from tutelage.records import Dialogue, Outcome


def fail(dialogue: Dialogue, failure: str, reason: str) -> Dialogue:
    """Ends the dialogue because of a failure outside it, such as a dead engine."""
    description = f"{failure}: {' '.join(reason.split())[:500]}"
    turns = sum(m.speaker == "student" for m in dialogue.messages)
    return replace(dialogue, draft=None, outcome=Outcome("failed", turns=turns, reason=description))


def solved(dialogue: Dialogue) -> Dialogue:
    """Ends the dialogue: the newest attempt was right."""
    turn = dialogue.messages[-1].turn
    return replace(dialogue, outcome=Outcome("solved", solved_turn=turn, turns=turn))


def exhausted(dialogue: Dialogue) -> Dialogue:
    """Ends the dialogue: the student has had its last turn."""
    return replace(dialogue, outcome=Outcome("exhausted", turns=dialogue.messages[-1].turn))


def is_last(dialogue: Dialogue) -> bool:
    """Whether no turn may follow. A dialogue in shards lasts long enough to reveal all of them."""
    turns = max(dialogue.rules.turns, len(dialogue.problem.hint_shards))
    limit = dialogue.rules.turns if dialogue.rules.arm == "single" else turns
    return dialogue.messages[-1].turn >= limit
