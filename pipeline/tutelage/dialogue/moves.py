"""Classifies a student's turn by rule: it answers, asks, or does neither.

The classes are those of Lost-in-Conversation (arXiv 2505.06120, section on answer attempts):

    answer           it commits to a final answer
    hedge            it answers under an assumption, or gives several answers to choose from
    clarification    it asks for something, and gives no answer
    interrogation    it asks for three things or more, and gives no answer
    refusal          it says that it cannot, and gives no answer
    missing          it is empty
    discussion       it talks about the problem without any of these

A wrong classification costs little. Only `clarification` and `interrogation` change the course of
the dialogue (the turn is a question: it scores 0 and the teacher answers it), and both require a
message that ends in a question mark and contains no answer.
"""

import re

QUESTIONS = frozenset({"clarification", "interrogation"})
"""Moves that make a turn a question."""

MOVES = (
    "answer", "hedge", "clarification", "interrogation", "refusal", "missing", "discussion",
)  # fmt: skip

_COMMITS = re.compile(
    r"\\boxed\s*\{|^\s*####|```|\b(?:final\s+)?(?:answer|result|solution|total)\b[^.?!\n]{0,40}"
    r"(?:\bis\b|=|:)\s*\S|\b(?:so|therefore|thus|hence)\b[^?\n]{0,80}\d[^?\n]{0,40}[.!]?\s*$"
    r"|=\s*[-$]?\d[\d.,/]*[^?\n=]{0,20}[.!]?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_BARE = re.compile(r"^\W*[-+$]?\d[\d.,/ ]*\s*[\w%°]{0,12}\W*$")
_ASKING = re.compile(r"\?\s*[\"')\]]*\s*(?=\s|$)")
_ASSUMING = re.compile(
    r"\b(?:assum(?:e|ing)|suppos(?:e|ing)|if (?:we|you|it|this) (?:mean|refer|take|say)|"
    r"it depends|depending on|either \S+ or|could be \S+ or)\b",
    re.IGNORECASE,
)
_CANNOT = re.compile(
    r"\b(?:i (?:can ?not|can'?t|am unable|do not have|don'?t have|don'?t know)|"
    r"not enough information|insufficient information|cannot be (?:determined|solved))\b",
    re.IGNORECASE,
)


def classify(text: str) -> str:
    """The move of `text`.

    >>> classify("How many eggs are in a box?"), classify("6 + 3 = 9. The answer is 9.")
    ('clarification', 'answer')
    """
    text = text.strip()
    if not text:
        return "missing"
    questions = len(_ASKING.findall(text))
    if _commits(text):
        return "hedge" if _ASSUMING.search(text) else "answer"
    if questions and text.rstrip("\"')] ").endswith("?"):
        return "interrogation" if questions >= 3 else "clarification"
    if _CANNOT.search(text):
        return "refusal"
    return "discussion"


def is_sure(text: str, move: str) -> bool:
    """Whether the rule is reliable without a reader.

    It is unless a discussion or refusal contains a question mark: then the student may be asking. A
    message that commits to an answer is an answer, whatever else it contains.
    """
    return move not in ("discussion", "refusal") or "?" not in text


def from_reader(reply: str, otherwise: str) -> str:
    """The move that the reader named; `otherwise` if it named none."""
    words = re.findall(r"[a-z]+", reply.lower())
    return next((word for word in words if word in MOVES), otherwise)


def _commits(text: str) -> bool:
    """Whether the text states something as its answer, outside questions."""
    statements = "\n".join(
        line for line in re.split(r"(?<=[.!?])\s+|\n", text) if not line.rstrip().endswith("?")
    )
    return bool(_COMMITS.search(statements) or _BARE.match(text))
