"""Whether a message puts something as the answer, by the words round it.

`named_as_answer` asks for the strong forms, `asserted` also for those that only an expression needs:
"she has 27 - 5" says what "work out 27 - 5" leaves to be done. What is said there, the callers know;
this room never looks at values. It is called only where a message holds the gold, so it may be slow.
"""

import re
from dataclasses import dataclass

from tutelage.leaks.lexicon import stems

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
_CALLED = (
    r"\b(?:answers?|solutions?|result|(?:final|correct|right|wanted|true|expected)\s+(?:\w+\s+)?"
    r"(?:value|number|result|count|total|sum|one|choice|option|letter|amount|price|thing))\b"
)
_LINKED = r"(?:\b(?:is|was|are|be|being|equals?|becomes?|as|to|namely)\b|'s\b|[:=]|->|-)"
_BEFORE = re.compile(
    rf"""(?:
    {_CALLED}{_SPAN}{_LINKED}
    |\b(?:correct|right)\b\s*(?:would\s+be|is|:)
    |\#{{2,4}}
    |\b(?:should|must|will|would|ought|have|needs?|supposed|expected|want|going|(?:you|he|she|it)'ll)
      \s+(?:\w+\s+){{0,2}}?(?:get|be|equal|find|obtain|reach|give|answer|say|write|come\s+out|end\s+up
      |arrive|become)(?:\s+(?:with|at|to|as|of|up|down\s+to))?
    |\b(?:answer|pick|choose|select|go\s+(?:with|for)|going\s+with|chose|circle|mark
      |write(?:\s+down)?|say)
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
    |\s*[,!-]?\s*(?:right|correct|yes|isn't\s+it|is\s+it\s+not)\s*[?!.]*$
    |[^.!?\n]{{0,40}}[,:]\s*(?:that|this|it|which)(?:\s+is|\'s)\s+(?:the\s+|your\s+)?(?:final\s+)?answer\b
    )""",
    re.VERBOSE,
)
_IT_IS = re.compile(
    r"^\W*(?:(?:so|then|well|no|yes|ok|okay|but|and|hmm)\W+)*(?:it|that|this)"
    rf"(?:'s|\s+is|\s+was|\s+must\s+be|\s+makes|\s+equals|\s+has\s+to\s+be)\s*{FILL}$"
)
_SUBJECT = re.compile(
    r"^\W*(?:(?:so|thus|then|therefore|hence|well|and|but|now|yes|no|finally|this\s+means)\W+)*"
    r"(?:that\s+)?(?:the|her|his|its|their|this|my|your)?\s*((?:[a-z'-]+\s+){1,5}?)"
    r"(?:(?:is|equals|was|comes\s+(?:out\s+)?(?:to|at|as)|becomes"
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
    return bool(_AFTER.match(at.after)) and not _PART.search(at.before)


# ---- expressions, asserted

_ASSERTED = re.compile(
    r"(?:=|->|:|^|\b(?:is|are|was|be|equals?|gives?|gets?|got|makes?|comes?\s+(?:out\s+)?to|have|has|"
    r"had|needs?|leaves?|yields?|remains?|it's|that's|totals?|pays?|takes?|costs?|eats?|earns?)\b)"
    rf"\s*{FILL}$"
)
_DIRECTED = re.compile(
    r"\b(?:work(?:ing)?\s+out|comput\w+|calculat\w+|evaluat\w+|find|try|do|doing|subtract\w*|add\w*|"
    r"multipl\w+|divid\w+|step|operation|expression|equation|formula|computation|"
    r"what(?:'s|\s+is|\s+are|\s+do)|how\s+much|set\s+up|consider|start|begin|use|using|look|"
    r"simplif\w+|reduce|expand|check|think|remains\s+to|to\s+be|left\s+to|instead\s+of|your|"
    r"you\s+(?:wrote|used|did|computed|said|have\s+written)|should\s+i|do\s+i|did\s+you|takes?)\b"
)
_LEFT_OPEN = re.compile(
    r"^[^.!?]{0,40}[.!?;,:]?\s*(?:now\s+|so\s+|can\s+you\s+|please\s+)*"
    r"(?:work|compute|calculate|evaluate|finish|do)\s+(?:it|that|this|the)\b"
    r"|^[^.!?]{0,40}[.!?]\s*(?:so\s+|and\s+)?(?:what|how\s+(?:much|many))\s+(?:is|does|are)\s+"
    r"(?:that|this|it)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s*(?:=|\?|$)?\s*\?|\s*(?:to\s+be|needs?\s+to)\b|\s*=")
_IS_WHAT = re.compile(r"\s+is\s+((?:[\w']+\s*){1,5})")


def directed(at: Place) -> bool:
    """Whether the words before the span tell the student to do something with it."""
    return bool(_DIRECTED.search(at.before))


def _is_what(at: Place, question: str, sought: frozenset[str]) -> bool:
    """Whether the sentence goes on with the name of what is asked: `27 - 5 is Peter's age`."""
    told = _IS_WHAT.match(at.after)
    if not told:
        return False
    names = {word.removesuffix("s") for word in told[1].split()}
    return bool(names & sought or stems(told[1]) & stems(question))


def asserted(at: Place, question: str, sought: frozenset[str]) -> bool:
    """Whether an expression is put as the answer rather than as work to be done.

    `The answer is 27 - 5` and `left = 27 - 5` are; `work out 27 - 5`, `what is 27 - 5?` and a bare
    `27 - 5` are not.
    """
    if at.asks and not re.search(_CALLED, at.before):
        return False  # "Is it 27 - 5?" asks for the operation.
    if named_as_answer(at):
        return True
    if _is_what(at, question, sought) and not directed(at):
        return True
    if _GOES_ON.match(at.after) or _LEFT_OPEN.match(at.text[at.end : at.end + 100]):
        return False
    if re.search(r"\d\s*=\s*$", at.before):
        return False  # "10 = 2 * 5" takes a number apart.
    if directed(at) or denied(at) or not at.before.strip():
        return False
    return bool(_ASSERTED.search(at.before))
