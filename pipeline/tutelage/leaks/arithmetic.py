"""Golds that come out by arithmetic in words, the student's own number counted in; or digit by digit.

A text is written as a formula first: every number becomes `N`, and what is said of the student's
answer becomes `Y`; so each way of telling is one row of `rules.toml`: `subtract N from Y`, `N less
than N`. `in_symbols` writes operations as signs: `six times seven` is `6 * 7`.
"""

import operator
import re
import tomllib
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from typing import Any

from tutelage.answers.numbers import NumberSpan, numbers
from tutelage.answers.numerals import CARDINALS, NUMERALS
from tutelage.answers.stance import Stance
from tutelage.answers.tables import outermost, vocabulary
from tutelage.leaks.case import CLEAN, NONE, Case
from tutelage.records import Leak

_RULES = tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text("utf-8"))


def _pattern(text: str) -> re.Pattern[str]:
    for name, fragment in _RULES["fragments"].items():
        text = text.replace(f"<{name}>", fragment)
    return re.compile(text.replace("\n", ""), re.I)


_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_SIDE = re.compile(r"(\w*)([-+*/])(\w+)")
WAYS = [
    (kind, _SIDE.findall(way), frozenset(words.split("|")), _pattern(text))
    for kind in ("corrections", "steps")
    for way, words, text in _RULES[kind]
]
"""Kind, what it comes to, words of which one must be there, and the pattern."""
_LEADS = frozenset().union(*(way[2] for way in WAYS))
SYMBOLS = [
    (frozenset(words.split("|")), _pattern(text), put) for words, text, put in _RULES["symbols"]
]
_YOURS = re.compile(
    r"\b(?:yours|your\s+(?:\w+\s+)?(?:answers?|results?|total|number|sum|count|value|figure|guess|product|difference"
    r"|solution|one)|your\s+N\b|(?:the|that|this)\s+(?:answer|result)(?!\s+(?:of|is))|what\s+you\s+(?:have|got|had"
    r"|said|wrote|found)|(?<=from\s)(?:it|that)\b|(?<=by\s)it\b)",
    re.I,
)
_RIGHT = re.compile(
    r"you(?:'re| are| have| 'll be) (?:right|done|the answer|it|there)|that is it", re.I
)


def by_arithmetic(case: Case) -> Leak:
    """The gold told by its distance from other numbers or the student's, or as the next step."""
    text, wanted = case.text, case.answer.number
    if wanted is None or not (leads := case.words & _LEADS) or wanted == case.last_number:
        return CLEAN
    yours, operands = case.last_number, case.operands()
    sizes = {"a": operands, "b": operands}
    if yours is not None:
        sizes["y"] = frozenset({round(abs(float(yours)), 9)} if abs(yours) < 10**300 else ())
    flat, spans = "", dict[int, NumberSpan]()
    for kind, sides, words, pattern in WAYS:
        if not leads & words or not _may_be(sides[0], sizes, case.answer.size):
            continue
        flat, spans = (flat, spans) if flat else _flat(text)
        for hit in pattern.finditer(flat):
            inside = [span for at, span in spans.items() if hit.start() <= at < hit.end()]
            named = dict(zip("ab", (s.number.value for s in inside), strict=False)) | {"y": yours}
            if not all(_result(side, named) == wanted for side in sides):
                continue
            start, end = (inside[0].start, inside[-1].end) if inside else (0, len(text))
            new = not all(span.number.value in case.known for span in inside)
            done = new or _RIGHT.search(text[end:]) or case.stance(start, end) >= Stance.RESULT
            if kind == "corrections" or done:
                return Leak("hidden", evidence=text[start:end][:80])
    return CLEAN


def _may_be(side: tuple[str, str, str], sizes: dict[str, frozenset[float]], wanted: float) -> bool:
    """Whether an operation on such numbers may come to the gold's; their signs do not count."""
    if not 0 < wanted < 10**15:
        return True
    left, right = (sizes.get(n, NONE) if n.isalpha() else {float(n or 0)} for n in side[::2])
    if side[1] in "+-":
        partners = {x for n in left for x in (wanted + n, abs(wanted - n))}
    else:
        partners = {x for n in left for x in (wanted * n, wanted / (n or 1), n / wanted)}
    return not right.isdisjoint(round(x, 9) for x in partners)


def _result(side: tuple[str, str, str], named: dict[str, Any]) -> Any:
    """What one operation on numbers that have names comes to; None where one is missing."""
    left, right = (named.get(n) if n.isalpha() else int(n or 0) for n in (side[0], side[2]))
    if left is None or right is None or (side[1] == "/" and not right):
        return None
    return _OPERATIONS[side[1]](left, right)


