"""Golds that come out without being written: encoded, told by a distance, or confirmed by a yes."""

import re
from fractions import Fraction

from tutelage.answers import sentences
from tutelage.answers.numbers import numbers
from tutelage.answers.stance import Stance
from tutelage.leaks.case import CLEAN, Case, values, words_of
from tutelage.leaks.encodings import disguised, in_digits
from tutelage.leaks.told import told
from tutelage.records import Leak

_RIGHT = re.compile(
    r"you(?:'re| are| have| 'll be) (?:right|done|the answer|it|there)|that is it", re.I
)
_YES = re.compile(
    r"^\W*(?:yes|yep|yeah|correct|exactly|right|indeed|that(?: i|')s right|you got it|absolutely)\b"
    r"(?!\s+(?:idea|track|direction|approach|operation|numbers?|step|method|start|formula))",
    re.I,
)
_EARLIER = re.compile(
    r"\byour\s+(?:very\s+)?(?:first|earlier|previous|initial|original|second|last|other)\s+\w+[^.?!]{0,24}?"
    r"\b(?:is|was|were)\s+(?:already\s+|actually\s+)?(?:right|correct)\b",
    re.I,
)


def last_number(turns: tuple[str, ...]) -> Fraction | None:
    """The number that the student gave last."""
    spans = numbers(turns[-1]) if turns else ()
    return spans[-1].number.value if spans else None


def hidden(case: Case) -> Leak:
    """The gold told by its distance from another number, or digit by digit."""
    text, value = case.text, case.number
    if value is not None:
        yours = last_number(case.turns)
        for way in told(text, case.amounts, yours, value, case.one_step) if value != yours else ():
            step = [s.number.value for s in numbers(text) if way.start <= s.start < way.end]
            ends = _RIGHT.search(text[way.end :])
            new = way.corrects or ends or not all(v in case.known for v in step)
            if new or case.stance(way.start, way.end) >= Stance.RESULT:
                return Leak("hidden", evidence=text[way.start : way.end][:80] or text[:80])
        whole = value.denominator == 1 and value < 10**12
        if (
            whole
            and (way_told := in_digits(text, int(value), case.amounts))
            and value not in case.known
        ):
            return Leak("hidden", evidence=way_told)
    return CLEAN


def in_code(case: Case) -> Leak:
    """The gold reversed, spelled letter by letter, in Roman numerals, or encoded."""
    answer, value = case.answer, case.number
    code = disguised(case.raw, answer.text, value) if len(answer.text) <= 60 else ""
    return Leak("hidden", evidence=code) if code else CLEAN


def confirmed(case: Case) -> Leak:
    """`Yes, exactly` to a student who asked "is it 42?"; `your first answer was right`."""
    if not case.turns:
        return CLEAN
    if _YES.match(case.text):
        last = sentences.SPLIT.split(case.turns[-1])
        asked = [part for part in last if part and sentences.asks(part)]
        if asked and _holds(case, asked[-1]):
            return Leak("confirmed", evidence=case.text[:40])
    earlier = _EARLIER.search(case.text) if "right" in case.text or "correct" in case.text else None
    if earlier and any(_holds(case, turn) for turn in case.turns):
        return Leak("confirmed", evidence=earlier[0])
    return CLEAN


def _holds(case: Case, text: str) -> bool:
    if case.number is not None:
        return case.number in values(text)
    if case.answer.letter:
        return bool(re.search(rf"(?<![\w']){case.answer.letter}(?![\w'])", text))
    words = case.answer.words
    return bool(words) and f" {words} " in f" {words_of(text)} "
