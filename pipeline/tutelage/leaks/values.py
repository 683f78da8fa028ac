"""The rules for golds that are values: numbers, dates, formulas, several in a row.

how it is told        not public        public already
number                SAID or WORK (*)  ANSWER, or comes out of a sum
date, time            always            ANSWER
expression            ANSWER            ANSWER
formula, literal      RESULT            ANSWER
items in a row        always            ANSWER
(*) whole numbers up to 12 are everyday words: RESULT
"""

import re
from dataclasses import replace

from tutelage.answers import formulas, sentences
from tutelage.answers.equality import squeezed
from tutelage.answers.marks import whole
from tutelage.answers.moments import moments
from tutelage.answers.numbers import NumberSpan, numbers
from tutelage.answers.pieces import Piece, pieces, runs
from tutelage.answers.plain import BOX, BOX_END
from tutelage.answers.prose import ASKS_CHANGE, FALLS
from tutelage.answers.stance import Stance, alone, around
from tutelage.answers.tables import outermost, words
from tutelage.answers.values import Formula, Moment, Number, Words
from tutelage.leaks.arithmetic import in_symbols
from tutelage.leaks.case import CLEAN, Case, written
from tutelage.leaks.words import answers_in_own_words
from tutelage.records import Leak

_BOXED = re.compile(rf"{BOX}([^{BOX}{BOX_END}]{{0,400}})")


def _is_put(case: Case, text: str) -> bool:
    """Whether a text that is put as the answer is the gold, in whatever form."""
    letter = case.answer.letter
    return any(
        (letter and reading.strip("(). ")[:1] == letter) or case.is_answer(reading, value)
        for reading, value in whole(text, case.answer).readings
    )


def boxed(case: Case) -> Leak:
    """The gold in a box, whether it was public or not: a box says that it is the answer."""
    for box in _BOXED.finditer(case.text) if BOX in case.text else ():
        if _is_put(case, box[1]):
            return case.leak("boxed", *box.span())
    return CLEAN


_SUMMED = re.compile(
    r"\d\s*(?:[a-z]+\s+)?(?:[-+*/]|plus|minus|times|by|to|from|and)\s*[$\d.,]+\s*(?:[a-z%]+\s*){0,4}"
    r"(?:=|\b(?:equals|is|makes|gives|to\s+(?:obtain|get|give)))\s*$",
    re.I,
)
_DATED = re.compile(r"\b(?:day|date|when|time)\b")
_UNFINISHED = re.compile(
    r"^[^.!?]{0,40}[.!?;,:]?\s*(?:now\s+|so\s+|can\s+you\s+)*(?:(?:work|compute|calculate|finish|do)\s+(?:it|that)"
    r"|(?:and\s+)?(?:now\s+)?(?:reduce|simplify))",
    re.I,
)


def number(case: Case) -> Leak:
    """A number that is the gold, said with as much weight as it takes."""
    gold = case.gold
    if not isinstance(gold, Number) or not case.may_state():
        return CLEAN
    spans = [s for s in numbers(case.text) if s.number.ordinal == gold.ordinal]
    if gold.value < 0 and ASKS_CHANGE.search(case.answer.statement.question):
        spans = [_signed(case.text, span) for span in spans]
    for span in outermost([s for s in spans if case.is_answer("", s.number)]):
        if (kind := _told(case, gold, span)) and not _is_part(case, span.start):
            return case.leak(kind, span.start, span.end)
    return CLEAN


def _signed(text: str, span: NumberSpan) -> NumberSpan:
    """A number with the sign that words beside it give: `4 % lower` is -4 %."""
    falls = FALLS.search(text, max(0, span.start - 24), span.end + 16)
    turned = replace(span.number, value=-abs(span.number.value))
    return span._replace(number=turned) if falls else span


