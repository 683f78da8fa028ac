"""The rule for golds of several values: all of them in a row, however they are joined."""

import re
from itertools import pairwise

from tutelage.answers.equality import squeezed
from tutelage.answers.numbers import numbers
from tutelage.answers.pieces import pieces
from tutelage.answers.stance import Stance, alone
from tutelage.answers.tables import outermost
from tutelage.answers.values import Formula, Items, Number, Value, Words
from tutelage.leaks.case import CLEAN, Case, written
from tutelage.records import Leak

_GAP = re.compile(
    r"(?:[\s,;:&()\[\]{}\"'=<>.*|∈!]|\b(?:and|or|to|is|are|equals?|the|other|also|then|from|with|through|as|well|after"
    r"|that|comes?|first|second|third|last|finally|next|followed|by|one|root|solution|plus|[a-z](?:_?\d)?)\b)*",
    re.I,
)
_WORK = re.compile(r"[\w)]\s*[-+*/^]\s*\d")
_NUMBERS = re.compile(r"\b(?:lines?|steps?|pages?|parts?)\s*$", re.I)
_BOUND = re.compile(
    r"(?:[<>]=?|\b(?:at\s+least|at\s+most|than|up\s+to|above|below|from|until))\s*$|[(\[]\s*$", re.I
)
_COMMA = re.compile(r"\s*[,;]")
_SORTED = re.compile(r"\b(?:sort|order|arrange|ascending|descending|increasing|decreasing)\b", re.I)
Span = tuple[int, int]


def _places(text: str, value: Value) -> list[Span]:
    """Where a value stands in a text."""
    if isinstance(value, Words):
        return written(value.text, text) if value.text else []
    if isinstance(value, Number):
        spans = [s for s in numbers(text) if not s.number.percent and not s.number.ordinal]
        return [(s.start, s.end) for s in spans if s.number.value == value.value]
    wanted = squeezed(value.text) if isinstance(value, Formula) else ""
    shapes = [(p.start, p.end) for p in pieces(text) if isinstance(p.value, Formula)]
    return [(start, end) for start, end in shapes if squeezed(text[start:end]) == wanted]


def rows(text: str, gold: Items) -> list[Span]:
    """Where all items of `gold` stand in a row, in any order unless the gold has one.

    Of an interval with one bound, where that stands as a bound.
    """
    values = [v for v in gold.items if not (isinstance(v, Formula) and "inf" in v.text)]
    marks: dict[Span, set[int]] = {}
    for n, value in enumerate(values):
        for span in _places(text, value)[:60]:
            marks.setdefault(span, set()).add(n)
    every, spans = sorted(marks), []
    for at in range(len(every) - len(values) + 1 if values else 0):
        row = every[at : at + len(values)]
        fits = [marks[span] for span in row]
        in_order = all(n in fit for n, fit in enumerate(fits))
        if not in_order and (gold.ordered or len(set().union(*fits)) < len(values)):
            continue
        joined = all(
            0 <= right[0] - left[1] <= 60 and _GAP.fullmatch(text, left[1], right[0])
            for left, right in pairwise(row)
        )
        if joined and (len(values) > 1 or _is_bound(text, *row[0])):
            spans.append((row[0][0], row[-1][1]))
    return spans


def _is_bound(text: str, start: int, end: int) -> bool:
    """Whether a value stands as a bound: `x > 2`, `at most 2`, `[2, inf)`."""
    bound = _BOUND.search(text, max(0, start - 20), start)
    return bound is not None and (bound[0].strip() not in "([" or bool(_COMMA.match(text, end)))


def items(case: Case) -> Leak:
    """A set, list, tuple or interval."""
    gold, text = case.answer.value, case.text
    if not isinstance(gold, Items) or gold.brackets in ("matrix", "∪"):
        return CLEAN
    if not gold.brackets and _SORTED.search(case.answer.statement.text):
        gold = Items(":", gold.items)
    spans = rows(text, gold)
    if not spans:
        return _apart(case, gold)
    shown = any(not _WORK.search(known[a:b]) for known in case.public for a, b in rows(known, gold))
    for start, end in outermost(spans):
        if _NUMBERS.search(text[max(0, start - 20) : start]):
            continue
        how = case.stance(start, end)
        work = _WORK.search(text[start:end]) and how < Stance.RESULT and not alone(text, start, end)
        if how is Stance.ANSWER or not (shown or work):
            return case.leak("set", start, end)
    return CLEAN


def _apart(case: Case, gold: Items) -> Leak:
    """Each value comes out in a place of its own: `gives 7`, `x = 3`."""
    if gold.ordered or not all(isinstance(v, Number) for v in gold.items):
        return CLEAN
    places = [_places(case.text, value) for value in gold.items]
    new = any(isinstance(v, Number) and v.value not in case.known for v in gold.items)
    if not new or not all(places):
        return CLEAN
    ends = [max(case.stance(*span) for span in spans) for spans in places]
    return Leak("set", evidence=case.text[:60]) if min(ends) >= Stance.RESULT else CLEAN
