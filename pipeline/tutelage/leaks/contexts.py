"""Whether a message names something as the answer, by the words round it.

What is said there, the callers know; this module never looks at values. It is called only where a
message holds the gold, so it may be slow.
"""

import re
from dataclasses import dataclass

_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a text and the rest of its sentence, in lower case."""

    text: str
    start: int
    end: int
    before: str
    after: str

    @property
    def said(self) -> str:
        """The span as it is written."""
        return self.text[self.start : self.end]

    @property
    def alone(self) -> bool:
        """Whether the whole text says nothing but the span."""
        letter = _LETTER.search(self.text, 0, self.start) or _LETTER.search(self.text, self.end)
        return letter is None

    @property
    def asks(self) -> bool:
        """Whether the sentence is a question."""
        return self.after.rstrip().endswith("?")


_SENTENCE_END = re.compile(r"[.!?;](?=\s|$|[\"')])|\n")
_WINDOW = 140
"""Characters looked at on either side."""


def place(text: str, start: int, end: int) -> Place:
    """The span of `text` from `start` up to `end` in its sentence."""
    before = text[max(0, start - _WINDOW) : start]
    cut = max((found.end() for found in _SENTENCE_END.finditer(before + "x")), default=0)
    after = text[end : end + _WINDOW]
    stop = _SENTENCE_END.search(after)
    return Place(
        text, start, end, before[cut:].lower(), after[: stop.end() if stop else None].lower()
    )


FILL = (
    r"(?:\s|[\"'(\[{:]|\b(?:exactly|just|simply|actually|indeed|really|only|about|approximately|"
    r"roughly|probably|maybe|perhaps|now|then|therefore|thus|clearly|hence|again|equal|to|be|the|an?|"
    r"number|value|option|choice|letter|[a-z]\s*=)(?![a-z]))*"
)
"""Words that may stand between "the answer is" and the answer."""

# ---- the answer, named

_SPAN = (
    r"(?:(?!\b(?:is|was|are|than|but|not|because|if|when|since|like|n't|how|what)\b)"
    r"[^.!?\n;]){0,50}?"
)
CALLED = (
    r"\b(?:answers?|solutions?|result|(?:final|correct|right|wanted|true|expected)\s+(?:\w+\s+)?"
    r"(?:value|number|result|count|total|sum|one|choice|option|letter|amount|price|thing))\b"
)
_LINKED = r"(?:\b(?:is|was|are|be|being|equals?|becomes?|as|to|namely)\b|'s\b|[:=]|->|-)"
_BEFORE = re.compile(
    rf"""(?:
    {CALLED}{_SPAN}{_LINKED}
    |\b(?:correct|right)\b\s*(?:would\s+be|is|:)
    |\#{{2,4}}
    |\b(?:should|must|will|would|ought|have|needs?|supposed|expected|want|going|(?:you|he|she|it)'ll)
      \s+(?:\w+\s+){{0,2}}?(?:get|be|equal|find|obtain|reach|give|answer|say|write|come\s+out|end\s+up
      |arrive|become)(?:\s+(?:with|at|to|as|of|up|down\s+to))?
    |\b(?:should|must|would|ought)\s+(?:\w+\s+){{0,2}}?have\s+(?:been|got(?:ten)?|found|obtained|reached
      |given|answered|said|written|come\s+out|ended\s+up|arrived)(?:\s+(?:with|at|to|as))?
    |\b(?:answer|pick|choose|select|go\s+(?:with|for)|going\s+with|chose|circle|mark
      |write(?:\s+down)?|say|enter|submit|type\s+in|put\s+down|fill\s+in|hand\s+in|settle\s+(?:on|for)
      |aim\s+(?:for|at)|make\s+(?:it|that|your\s+answer))
    |\b(?:replace|change|correct|turn|swap|alter|amend|fix|switch)\s+(?:it|that|this|yours|\d[\d.,]*
      |(?:your|the|that|this)\s+(?:\w+\s+){{0,2}}?[\w.,]+)\s+(?:with|by|to|into|for)
    |\b(?:yes|exactly|correct|right|indeed|precisely)\s*[,!:.-]\s*(?:it(?:'s|\s+is)|that(?:'s|\s+is))?
    |\b(?:is|was|would|could|might|isn't|wouldn't|couldn't|wasn't)\s+
      (?:it|that|this|the\s+(?:answer|result))\b
      (?:\s+(?:not|then|maybe|be|perhaps|just|really|possibly))*
    )[\s,:"'(\[=-]*{FILL}$""",
    re.VERBOSE,
)
_IS = r"(?:is|was|are|were|would\s+be|must\s+be|as|'s)"
_WANTED = (
    r"(?:what\s+(?:comes\s+out|remains|results|is\s+left|we\s+\w+"
    r"|you\s+(?:get|want|need|are\s+(?:after|looking\s+for)|should\s+\w+))(?!\s+to\b)"
    r"|you\s+want|you\s+need|we\s+want|comes\s+out|the\s+one"
    r"|(?:(?:final|right|correct)\s+)?(?:correct|right|answer|solution|final))"
)
_AFTER = re.compile(
    rf"""^['")\]}}]*(?:
    \s*(?:[a-z]+\s+){{0,3}}?{_IS}\s+
      (?:(?:indeed|actually|in\s+fact|already|also|my|your|our|the|a|in)\s+){{0,3}}{_WANTED}\b
      (?!\s+(?:for|to|of\s+(?:the\s+)?(?:first|step))\b)
    |\s*,?\s*(?:it|that)\s+is\s*[.!]*$
    |\s+is\s+what\s+i(?:'d|'ll|\s+would)?\s+(?:say|get|got|answer|have)\b
    |\s*[,!-]?\s*(?:right|correct|yes|isn't\s+it|is\s+it\s+not)\s*[?!.]*$
    |[^.!?\n]{{0,40}}[,:]\s*(?:that|this|it|which)(?:\s+is|\'s)\s+(?:the\s+|your\s+)?(?:final\s+)?answer\b
    )""",
    re.VERBOSE,
)
_ENDS_IT = re.compile(
    r"\s*,?\s*(?:and|then|so)\s+(?:you|we|that|there)(?:'ll|'re|'s|\s+will|\s+are|\s+is)?\s+"
    r"(?:(?:have|get|got|reach|find)\s+(?:the|your)\s+(?:(?:final|right|correct)\s+)?"
    r"(?:answer|solution|result)|done|right|finished|there)\b"
)
_OPERAND = re.compile(
    r"(?:\b(?:add|subtract|by|from|to|plus|minus|times|take|away|remove|of|with|the)|[-+*/^])\s*$"
)
"""Before a number that is worked with: "subtract 5 and you have the answer" does not name 5."""
_IT_IS = re.compile(
    r"^\W*(?:(?:so|then|well|no|yes|ok|okay|but|and|hmm)\W+)*(?:it|that|this)"
    rf"(?:'s|\s+is|\s+was|\s+must\s+be|\s+makes|\s+equals|\s+has\s+to\s+be)\s*{FILL}$"
)
_SUBJECT = re.compile(
    r"^\W*(?:(?:so|thus|then|therefore|hence|well|and|but|now|yes|no|finally|this\s+means)\W+)*"
    r"(?:that\s+)?(?:the|her|his|its|their|this|my|your)?\s*((?:[a-z'-]+\s+){0,4}?[a-z'-]+)\s*"
    r"(?:\b(?:is|equals|was|comes\s+(?:out\s+)?(?:to|at|as)|becomes"
    rf"|(?:must|will|would|should|has\s+to)\s+be)\b|=|:)\s*{FILL}$"
)
_ARTICLES = frozenset({"of", "the", "for", "a", "an", "in", "all", "her", "his", "its", "that"})
_DENIED = re.compile(
    r"(?:\b(?:not|never|cannot|hardly|neither|nor)\b|n't\b)[^,.;:!?]{0,25}$"
    r"|\b(?:than|instead\s+of|rather\s+than|unlike|from|between|if|(?:start|begin|compare)\w*\s+with)"
    r"\s+(?:the\s+|your\s+|a\s+)?$"
)
_DENIED_AFTER = re.compile(
    r"^['\")]*\s*(?:\w+\s+){0,2}?(?:is|was|are|were|seems)\s+"
    r"(?:not|wrong|incorrect|too|far|only|hardly)\b|^\s*(?:is|was)n't"
)
_TAG = re.compile(r"\b(?:is|would|could|was)n't (?:it|that|the)\b")
_PART = re.compile(r"=\s*$|\b(?:step|line|part|sum|product|first|calculation|subtotal)\b")
COUNTED = re.compile(
    r"^[\s-](?:(?!(?:in|of|on|at|to|and|or|for|per)\b)\w+\s+)?(?:steps?|parts?|things?|numbers?|"
    r"quantit\w+|ways?|mistakes?|errors?|slips?|terms?|values?|cases?|operations?|conditions?|clues?|"
    r"questions?|sentences?|facts?|unknowns?|equations?|digits?|sides?|hints?|problems?|ideas?|lines?|"
    r"kinds?|types?|words?|attempts?|tr(?:ies|y)|turns?|decimals?|decimal\s+places?|reasons?|"
    r"possibilities|halves|sorts?|factors?|more\s+(?:times?|tr(?:y|ies))|last|examples?|tests?|loops?|variables?|lists?|"
    r"options?|outcomes?|roots?|expressions?|phrases?|calculations?|paths?|methods?|approaches|signs?|"
    r"equal\s+(?:groups|parts))\b"
)
"""After a number: what dialogues about problems count, whatever the problem is about."""


def denied(at: Place) -> bool:
    """Whether the span is said *not* to be it: `not 42`, `42 is wrong`, but not `isn't it 42?`."""
    if _DENIED_AFTER.search(at.after):
        return True
    return bool(_DENIED.search(at.before)) and not _TAG.search(at.before)


def _is_sought(before: str, sought: frozenset[str]) -> bool:
    """Whether a sentence begins with what the problem asks for: `Her average score is`."""
    subject = _SUBJECT.match(before)
    words = {word.removesuffix("s") for word in subject[1].split()} if subject else set()
    return bool(words - _ARTICLES) and words - _ARTICLES <= sought


def named_as_answer(at: Place, sought: frozenset[str] = frozenset()) -> bool:
    """Whether the span is put as the answer, in so many words or as the quantity `sought`."""
    if denied(at):
        return False
    if _IT_IS.match(at.before) and re.match(r"\s*(?:[a-z]+\s*)?[.!?]*$", at.after):
        return True
    if _is_sought(at.before, sought) and not re.match(r"\s*[-+*/^]", at.after):
        return True
    if _BEFORE.search(at.before):
        # "You should have 3 terms", "the answer is 3 steps away": counted, not named.
        return not COUNTED.match(at.after)
    if _ENDS_IT.match(at.after) and not _OPERAND.search(at.before):
        return True
    return bool(_AFTER.match(at.after)) and not _PART.search(at.before)
