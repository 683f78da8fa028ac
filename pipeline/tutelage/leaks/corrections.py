"""Answers told by what is wrong with the student's own: `10 too high`, `subtract 1 from yours`.

An offset without a direction ("off by 2") leaves two answers and is no leak.
"""

import re
from fractions import Fraction

from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import Mention, Number, mentions
from tutelage.leaks.relations import DOWN

_HIGH = r"(?:high|large|big|many|much|great)"
_LOW = r"(?:low|small|few|little)"
_OVER = re.compile(
    rf"^\s*(?:\w+\s+|off\W+)?(?:too\s+{_HIGH}|more\s+than\s+(?:it\s+should|the\s+(?:right|correct)))\b",
    re.I,
)
_UNDER = re.compile(
    rf"^\s*(?:\w+\s+|off\W+)?(?:too\s+{_LOW}|short|(?:less|fewer)\s+than\s+"
    r"(?:it\s+should|the\s+(?:right|correct)))\b",
    re.IGNORECASE,
)
_BY = re.compile(rf"\b(?:({_HIGH}|over)|{_LOW}|short|under)\s+by\s+(?:exactly\s+|just\s+)?$", re.I)
_THAN_YOURS = re.compile(
    r"^\s+(?:\w+\s+)?(less|fewer|smaller|lower|more|greater|larger|higher)\s+than\s+"
    r"(?:yours?|you|what\s+you|(?:that|it)\s*(?:[.!,;]|$))",
    re.IGNORECASE,
)
_FACTORS = {
    **{"twice": Fraction(2), "double": Fraction(2), "three times": Fraction(3)},
    **{"four times": Fraction(4), "half": Fraction(1, 2), "half of": Fraction(1, 2)},
}
_FACTOR = r"(twice|double|three\s+times|four\s+times|half(?:\s+of)?)"
_TOO_LARGE = re.compile(
    rf"\b{_FACTOR}\s+(?:as\s+(?:large|big|high|much|many|small)\s+as\s+|what\s+)"
    r"(?:it\s+should|the\s+(?:right|correct|true|answer))",
    re.IGNORECASE,
)
_OF_YOURS = re.compile(
    rf"\b{_FACTOR}\s+(?:your|what\s+you)\b[^.!?]{{0,40}}\b(?:answer|right|correct)\b"
    rf"|\b(?:answer|solution|result)\s+is\s+{_FACTOR}\s+(?:your|what\s+you)\b",
    re.IGNORECASE,
)
_JUST_YOURS = re.compile(
    rf"^\W*(?:it(?:'s|\s+is|\s+should\s+be)\s+|that(?:'s|\s+is)\s+)?(?:exactly\s+|just\s+)?{_FACTOR}\s+"
    r"(?:what\s+you|your)\b[^.!?,]{0,24}[.!]*\s*$",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"\bthe\s+(next|following|previous|preceding)\s+(?:whole\s+|natural\s+)?(?:number|integer)\s+"
    r"is\s+(?:the\s+answer|it\b|right|correct|what)"
    r"|\b(?:it's|it\s+is|answer\s+is|be|want|need|take|is)\s+the\s+"
    r"(next|following|previous|preceding)\s+(?:whole\s+|natural\s+)?(?:number|integer|one)\b"
    r"(?!\s*(?:in\b|of\b|after\b|\?))",
    re.IGNORECASE,
)
_SCALING = ("twice", "double", "half", "halve", "triple", "three times", "four times")
_BESIDE = {"next": 1, "following": 1, "previous": -1, "preceding": -1}
_ENOUGH = re.compile(
    r"\b(?:that|this)(?:'s|\s+is)\s+(?:it|all|right|correct|the\s+answer)\b|\byou(?:'re|\s+are|\s+will\s+be)"
    r"\s+(?:right|done|there|correct)\b|\byou\s+have\s+(?:it|the\s+answer)\b|\b(?:then\s+)?it\s+is\s+right\b",
    re.IGNORECASE,
)
"""What makes a last operation the answer: `add 230 to yours, and you are right`."""
_SIGN = re.compile(
    r"\b(?:wrong|opposite|other)\s+sign\b|\bsign\s+(?:is|should\s+be)\s+(?:wrong|flipped|negative)\b",
    re.IGNORECASE,
)
_YOURS = (
    r"(?:yours|your\s+(?:\w+\s+)?(?:answers?|result|total|number|sum|count|value|figure|guess|product"
    r"|difference|solution|\d[\d.,]*)|(?:the|that|this)\s+(?:answer|result)\b(?!\s+of\b)"
    r"|what\s+you\s+(?:have|got|had|said|wrote|found))"
)
_ITS = rf"(?:{_YOURS}|it|that|this)"
_JUST = r"(?:(?:just|only|exactly|another|simply|the|a|an)\s+)*"
_TAKEN = re.compile(
    rf"(?:\b(?:subtract|deduct|take(?:\s+away)?|remove|knock(?:\s+off)?)\s+{_JUST}"
    rf"|\b(?:reduce|lower|decrease|diminish|shrink|drop)\s+{_ITS}\s+by\s+{_JUST}"
    rf"|\b(?:go|move|come|step)\s+(?:down|back)\s+(?:by\s+)?{_JUST}|\b{_YOURS}\s*(?:minus|less|-)\s*)$",
    re.IGNORECASE,
)
_ADDED = re.compile(
    rf"(?:\badd\s+{_JUST}|\b(?:increase|raise)\s+{_ITS}\s+by\s+{_JUST}"
    rf"|\b(?:go|move|step)\s+up\s+(?:by\s+)?{_JUST}|\b{_YOURS}\s*(?:plus|\+)\s*)$",
    re.IGNORECASE,
)
_TO_YOURS = re.compile(
    rf"^\s*(?:more\s+)?(?:(?:away\s+)?(?:from|off)|on\s*to|to)\s+{_ITS}\b|^\s*more\s*(?:[.!,;]|$)",
    re.IGNORECASE,
)
_TIMES_YOURS = re.compile(
    rf"\b(?:(double|triple|halve)\s+{_YOURS}|(multiply|divide)\s+{_ITS}\s+by\s+$)", re.IGNORECASE
)
_TIMES = {"double": Fraction(2), "triple": Fraction(3), "halve": Fraction(1, 2)}
_OPEN = frozenset({"subtract", "deduct", "take", "remove", "knock", "add"})
"""Verbs that have to be followed by what they change: `subtract 1 from your answer`."""


