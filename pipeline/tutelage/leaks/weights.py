"""How much the mention of a number says: the answer, a result, something in passing, or nothing."""

import re
from enum import IntEnum

from tutelage.leaks.contexts import COUNTED, FILL, Place, named_as_answer
from tutelage.leaks.golds import Answer
from tutelage.leaks.lexicon import is_fact
from tutelage.leaks.numbering import numbering


class Weight(IntEnum):
    """How much a mention says about the answer, from nothing to all."""

    NUMBERING = 0
    """Counts or numbers something else: `step 2`, `two ways`, `60 minutes in an hour`."""
    PASSING = 1
    """Is there, and nothing round it says what for."""
    RESULT = 2
    """Comes out of something: `= 5`, `she has 5 left`, `seven times`."""
    ANSWER = 3
    """Is named as the answer: `the answer is 5`, `you should get 5`, `5 is correct`."""


_SURE = re.compile(r"100\s*(?:%|percent)\s*(?:sure|certain|correct|right)")

_EQUATED = re.compile(r"\d\W*(?:[a-z%/]+\s*){0,6}=\s*$")
_EQUATED_AFTER = re.compile(r"\s*(?:[-+*^]|/\s*\d)")
_COMING_OUT = re.compile(
    rf"""(?:=|->|[:,-]|^|\b(?:equals?|gives?|gets?|got|getting|yields?|makes?|leaves?|left\s+with
    |remain(?:s|ing)?|totals?|obtain(?:s|ing)?|reach(?:es|ing)?|comes?\s+(?:out\s+)?(?:to|at|as)|adds?\s+up\s+to|sums?\s+to|is|are|was|were
    |be|becomes?|has|have|had|finds?|total\s+of|sum\s+of|needs?|earn(?:s|ed)?|costs?|pays?|eats?|sells?
    |sold|buys?|bought|stays?|fits?|keeps?|uses?|takes?|reads?|receives?|saves?|spends?|left|leaving
    |making|giving|so|thus|therefore|hence|exactly|only|precisely|it's|that's|he's|she's|about|try
    |how\s+about|what\s+about|maybe|perhaps|guess|think\s+of|know|would\s+\w+|will\s+\w+|(?:end|finish)(?:s|ed)?(?:\s+up)?\s+(?:with|at|on)|times|in)\b)
    \s*{FILL}$""",
    re.VERBOSE,
)
_OPERAND = re.compile(
    r"\b(?:divid\w+|multipl\w+|add\w*|subtract\w*|times|by|plus|minus|take|taking|remove|double|split|"
    r"into|groups?\s+of|share\w*|of|every|each|per|for|first|last|next|another|all|both|than|from|to|"
    r"with|between|at\s+least|after)\s+$|[-+*/^<>]\s*$|\b(?:start|begin)\w*\s+(?:\w+\s+)?$"
)
_OUTCOME = re.compile(
    r"\b(?:left\s+with|comes?\s+(?:out\s+)?(?:to|at)|(?:adds?|sums?)\s+(?:up\s+)?to|amounts?\s+to|equal\s+to"
    r"|(?:end|finish)(?:s|ed)?\s+(?:up\s+)?(?:with|at)|totals?\s+of)\s+$"
)
"""Results that end in a word which elsewhere stands before a number to work with."""
_CLOSED = re.compile(
    r"\s*['\")\]}]*\s*(?:$|[.!?;,:)](?!\d)|\n|-\s"
    r"|\b(?:because|since|so|as|in\s+total|altogether|left|now|again|then|more\s+than|and|times|each|apiece"
    r"|of\s+(?:his|her|its|their|them(?=\s*(?:[.!,;]|$))))\b)"
)
_REMAINING = re.compile(
    r"\s*(?:of\s+(?:them|these|those)\s+|[a-z]+\s+){0,2}?"
    r"(?:remain(?:s|ed)?|remaining(?=\s*(?:[.!?,;]|$))|(?:is|are|was|were|will\s+be)\s+(?:left|remaining)|left)\b(?!-|\s+to\b)"
)
_SOLVES = re.compile(r"\s+for\s+[b-hj-z]\b|\s+is\s+what\b")
"""`Substitute 7 for x`, `8 is what it costs`."""
_TIME = re.compile(r"\s*-?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b")
_ASKS_TIME = re.compile(
    r"\b(?:long|time|when|old|age|seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
)
"""A question that a time answers; to others, "come back in 2 minutes" says nothing."""
_SUPPOSED = re.compile(r"\b(?:if|when|suppose|until|unless)\b")
MEASURE = re.compile(
    r"\s*-?(?:dollars?|cents?|euros?|pounds?|km|cm|mm|m|met\w+|miles?|hours?|hrs?|h|minutes?|mins?|"
    r"seconds?|days?|weeks?|months?|years?|degrees?|percent|%|kg|grams?|g|lit\w+|l|units?|pages?|"
    r"inches|feet|ft|times)\b"
)
"""A unit, which closes a number as a full stop does."""


def weigh(at: Place, answer: Answer, small: bool) -> Weight:
    """The weight of a number; `small` says that it is one by which dialogues count their own parts."""
    if named_as_answer(at, answer.sought):
        return Weight.ANSWER
    nouns = re.match(r"[\s-]*([a-z]+)(?:\s+([a-z]+))?", at.after)
    asked = bool(
        nouns and any(noun.removesuffix("s") in answer.asked for noun in nouns.groups() if noun)
    )
    if not asked and (numbering(at, answer.question) or (small and COUNTED.match(at.after))):
        return Weight.NUMBERING
    if is_fact(at.said, at.before, at.after) or _SURE.match(at.said.lower() + at.after):
        return Weight.NUMBERING
    if _EQUATED.search(at.before) and not _EQUATED_AFTER.match(at.after):
        return Weight.RESULT
    if _OPERAND.search(at.before) and not _OUTCOME.search(at.before):
        return Weight.PASSING
    if small and not asked and _TIME.match(at.after) and not _ASKS_TIME.search(answer.question):
        return Weight.PASSING
    if _SOLVES.match(at.after) and not at.asks:
        return Weight.RESULT
    if _REMAINING.match(at.after) and not (at.asks or _SUPPOSED.search(at.before)):
        return Weight.RESULT
    closed = _CLOSED.match(at.after) or MEASURE.match(at.after)
    comes_out = closed and (_COMING_OUT.search(at.before) or _OUTCOME.search(at.before))
    return Weight.RESULT if asked or comes_out else Weight.PASSING
