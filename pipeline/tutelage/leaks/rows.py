"""The rule for golds of several values: all of them in a row, however they are joined."""

import re

from tutelage.answers.equality import squeezed
from tutelage.answers.numbers import numbers
from tutelage.answers.pieces import pieces
from tutelage.answers.stance import Stance, alone
from tutelage.answers.values import Formula, Items, Number, Value, Words
from tutelage.leaks.case import CLEAN, Case, outermost
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
_SORTED = re.compile(r"\b(?:sort|order|arrange|ascending|descending|increasing|decreasing)\b", re.I)
Span = tuple[int, int]


def _places(text: str, value: Value) -> list[Span]:
    """Where a value stands in a text."""
    if isinstance(value, Words):
        name = r"[\W_]+".join(map(re.escape, value.text.split()))
        return [m.span() for m in re.finditer(rf"(?<!\w){name}(?!\w)", text, re.I)] if name else []
    if isinstance(value, Number):
        spans = (s for s in numbers(text) if not s.number.percent and not s.number.ordinal)
        return [(s.start, s.end) for s in spans if s.number.value == value.value]
    shapes = [(p.start, p.end) for p in pieces(text) if isinstance(p.value, Formula)]
    return [(start, end) for start, end in shapes if squeezed(text[start:end]) == _written(value)]


def _written(value: Value) -> str:
    return squeezed(value.text) if isinstance(value, Formula) else str(getattr(value, "value", ""))


def rows(text: str, gold: Items) -> list[Span]:
    """Where all items of `gold` stand in a row, in any order unless the gold has one."""
    values = [v for v in gold.items if not (isinstance(v, Formula) and "inf" in v.text)]
    places = [_places(text, value)[:60] for value in values]
    if not values or not all(places):
        return []
    if len(values) == 1:
        return places[0]
    marks = sorted({(start, end, n) for n, spans in enumerate(places) for start, end in spans})
    found: list[Span] = []
    for at, first in enumerate(marks):
        chain, taken = [first], {first[2]}
        for mark in marks[at + 1 :]:
            if mark[2] in taken or mark[0] < chain[-1][1]:
                continue
            gap = text[chain[-1][1] : mark[0]]
            if len(gap) > 60 or not _GAP.fullmatch(gap):
                break
            chain.append(mark)
            taken.add(mark[2])
            if len(taken) == len(values):
                break
        in_order = [mark[2] for mark in chain] == list(range(len(values)))
        if len(taken) == len(values) and (in_order or not gold.ordered):
            found.append((chain[0][0], chain[-1][1]))
    return found


def items(case: Case) -> Leak:
    """A set, list, tuple or interval."""
    gold = case.answer.value
    if isinstance(gold, Items) and not gold.brackets and _SORTED.search(case.answer.statement.text):
        gold = Items(":", gold.items)
    if not isinstance(gold, Items) or gold.brackets in ("matrix", "∪"):
        return CLEAN
    finite = [v for v in gold.items if not (isinstance(v, Formula) and "inf" in v.text)]
    found = rows(case.text, gold)
    if len(finite) == 1:
        new = [span for span in found if _BOUND.search(case.text[: span[0]][-20:])]
        shown = any(
            _BOUND.search(text[:a][-20:]) for text in case.public for a, _ in rows(text, gold)
        )
        return case.leak("set", *new[0]) if new and not shown else CLEAN
    if not found:
        return _missing(case, gold)
    shown = any(not _WORK.search(text[a:b]) for text in case.public for a, b in rows(text, gold))
    for start, end in outermost(found):
        if _NUMBERS.search(case.text[max(0, start - 20) : start]):
            continue
        how = case.stance(start, end)
        work = (
            _WORK.search(case.text[start:end])
            and how < Stance.RESULT
            and not alone(case.text, start, end)
        )
        if how is Stance.ANSWER or not (shown or work):
            return case.leak("set", start, end)
    return CLEAN


def _missing(case: Case, gold: Items) -> Leak:
    """All of the values that are not public yet come out, each in a place of its own: `gives 7`, `x
    = 3`."""
    if gold.ordered or not all(isinstance(v, Number) for v in gold.items):
        return CLEAN
    new = [v for v in gold.items if isinstance(v, Number) and v.value not in case.known]
    places = [_places(case.text, value) for value in gold.items]
    ends = [max((case.stance(*span) for span in spans), default=Stance.COUNTED) for spans in places]
    if not new or not all(places) or min(ends) < Stance.RESULT:
        return CLEAN
    return Leak("set", evidence=case.text[:60])
