"""How much the mention of a number says: the answer, a result, something in passing, or nothing."""

import re
from enum import IntEnum

from tutelage.leaks.contexts import COUNTED, FILL, Place, named_as_answer
from tutelage.leaks.golds import Answer
from tutelage.leaks.lexicon import is_fact


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


_NUMBERED = re.compile(
    r"\b(step|problem|question|line|page|turn|part|attempt|example|exercise|section|chapter|case|item|"
    r"figure|fig|table|equation|eq|no|option|test|hint|point|sentence|paragraph|version|round|level|"
    r"row|column|grade|class|rule|method|try|theorem|lemma|task|day|lesson|unit|appendix|volume|type|"
    r"room)s?\.?\s*(?:no\.?\s*|number\s+|nr\.?\s*|#\s*)?\(?(?:\d+\s*(?:,|and|or|to|-|&|/)\s*)*$"
)
_LISTED = re.compile(r"(?:^|\n)[ \t>*(-]*$")
_LISTED_AFTER = re.compile(r"(?:[.):]|\s-)[ \t]+[^\s\d]")
_CLOCK = re.compile(r"\d:$")
_CLOCK_AFTER = re.compile(r":\d\d\b|\s*(?:am|pm|a\.m|p\.m|bc|ad|bce)\b")
_SURE = re.compile(r"100\s*(?:%|percent)\s*(?:sure|certain|correct|right)")

_EQUATED = re.compile(r"\d\W*(?:[a-z%/]+\s*){0,6}=\s*$")
_EQUATED_AFTER = re.compile(r"\s*(?:[-+*^]|/\s*\d)")
_COMING_OUT = re.compile(
    rf"""(?:=|->|[:,-]|^|\b(?:equals?|gives?|gets?|got|getting|yields?|makes?|leaves?|left\s+with
    |remain(?:s|ing)?|totals?|comes?\s+(?:out\s+)?(?:to|at|as)|adds?\s+up\s+to|sums?\s+to|is|are|was|were
    |be|becomes?|has|have|had|finds?|total\s+of|sum\s+of|needs?|earn(?:s|ed)?|costs?|pays?|eats?|sells?
    |sold|buys?|bought|stays?|fits?|keeps?|uses?|takes?|reads?|receives?|saves?|spends?|left|leaving
    |making|giving|so|thus|therefore|hence|exactly|only|precisely|it's|that's|he's|she's|about|try
    |how\s+about|what\s+about|maybe|perhaps|guess|think\s+of|know|would\s+\w+|will\s+\w+|times|in)\b)
    \s*{FILL}$""",
    re.VERBOSE,
)
_OPERAND = re.compile(
    r"\b(?:divid\w+|multipl\w+|add\w*|subtract\w*|times|by|plus|minus|take|taking|remove|double|split|"
    r"into|groups?\s+of|share\w*|of|every|each|per|for|first|last|next|another|all|both|than|from|to|"
    r"with|between|at\s+least|after)\s+$|[-+*/^<>]\s*$|\b(?:start|begin)\w*\s+(?:\w+\s+)?$"
)
_CLOSED = re.compile(
    r"\s*['\")\]}]*\s*(?:$|[.!?;,:)](?!\d)|\n|-\s"
    r"|\b(?:because|since|so|as|in\s+total|altogether|left|now|then|more\s+than|and|times)\b)"
)
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
    if not asked and (_numbering(at, answer.question) or (small and COUNTED.match(at.after))):
        return Weight.NUMBERING
    if _CLOCK.search(at.before) or _CLOCK_AFTER.match(at.after):
        return Weight.NUMBERING
    if is_fact(at.said, at.before, at.after) or _SURE.match(at.said.lower() + at.after):
        return Weight.NUMBERING
    if _EQUATED.search(at.before) and not _EQUATED_AFTER.match(at.after):
        return Weight.RESULT
    if _OPERAND.search(at.before):
        return Weight.PASSING
    closed = _CLOSED.match(at.after) or MEASURE.match(at.after)
    return Weight.RESULT if asked or (closed and _COMING_OUT.search(at.before)) else Weight.PASSING


def _numbering(at: Place, question: str) -> bool:
    """`step 2`, `lines 3 and 5`, `2. Subtract`, unless the problem asks for such a thing."""
    numbered = _NUMBERED.search(at.before)
    if numbered:
        return numbered[1] not in question
    before, after = at.text[: at.start], at.text[at.end :]
    if not (at.said.isdigit() and len(at.said) <= 2 and _LISTED_AFTER.match(after)):
        return False
    if not _LISTED.search(before):
        return False
    # A list begins with 1, or goes on from the item before.
    earlier = int(at.said) - 1
    return earlier == 0 or bool(re.search(rf"(?:^|\n)[ \t>*(-]*{earlier}[.):]", before))
