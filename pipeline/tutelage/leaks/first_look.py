"""A first look that rules out most messages: no number of theirs is the gold, or can come to it.

For golds that are whole numbers, not negative and without a unit, which most are. What is ruled out
need not be read: only what is encoded, or confirmed by a yes, is still to be looked for.
"""

import re
from fractions import Fraction

from tutelage.answers.gold import Answer
from tutelage.answers.numerals import numerals
from tutelage.answers.values import Number
from tutelage.leaks.encodings import places_digits
from tutelage.leaks.told import comes_to

_FIGURE = re.compile(r"\d(?:[\d,]*\d)?(?:\.\d+)?")
_UNUSUAL = re.compile(
    r"[%^\\]|\d[_eE!]|\d\s?(?:k|bn)\b|\bcents?\b|per ?cent|\d,\d{1,2}(?!\d)"
    r"|hund|thous|illion|doz|\bscore",
    re.I,
)
"""What makes other numbers of figures than they say."""


_EXACT = 10**15
"""Up to here a float holds every whole number."""


def rules_out(answer: Answer, message: str, yours: Fraction | None) -> bool:
    """Whether `message` cannot state `answer`, nor tell it by one step from its numbers and `yours`,
    the student's."""
    gold = answer.value
    if not isinstance(gold, Number) or gold.value.denominator != 1 or gold.value < 0:
        return False
    if gold.value > _EXACT:
        return False
    if gold.unit or gold.percent or gold.ordinal or gold.base != 10 or answer.letter:
        return False
    if not message.isascii() or _UNUSUAL.search(message):
        return False
    if places_digits(message):
        return False
    values = {float(figure.replace(",", "")) for figure in set(_FIGURE.findall(message))}
    values.update(float(value) for _, _, value, _ in numerals(message) if abs(value) <= _EXACT)
    return float(gold.value) not in values and not comes_to(message, values, gold.value, yours)
