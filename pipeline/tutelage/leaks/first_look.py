"""A first look: whether a text may name a number, or come to it by what it does with its own.

By figures and signs alone, in a few microseconds; where these do not say all, by `numbers`. A no is
certain, so that nothing need be read; a yes is not.
"""

import math
import re
from fractions import Fraction

from tutelage.answers.formulas import FUNCTIONS
from tutelage.answers.numbers import numbers
from tutelage.answers.numerals import CARDINALS, NUMERALS
from tutelage.answers.tables import vocabulary, words
from tutelage.answers.units import FIRST_WORDS, SIZES
from tutelage.answers.values import Number

LARGEST = 10**15
"""Up to here a float holds every whole number."""
Amounts = frozenset[float]
"""Numbers without their signs, to nine decimals."""
_BESIDE = re.compile(r"\d(?:[_e]|,(?!\d{3}(?!\d))\d|\s\d|\s?(?:/|\*\s?10\s?\^|(?:k|bn)\b))")
_JOINED = re.compile(r"\d[\s-]?([a-z]+)(?:\W{1,3}(?:and\s)?| of )\d")
"""What stands beside figures that may mean other numbers than they say; and between two that may."""
_JOINING = frozenset({*map(str.lower, FIRST_WORDS), "in", "out"})
_SPACE = re.compile(r"(?<=\d) (?=\d)")
_SHARES = words("% cent cents percent percentage pct")
_SIGN = r"(?:[-+*/]|(?:times|plus|minus|over|of|by|root|squared|add|twice|double|sum|product)\b)"
_OPERATIONS = FUNCTIONS | words(
    "+ - * / ^ ! ( | % times plus minus over of by root squared cubed add from twice double sum product"
    " difference quotient multiplied divided"
)
"""A text without any of these has no expression."""
_FAR = r"\^|\d!|[a-z]\(|cubed|cbrt|log|sin|cos|tan"
_STEPS = re.compile(rf"{_SIGN}[^.,;:=!?]{{0,24}}?{_SIGN}\s*[($]*[\da-z]|{_FAR}")
"""More than one operation; or one that may come to anything."""


_SIZES = {kind: frozenset(map(float, sizes)) - {0.0} for kind, sizes in SIZES.items()}


def real(value: float | Fraction) -> float:
    """A number as a float, infinite where it is too large."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def rounded(value: float | Fraction) -> float:
    """A number as `Amounts` have it."""
    return round(abs(real(value)), 9)


def amounts(text: str) -> Amounts:
    """Every number that a plain text may name; of 50 % and 50 cents also 0.5."""
    own, lower = vocabulary(text), text.lower()
    named, in_words = _figures(own), own & NUMERALS
    if not named and len(in_words) == 1 and in_words <= CARDINALS.keys():
        named = {float(CARDINALS[word]) for word in in_words}
    elif in_words or (named and (_BESIDE.search(lower) or _is_joined(lower))):
        named |= {real(abs(span.number.value)) for span in numbers(text, True)}
        named |= _figures(vocabulary(_SPACE.sub("", text)))
    if own & _SHARES:
        named |= {value / 100 for value in named}
    return frozenset([round(value, 9) for value in named])


def _figures(words: frozenset[str]) -> set[float]:
    return {
        float(word.replace(",", "")) for word in words if word[-1].isdigit() or word[0].isdigit()
    }


def _is_joined(lower: str) -> bool:
    """Whether a text has a number of two parts: `2 kg 300 g`, `3 out of 8`."""
    return any(word in _JOINING for word in _JOINED.findall(lower))


def may_state(named: Amounts, gold: Number) -> bool:
    """Whether one of the numbers that are named may be `gold`, in whatever unit and notation."""
    value = abs(real(gold.value))
    if value >= LARGEST or gold.ordinal:
        return True
    if gold.percent or gold.base != 10:
        return bool(named)
    if value in named or not (value.is_integer() or all(map(float.is_integer, named))):
        return True
    if not gold.unit or gold.unit.kind not in _SIZES:
        return gold.unit is not None and bool(named)
    base = value * float(gold.unit.size)
    return any(rounded(base / size) in named for size in _SIZES[gold.unit.kind])


def one_step(named: Amounts, wanted: Fraction) -> bool:
    """Whether one operation on some of the numbers may come to `wanted`."""
    w = abs(real(wanted))
    if w >= LARGEST:
        return True
    results = [w / 2, w * w, w**0.5]
    for a in named:
        results += (w - a, w + a, w * a, w / (a or 1))
    whole = w.is_integer() and all(map(float.is_integer, named))
    return not named.isdisjoint(map(abs if whole else rounded, results))


def may_come_to(text: str, named: Amounts, wanted: Fraction | None) -> bool:
    """Whether an expression may come to `wanted`; more than one operation may come to anything."""
    if wanted is None or not named or vocabulary(text).isdisjoint(_OPERATIONS):
        return False
    return one_step(named, wanted) or _STEPS.search(text.lower()) is not None


_PAIR = re.compile(r"(\d+(?:\.\d+)?) ?([-+*/]) ?(\d+(?:\.\d+)?)")


def may_be(formula: str, wanted: Fraction | None) -> bool:
    """Whether a formula may be `wanted`: one operation on two numbers is worked out, all else may."""
    pair = _PAIR.fullmatch(formula)
    if not pair or wanted is None:
        return True
    a, b = float(pair[1]), float(pair[3])
    results = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0.0}
    return rounded(results[pair[2]]) == rounded(wanted)
