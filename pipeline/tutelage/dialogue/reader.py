"""The reader: a language model that says which final answer a draft states or implies.

Optional, and asked only about drafts in which the leak gate's rules find nothing: riddles, other
languages, answers by elimination. It sees the public dialogue and the draft, never the gold,
because a model that knows the answer finds it everywhere. The verifier judges the answer that it
names; if that is correct, the draft leaks.

A draft may contain instructions to the reader. It is therefore quoted line by line, so that it
cannot end the quotation, and its special tokens are neutralised. A model may still follow such
instructions, but little is lost: the rules have already run, and `none` is the result without a
reader. Programs are not read, because a short reply cannot state one.
"""

import re

from tutelage.dialogue import reasoning
from tutelage.records import Message, Problem, Reading, Reply

_NONE = re.compile(r"\W*(?:none|n/?a|nothing)\W*", re.IGNORECASE)
_LABEL = re.compile(r"^\W*(?:(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:)\s*", re.IGNORECASE)


def reads(problem: Problem) -> bool:
    """Whether a few tokens can state the final answer of this problem."""
    return problem.gold.kind != "tests"


def reading(draft: Message, reply: Reply) -> Reading:
    """Parses the reader's reply about `draft`. Only its first line counts.

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
