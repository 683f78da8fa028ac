"""Answers told by their distance from a number that the student knows or is given.

`one less than 43`, `between 41 and 43`, and, from the student's own last number, `10 too high`,
`half of yours`. An offset without a direction ("off by 2") leaves two answers and is no leak.
"""

import re
from fractions import Fraction

from tutelage.leaks.contexts import asserted, place
from tutelage.leaks.golds import Answer
from tutelage.leaks.quantities import Mention, Number, mentions

_DOWN = ("less", "fewer", "smaller", "lower", "below", "under", "before", "preced")
_COMPARED = re.compile(
    r"^\s+(?:\w+\s+)?(less|fewer|more|greater|larger|bigger|smaller|higher|lower|below|above|under|"
    r"over|before|after)(?:\s+than)?\s+$",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"\b(?:right|just|immediately|directly|comes|next|number|integer|year|day|page|one)\s+"
    r"(?:number\s+|integer\s+)?"
    r"(after|before|above|below|over|under|follow\w*|preced\w*)\s+$",
    re.IGNORECASE,
)
_NEAR = 20
"""How far from the answer a number may be for "five less than" it to be a way of telling."""
_BETWEEN = re.compile(r"\b(?:between|from)\s+$", re.IGNORECASE)


def neighbour(text: str, number: int, public: frozenset[Number], answer: Answer) -> str:
    """Where `text` tells a whole number by its neighbours; a public one has to be asserted."""
    found = [mention for mention in mentions(text) if mention.form != "fraction"]
    for before, mention in zip([None, *found], found, strict=False):
        if not -_NEAR <= mention.value - number <= _NEAR:
            continue
        start = _told(text, number, before, mention)
        if start is None:
            continue
        at = place(text, start, mention.end)
        if at.alone or mention.value not in public or asserted(at, answer.question, answer.sought):
            return text[start : mention.end]
    return ""


def _told(text: str, number: int, before: Mention | None, mention: Mention) -> int | None:
    """Where a phrase that ends in `mention` and means `number` begins."""
    following = _NEXT.search(text, max(0, mention.start - 40), mention.start)
    if following:
        step = -1 if following[1].lower().startswith(_DOWN) else 1
        if mention.value + step == number:
            return following.start()
    if before is None or before.end > mention.start:
        return None
    gap = text[before.end : mention.start]
    compared = _COMPARED.match(gap)
    if compared and before.value <= _NEAR:
        step = -1 if compared[1].lower().startswith(_DOWN) else 1
        if mention.value + step * before.value == number:
            return before.start
    if gap.strip().lower() in ("and", "to") and _BETWEEN.search(text[: before.start][-16:]):
        low, high = sorted((before.value, mention.value))
        if low + 1 == number == high - 1:
            return before.start
    return None


_HIGH = r"(?:high|large|big|many|much|great)"
_LOW = r"(?:low|small|few|little)"
_OVER = re.compile(
    rf"^\s*(?:\w+\s+)?(?:too\s+{_HIGH}|more\s+than\s+(?:it\s+should|the\s+(?:right|correct)))\b",
    re.I,
)
_UNDER = re.compile(
    rf"^\s*(?:\w+\s+)?(?:too\s+{_LOW}|short|(?:less|fewer)\s+than\s+"
    r"(?:it\s+should|the\s+(?:right|correct)))\b",
    re.IGNORECASE,
)
_BY = re.compile(rf"\b(?:({_HIGH}|over)|{_LOW}|short|under)\s+by\s+(?:exactly\s+|just\s+)?$", re.I)
_THAN_YOURS = re.compile(
    r"^\s+(?:\w+\s+)?(less|fewer|smaller|lower|more|greater|larger|higher)\s+than\s+"
    r"(?:yours?|you|what\s+you)\b",
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
_SIGN = re.compile(
    r"\b(?:wrong|opposite|other)\s+sign\b|\bsign\s+(?:is|should\s+be)\s+(?:wrong|flipped|negative)\b",
    re.IGNORECASE,
)


def from_last(text: str, last: Number, number: Number) -> str:
    """Where `text` tells `number` from the student's `last` one."""
    large, yours = _TOO_LARGE.search(text), _OF_YOURS.search(text)
    if large and _scaled(number, large[1]) == last:
        return large[0]
    if yours and _scaled(last, yours[1] or yours[2]) == number:
        return yours[0]
    if last == -number != 0:
        flipped = _SIGN.search(text)
        if flipped:
            return flipped[0]
    for mention in mentions(text):
        if mention.value not in (last - number, number - last) or last == number:
            continue  # Most numbers are no such distance, and need no look at their words.
        if last + _direction(text, mention) * mention.value == number:
            return text[mention.start : mention.end + 24].split("\n")[0].strip()
    return ""


def _scaled(value: Number, factor: str) -> Number:
    return value * _FACTORS[" ".join(factor.lower().split())]


def _direction(text: str, mention: Mention) -> int:
    """-1 where the student's number is too high by `mention`, 1 where too low, 0 where neither."""
    after = text[mention.end : mention.end + 60]
    by = _BY.search(text, max(0, mention.start - 24), mention.start)
    yours = _THAN_YOURS.match(after)
    if yours:
        return -1 if yours[1].lower().startswith(_DOWN) else 1
    if _OVER.match(after) or (by and by[1]):
        return -1
    return 1 if _UNDER.match(after) or by else 0
