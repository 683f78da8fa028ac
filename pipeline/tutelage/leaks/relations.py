"""Answers told by their distance from a number that stands beside: `one less than 43`."""

import re

from tutelage.leaks.assertions import asserted
from tutelage.leaks.contexts import place
from tutelage.leaks.golds import Answer
from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import Mention, Number, mentions

DOWN = ("less", "fewer", "smaller", "lower", "below", "under", "before", "preced")
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
    pairs = zip([None, *found], found, strict=False)
    for before, mention in outermost(
        pair for pair in pairs if -_NEAR <= pair[1].value - number <= _NEAR
    ):
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
        step = -1 if following[1].lower().startswith(DOWN) else 1
        if mention.value + step == number:
            return following.start()
    if before is None or before.end > mention.start:
        return None
    gap = text[before.end : mention.start]
    compared = _COMPARED.match(gap)
    if compared and before.value <= _NEAR:
        step = -1 if compared[1].lower().startswith(DOWN) else 1
        if mention.value + step * before.value == number:
            return before.start
    if gap.strip().lower() in ("and", "to") and _BETWEEN.search(
        text[max(0, before.start - 16) : before.start]
    ):
        low, high = sorted((before.value, mention.value))
        if low + 1 == number == high - 1:
            return before.start
    return None