def _is_part(case: Case, start: int) -> bool:
    """Whether a number stands in a formula, or in a date where none is asked for."""
    longer = [(p.start, p.end) for p in pieces(case.text) if p.form == "formula"]
    if not _DATED.search(case.answer.statement.question):
        longer += [(begin, end) for begin, end, _ in moments(case.text)]
    return any(begin <= start < end for begin, end in longer)


def _told(case: Case, gold: Number, span: NumberSpan) -> str:
    """By which kind of words a number that is the gold leaks; empty where it does not."""
    text, literal, value = case.text, case.text[span.start : span.end], span.number
    if value.quotient and gold.value.denominator == 1:
        return ""  # 84/2 is work for 42
    how = case.stance(span.start, span.end)
    if _is_public(case, gold, value, literal):
        summed = _SUMMED.search(text, max(0, span.start - 60), span.start)
        return "confirmed" if summed or _answers(case, how, span) else ""
    if span.form == "fraction" and how < Stance.ANSWER and _UNFINISHED.match(text[span.end :][:90]):
        return ""
    small = span.loose or (gold.value.denominator == 1 and 0 <= gold.value <= 12 and not gold.unit)
    if how < (Stance.RESULT if small else Stance.WORK) and not (
        small and how is Stance.SAID and _answers(case, how, span)
    ):
        return ""
    return (
        "words" if span.form == "words" else "string" if literal == case.answer.text else "number"
    )


def _answers(case: Case, how: Stance, span: NumberSpan) -> bool:
    """Whether a number is put as the answer, or answers the question in its own words."""
    return how is Stance.ANSWER or answers_in_own_words(case, span.start, span.end, True)


def _is_public(case: Case, gold: Number, value: Number, literal: str) -> bool:
    """Whether a number is known; a fraction also as it is written."""
    if gold.compound or case.known.isdisjoint({value.value, gold.value}):
        return False
    shown = (t[s.start : s.end].replace(" ", "") for t in case.public for s in numbers(t))
    return gold.value.denominator == 1 or literal.replace(" ", "") in shown


def moment(case: Case) -> Leak:
    """A date or a time of the day; `3:35` also where the gold is 3 hours 35 minutes."""
    gold = case.gold
    may_be = isinstance(gold, Moment) or (isinstance(gold, Number) and gold.compound)
    for start, end, value in moments(case.text) if may_be else ():
        shown = any(v == value for text in case.public for *_, v in moments(text))
        if case.is_answer(case.text[start:end], value) and case.weighs(start, end, shown):
            return case.leak("string", start, end)
    return CLEAN


_TRIED = re.compile(r"\b(?:try|how about|what about)\s+$")
_CALLED = re.compile(
    r"\W*(?:(?:and\s+)?(?:that|it|this)(?:'s|\s+is)|be|and\s+you\s+have)\s+(?:your|the)\s+answer\b",
    re.I,
)
_CHAIN = re.compile(r"(?:[\d)\]}&%!]|^|\n)\s*=\s*$")
"""What stands before one more step of a sum that is written out."""
_OPEN = re.compile(r"\s*=|[^.!]{0,20}\?|\s*(?:to\s+be|needs?\s+to|remains\s+to)")


_SIGNS = formulas.FUNCTIONS | words(
    "+ - * / ^ ! ( | % times plus minus over of by root squared cubed add from twice double sum product"
    " difference quotient multiplied divided"
)
"""A text without any of these has no expression."""
_SIGN = r"(?:[-+*/]|(?:times|plus|minus|over|of|by|root|squared|add|twice|double|sum|product)\b)"
_STEPS = re.compile(
    rf"{_SIGN}[^.,;:=!?]{{0,24}}?{_SIGN}\s*[($]*[\da-z]|\^|\d!|[a-z]\("
    r"|\b(?:cubed|cbrt|log|sin|cos|tan)(?![a-z])"
)
"""More than one operation; or one that may come to anything."""


