"""How a dialogue ends."""

from dataclasses import replace

from tutelage.records import Dialogue, Outcome


def fail(dialogue: Dialogue, failure: str, reason: str) -> Dialogue:
    """The dialogue ended by a failure that is not its own doing, such as a dead engine."""
    words = f"{failure}: {' '.join(reason.split())[:500]}"
    turns = sum(m.speaker == "student" for m in dialogue.messages)
    return replace(dialogue, draft=None, outcome=Outcome("failed", turns=turns, reason=words))


def solved(dialogue: Dialogue) -> Dialogue:
    """The newest attempt was right."""
    turn = dialogue.messages[-1].turn
    return replace(dialogue, outcome=Outcome("solved", solved_turn=turn, turns=turn))


def exhausted(dialogue: Dialogue) -> Dialogue:
    """The student has had its last turn."""
    return replace(dialogue, outcome=Outcome("exhausted", turns=dialogue.messages[-1].turn))


def is_last(dialogue: Dialogue) -> bool:
    """Whether no turn may follow. A dialogue in shards lasts until all of them could be out."""
    turns = max(dialogue.rules.turns, len(dialogue.problem.hint_shards))
    limit = dialogue.rules.turns if dialogue.rules.arm == "single" else turns
    return dialogue.messages[-1].turn >= limit
