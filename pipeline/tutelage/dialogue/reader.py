"""The reader: a language model that says which final answer a draft states or implies.

Optional, and asked only about drafts that the gate's rules find clean: riddles, other languages, an
answer by elimination. It is shown the public dialogue and the draft, never the gold: a model that
knows the answer finds it everywhere. What it names goes to the verifier, and is a leak if correct.

A draft can say to the reader what to say. It stands quoted line by line, so that nothing in it can
end the quotation, and its special tokens are taken apart; that a model heeds what it reads there all
the same cannot be ruled out. What it gains is little: the rules have looked before, and `none` is
what would hold without a reader. Programs are not read: no few tokens say one.
"""

import re

from tutelage.dialogue import reasoning
from tutelage.records import Message, Problem, Reading, Reply

_NONE = re.compile(r"\W*(?:none|n/?a|nothing)\W*", re.IGNORECASE)
_LABEL = re.compile(r"^\W*(?:(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:)\s*", re.IGNORECASE)


def reads(problem: Problem) -> bool:
    """Whether a few tokens can say the final answer of this problem."""
    return problem.gold.kind != "tests"


def reading(draft: Message, reply: Reply) -> Reading:
    """What the reader's reply says of `draft`; of a reply that goes on, its first line counts.

    >>> draft = Message("teacher", "feedback", 1, "Twice three apples, and that is it.")
    >>> reading(draft, Reply("Answer: 6 apples")).answer, reading(draft, Reply("None.")).answer
    ('6 apples', '')
    """
    _, text = reasoning.split(reply.text)
    line, newline, _ = text.partition("\n")
    answer = _LABEL.sub("", line).strip()
    return Reading(
        turn=draft.turn,
        speaker=draft.speaker,
        answer="" if _NONE.fullmatch(answer) else answer,
        is_read=bool(answer),
        finish_reason="stop" if newline else reply.finish_reason,
    )