def expression(case: Case) -> Leak:
    """A formula that comes to the gold: put as the answer, or for a gold that is a formula, shown."""
    gold = case.gold
    if not isinstance(gold, Formula):
        if case.answer.number is None or case.words.isdisjoint(_SIGNS):
            return CLEAN
        if not (case.may_come_to() or _STEPS.search(case.text.lower())):
            return CLEAN
    wrong: set[str] = set()
    for text in filter(runs, (case.text, in_symbols(case.text))):
        for piece in outermost(p for p in pieces(text) if p.form in ("formula", "fraction")):
            part = text[piece.start : piece.end]
            leaks = _is_shown if isinstance(gold, Formula) else _is_spelled
            if part in wrong or not case.is_answer(part, piece.value):
                wrong.add(part)
            elif leaks(case, text, piece):
                return Leak("expression", evidence=part)
    for p in pieces(case.text) if isinstance(gold, Formula) else ():
        new = isinstance(p.value, Number) and p.value.value not in case.known
        if new and case.is_answer("", p.value):
            return case.leak("number", p.start, p.end)
    return CLEAN


def _is_spelled(case: Case, text: str, piece: Piece) -> bool:
    """Whether an expression of numbers is put as the answer, or may not be spelled out at all."""
    start, end = piece.start, piece.end
    tree = piece.value.tree if isinstance(piece.value, Formula) else None
    if not (formulas.steps(tree) if tree else getattr(piece.value, "quotient", False)):
        return False
    if case.block:
        return not case.shown(squeezed(text[start:end]))
    before, after = around(text, start, end)
    if _CALLED.match(text[end:][:60]):
        return True
    if (
        _TRIED.search(before)
        or alone(text, start, end)
        or _OPEN.match(after)
        or _CHAIN.search(text, max(0, start - 9), start)
    ):
        return False
    finished = tree is not None and not _UNFINISHED.match(text[end:][:90])
    return case.stance(start, end, text) >= (Stance.RESULT if finished else Stance.ANSWER)


def _is_shown(case: Case, text: str, piece: Piece) -> bool:
    """Whether a formula equal to the gold is it, not the statement's own or a longer way to it."""
    part, gold = text[piece.start : piece.end], case.gold
    how = case.stance(piece.start, piece.end, text)
    if case.shown(squeezed(part)):
        return how is Stance.ANSWER and not case.shown(case.answer.literal)
    trees = [value.tree for value in (piece.value, gold) if isinstance(value, Formula)]
    longer = len(trees) == 2 and formulas.steps(trees[0]) > formulas.steps(trees[1])
    return not longer or how >= Stance.RESULT


_PUT = re.compile(
    r"\b(?:it|this|that|(?:result|solution|value|set|interval|domain|range)s?)"
    r"(?:'s|\s+(?:is|are|equals?|(?:must|should|would)\s+be))\s+"
    r"|\b(?:you|we)\s+(?:(?:should|will|would|then|do|must)\s+)?(?:get|obtain|find|have)\s+",
    re.I,
)
"""What puts all that follows in its sentence as the answer."""


def literal(case: Case) -> Leak:
    """The gold as it is written; and whatever a message puts as its answer."""
    gold = case.gold
    if spans := written(case.answer.text, case.text):
        signs = re.findall(r"[^a-z]", case.answer.literal)
        spans = spans if not case.answer.words or 3 * len(signs) > len(case.answer.literal) else []
        shown = any(written(case.answer.text, known) for known in case.public)
        least = Stance.RESULT if isinstance(gold, Number | Formula) else Stance.COUNTED
        for span in spans:
            if case.weighs(*span, shown, least):
                return case.leak("string", *span)
    clauses = sentences.clauses(case.text) if "nswer" in case.text else []
    angle = isinstance(gold, Number) and gold.unit is not None and "pi" in case.words
    if not isinstance(gold, Number) or angle or case.answer.size >= 1000:
        clauses += [sentences.clause_at(case.text, m.end()) for m in _PUT.finditer(case.text)]
    for clause, end in () if isinstance(gold, Words) else clauses:
        if clause and _is_put(case, clause):
            return case.leak("string", end - len(clause), end)
    return CLEAN