def from_last(text: str, last: Number, number: Number, public: frozenset[Number]) -> str:
    """Where `text` tells `number` from the student's `last` one.

    "Subtract 5 from your result" names the last operation where 5 is `public`, and so is a hint;
    a number that only mends the student's gives the answer away.
    """
    lower = text.lower()
    if any(word in lower for word in _SCALING):
        told = _by_factor(text, last, number)
        if told:
            return told
    beside = _NEXT.search(text) if any(word in lower for word in _BESIDE) else None
    if beside and last + _BESIDE[(beside[1] or beside[2]).lower()] == number:
        return beside[0]
    if last == -number != 0:
        flipped = _SIGN.search(text)
        if flipped:
            return flipped[0]
    if last == number:
        return ""
    # Most numbers are no such distance, and need no look at their words.
    for mention in outermost(m for m in mentions(text) if _leads(m.value, last, number)):
        direction = _direction(text, mention)
        if not direction and (mention.value not in public or _ENOUGH.search(text, mention.end)):
            direction = _mended(text, mention)
            if not direction and _scales(text, mention, last, number):
                return text[max(0, mention.start - 24) : mention.end].split("\n")[-1].strip()
        if last + direction * mention.value == number:
            return text[mention.start : mention.end + 24].split("\n")[0].strip()
    return ""


def _by_factor(text: str, last: Number, number: Number) -> str:
    """`Half of yours is right`, `double your answer`."""
    large, yours = _TOO_LARGE.search(text), _OF_YOURS.search(text)
    if large and _scaled(number, large[1]) == last:
        return large[0]
    if yours and _scaled(last, yours[1] or yours[2]) == number:
        return yours[0]
    only, scaled = _JUST_YOURS.search(text), _TIMES_YOURS.search(text)
    if only and _scaled(last, only[1]) == number:
        return only[0].strip()
    if scaled and scaled[1] and last * _TIMES[scaled[1].lower()] == number:
        return scaled[0]
    return ""


def _leads(step: Number, last: Number, number: Number) -> bool:
    """Whether a step leads from one number to the other, whatever its words may say."""
    return step in (last - number, number - last) or number == last * step or last == number * step


def _mended(text: str, mention: Mention) -> int:
    """-1 where the student is told to take `mention` off the answer, 1 where to add it."""
    before, after = text[max(0, mention.start - 48) : mention.start], text[mention.end :][:48]
    for words, direction in ((_TAKEN, -1), (_ADDED, 1)):
        told = words.search(before)
        if told and (told[0].split()[0].lower() not in _OPEN or _TO_YOURS.match(after)):
            return direction
    return 0


def _scales(text: str, mention: Mention, last: Number, number: Number) -> bool:
    told = _TIMES_YOURS.search(text, max(0, mention.start - 48), mention.start)
    if told is None or not told[2]:
        return False
    by = mention.value
    return last * by == number if told[2].lower() == "multiply" else last == number * by


def _scaled(value: Number, factor: str) -> Number:
    return value * _FACTORS[" ".join(factor.lower().split())]


def _direction(text: str, mention: Mention) -> int:
    """-1 where the student's number is too high by `mention`, 1 where too low, 0 where neither."""
    after = text[mention.end : mention.end + 60]
    by = _BY.search(text, max(0, mention.start - 24), mention.start)
    yours = _THAN_YOURS.match(after)
    if yours:
        return -1 if yours[1].lower().startswith(DOWN) else 1
    if _OVER.match(after) or (by and by[1]):
        return -1
    return 1 if _UNDER.match(after) or by else 0
