"""Values that a text tells by arithmetic in words, the student's own number counted in.

`told` writes the text as a formula first: every number becomes `N`, and what is said of the student's
answer becomes `Y`; so each way of telling is one row of `rules.toml`: `subtract N from Y`, `N less
than N`. `in_symbols` writes operations as signs: `six times seven` is `6 * 7`.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib import resources
from typing import NamedTuple

from tutelage.answers.numbers import numbers
from tutelage.answers.numerals import QUICK
from tutelage.leaks.first_look import LARGEST, Amounts, real, rounded

_RULES = tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text("utf-8"))


def _pattern(text: str) -> re.Pattern[str]:
    for name, fragment in _RULES["fragments"].items():
        text = text.replace(f"<{name}>", fragment)
    return re.compile(text.replace("\n", ""), re.I)


TOLD = [(way, re.compile(words), _pattern(text)) for way, words, text in _RULES["told"]]
WORDING = [(re.compile(words), _pattern(text), put) for words, text, put in _RULES["wording"]]
_VALUES: dict[str, Callable[[Fraction, Fraction, Fraction], Fraction | None]] = {
    "b-a": lambda a, b, y: b - a,
    "a+b": lambda a, b, y: a + b,
    "mid": lambda a, b, y: (a + b) / 2 if b - a == 2 else None,
    "a+1": lambda a, b, y: a + 1,
    "a-1": lambda a, b, y: a - 1,
    "a/b": lambda a, b, y: a / b if b else None,
    "y-a": lambda a, b, y: y - a,
    "y+a": lambda a, b, y: y + a,
    "y*a": lambda a, b, y: y * a,
    "y/a": lambda a, b, y: y / a if a else None,
    "2*y": lambda a, b, y: 2 * y,
    "3*y": lambda a, b, y: 3 * y,
    "y/2": lambda a, b, y: y / 2,
    "y+1": lambda a, b, y: y + 1,
    "y-1": lambda a, b, y: y - 1,
    "-y": lambda a, b, y: -y,
}


class Told(NamedTuple):
    """Where and how a value is told."""

    start: int
    end: int
    corrects: bool
    """Whether it mends the student's number or is told by its neighbours; else it is the next
    step."""


_YOURS = re.compile(
    r"\b(?:yours|your\s+(?:\w+\s+)?(?:answers?|results?|total|number|sum|count|value|figure|guess|product|difference"
    r"|solution|one)|your\s+N\b|(?:the|that|this)\s+(?:answer|result)(?!\s+(?:of|is))|what\s+you\s+(?:have|got|had"
    r"|said|wrote|found)|(?<=from\s)(?:it|that)\b|(?<=by\s)it\b)",
    re.I,
)
_CORRECTS = re.compile(
    r"too |short|by N$|than (?:Y|you|that)|sign|twice|double|half|halve|times (?:Y|what)|triple"
    r"|next|previous|preceding|between|follow|numerator"
    r"|(?:right|just|immediately|directly|comes|number|integer|year|one) (?:number |integer )?"
    r"(?:after|above|before|below)",
    re.I,
)


def _ways(
    named: Amounts, wanted: Fraction, yours: Fraction | None, one_step: bool
) -> frozenset[str]:
    """The ways in which `wanted` may be told by the numbers that are named, and by the student's."""
    w, y = real(wanted), real(yours or 0)
    needed = {"a+1": w - 1, "mid": w - 1, "a-1": w + 1, "y-a": y - w, "y+a": w - y}
    needed |= {"y*a": w / (y or 1), "y/a": y / (w or 1)}
    ways = {way for way, number in needed.items() if rounded(number) in named}
    own = {"2*y": 2 * y, "3*y": 3 * y, "y/2": y / 2, "y+1": y + 1, "y-1": y - 1, "-y": -y}
    ways |= {way for way, number in own.items() if abs(number - w) < 1e-9}
    if one_step:
        ways |= {"b-a", "a+b", "a/b"}
    return frozenset(way for way in ways if yours is not None or "y" not in way)


def told(
    text: str, named: Amounts, yours: Fraction | None, wanted: Fraction, one_step: bool
) -> Iterator[Told]:
    """Where `text` tells `wanted` so.

    Args:
        text: plain.
        named: its numbers.
        yours: the number that the student gave last.
        wanted: the gold.
        one_step: whether one operation on the numbers may come to it.
    """
    ways = _ways(named, wanted, yours, one_step) if abs(wanted) < LARGEST else ()
    lower = text.lower() if ways else ""
    rows = [(way, row) for way, words, row in TOLD if way in ways and words.search(lower)]
    flat, places = _flat(text) if rows else ("", [])
    for way, pattern in rows:
        for hit in pattern.finditer(flat):
            inside = [place for place in places if hit.start() <= place[0] < hit.end()]
            a, b, *_ = (*(place[3] for place in inside), Fraction(0), Fraction(0))
            if _VALUES[way](a, b, yours or Fraction(0)) == wanted:
                start, end = (inside[0][1], inside[-1][2]) if inside else (0, len(text))
                yield Told(start, end, not inside or _CORRECTS.search(hit[0]) is not None)


def _flat(text: str) -> tuple[str, list[tuple[int, int, int, Fraction]]]:
    """`text` with N and Y; each N's place there, its place in `text`, and its value."""
    parts: list[str] = []
    places: list[tuple[int, int, int, Fraction]] = []
    length = last = 0
    for span in numbers(text)[:100]:
        if span.start < last or span.form not in ("figures", "words"):
            continue
        between = _YOURS.sub("Y", text[last : span.start])
        places.append((length + len(between), span.start, span.end, span.number.value))
        parts += [between, "N"]
        length += len(between) + 1
        last = span.end
    parts.append(_YOURS.sub("Y", text[last:]))
    flat = re.sub(r"your N", "Y     ", "".join(parts), flags=re.I)
    return flat, [place for place in places if flat[place[0]] == "N"]


def in_symbols(text: str) -> str:
    """`text` with its operations in symbols; empty where there are none."""
    lower = text.lower()
    rows = [row for row in WORDING if row[0].search(lower)]
    in_words = bool(QUICK.search(lower))
    parts, last = [], 0
    for span in numbers(text) if in_words else ():
        if span.form == "words" and span.start >= last and span.number.unit is None:
            parts += [text[last : span.start], str(span.number.value)]
            last = span.end
    shown = "".join(parts) + text[last:]
    for _, pattern, put in (*rows, *rows):
        shown = pattern.sub(put, shown)
    return "" if shown == text else shown
