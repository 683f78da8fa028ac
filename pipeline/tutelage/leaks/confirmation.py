"""Golds that come out by a yes: to the student's own question, or to an earlier answer."""

import re

from tutelage.answers import sentences
from tutelage.leaks.case import CLEAN, Case, values, words_of
from tutelage.records import Leak

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


def confirmed(case: Case) -> Leak:
    """`Yes, exactly` to a student who asked "is it 42?"; `your first answer was right`."""
    if not case.turns:
        return CLEAN
    if _YES.match(case.text):
        asked = [part for part in sentences.SPLIT.split(case.turns[-1]) if sentences.asks(part)]
        if asked and _holds(case, asked[-1]):
            return Leak("confirmed", evidence=case.text[:40])
    earlier = _EARLIER.search(case.text) if "our" in case.text else None
    if earlier and any(_holds(case, turn) for turn in case.turns):
        return Leak("confirmed", evidence=earlier[0])
    return CLEAN


def _holds(case: Case, text: str) -> bool:
    if case.answer.number is not None:
        return case.answer.number in values(text)
    if case.answer.letter:
        return bool(re.search(rf"(?<![\w']){case.answer.letter}(?![\w'])", text))
    words = case.answer.words
    return bool(words) and f" {words} " in f" {words_of(text)} "