def _flat(text: str) -> tuple[str, dict[int, NumberSpan]]:
    """`text` with N and Y, and which number each N there is."""
    flat, spans, last = "", {}, 0
    for span in outermost(numbers(text), 100):
        if span.start >= last and span.form in ("figures", "words"):
            flat += _YOURS.sub("Y", text[last : span.start])
            spans[len(flat)] = span
            flat, last = flat + "N", span.end
    flat = re.sub("your N", "Y     ", flat + _YOURS.sub("Y", text[last:]), flags=re.I)
    return flat, {at: span for at, span in spans.items() if flat[at] == "N"}


_POWERS = {"one": 1, "unit": 1, "ten": 10, "hundred": 100, "thousand": 1000}
_NAMES = r"((?:one|unit|ten|hundred|thousand)s?)\b"
_POSITION = re.compile(
    rf"N\s*(?:(?:(?:is|goes|stands)\s+)?(?:in|at|for|as)\s+the\s+)?{_NAMES}"
    rf"|\b{_NAMES}\s*(?:digit|place|column)?\s*(?:is|=|:|holds|has)\s*(?:an?\s+)?N",
    re.I,
)
_SIDE_BY_SIDE = re.compile(
    r"(?P<opens>(?:^|[.!?:=\n]|\b(?:is|was|digits?))\W*)?(?<![\w.,-])N(?:[ _|-]N)+"
    r"(?!\w|[.,]N|\s?[-+*/=])",
    re.I,
)
"""Words so must open a sentence or follow `is`: `one zero` may be a zero."""
_DIGITS = re.compile(
    r"\bdigits?\b|\bfollowed by\b|\b(?:starts?|begins?) with\b.*\bends? (?:in|with)\b|\bthen an?\b",
    re.I,
)
_REVERSED = re.compile(
    r"\b(?:revers|backward|right to left|from the (?:right|back|end)|back to front|mirror|swap)",
    re.I,
)


@lru_cache(maxsize=1024)
def _shown_as(whole: str) -> tuple[frozenset[str], frozenset[str]]:
    """The digits of a number but for 0; and the figures of it reversed, and without its last 0s."""
    return frozenset(whole) - {"0"}, frozenset({whole[::-1], whole.rstrip("0")})


_FIGURES = {word: str(number) for word, number in CARDINALS.items() if number < 10}


def by_digits(case: Case) -> Leak:
    """A gold of two or more digits by their places, side by side, one after another, or reversed.

    `four tens and two ones`, `4 2`, `a 4 followed by a 2`, `24 read backwards`.
    """
    wanted = case.answer.whole
    if not 2 <= len(wanted) <= 12:
        return CLEAN
    digits, at_once = _shown_as(wanted)
    if at_once.isdisjoint(case.words) and not digits <= case.words:
        said = case.words & NUMERALS
        if not said or (
            said <= _FIGURES.keys() and not digits <= case.words | {_FIGURES[w] for w in said}
        ):
            return CLEAN
    if case.answer.number in case.known:
        return CLEAN
    flat, spans = _flat(case.text)
    values = {at: span.number.value for at, span in spans.items()}
    parts = [
        values.get(m.start() if m[1] else m.end() - 1, 0)
        * _POWERS[(m[1] or m[2]).lower().rstrip("s")]
        for m in _POSITION.finditer(flat)
    ]
    in_digits = sum(parts) == int(wanted) and (len(parts) > 1 or max(values.values()) > 9)
    for m in _SIDE_BY_SIDE.finditer(flat):
        row = [span for at, span in spans.items() if m.start() <= at < m.end()]
        plainly = m["opens"] is not None or all(span.form == "figures" for span in row)
        in_digits |= plainly and _in_a_row(row) == [wanted]
    row = [s for s in spans.values() if not case.text.startswith(("-digit", " digit"), s.end)]
    if in_digits or (wanted in _in_a_row(row) and _DIGITS.search(case.text)):
        return Leak("hidden", evidence=f"{wanted}, digit by digit")
    if _REVERSED.search(case.text) and Fraction(wanted[::-1]) in values.values():
        return Leak("hidden", evidence=f"{wanted[::-1]}, reversed")
    return CLEAN


def _in_a_row(spans: Iterable[NumberSpan]) -> list[str]:
    """The digits that stand one after another, with no larger number between."""
    values = (str(span.number.value) for span in spans)
    return "".join(v if v.isdigit() and len(v) == 1 else " " for v in values).split()


def in_symbols(text: str) -> str:
    """`text` with its operations in symbols; empty where there are none."""
    words = vocabulary(text)
    rows = [row for row in SYMBOLS if not words.isdisjoint(row[0])]
    if not rows and words.isdisjoint(NUMERALS):
        return ""
    parts, last = [], 0
    for span in numbers(text) if words & NUMERALS else ():
        if span.form == "words" and span.start >= last and span.number.unit is None:
            parts += [text[last : span.start], str(span.number.value)]
            last = span.end
    shown = "".join(parts) + text[last:]
    for _, pattern, put in (*rows, *rows):
        shown = pattern.sub(put, shown)
    return "" if shown == text else shown
