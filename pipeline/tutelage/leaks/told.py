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

_RULES = tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text("utf-8"))


def _pattern(text: str) -> re.Pattern[str]:
    for name, fragment in _RULES["fragments"].items():
        text = text.replace(f"<{name}>", fragment)
    return re.compile(text.replace("\n", ""), re.I)


TOLD = [(way, _pattern(text)) for way, text in _RULES["told"]]
WORDING = [(_pattern(text), put) for text, put in _RULES["wording"]]
_LARGEST = 10**15
"""Of the numbers that are told so."""
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
_QUICK = re.compile(
    r"less|fewer|smaller|lower|below|under|before|more|greater|larger|bigger|higher|above|over|after|between|from"
    r"|preced|follow|next|numerator|subtract|deduct|take|remove|knock|minus|plus|reduce|decrease|add|increase|raise"
    r"|go |too |short|twice|double|halve?|times|triple|multiply|divide|sign|previous| by ",
    re.I,
)
_OPERATES = re.compile(
    r"\b(?:times|multiplied|divided|plus|minus|root|double|twice|half|squared|product|difference|quotient|subtracted"
    r"|less than|more than|add|added|sum of|over|pi)\b|%\s+of|\d/\d+ of"
    r"|(?:thirds?|quarters?|fifths?) of",
    re.I,
)


_SIGN = r"(?:[-+*/]|\b(?:times|plus|minus|over|of|by|root|squared|cubed|add|twice|double)\b)"
_CHAIN = re.compile(rf"{_SIGN}[^.,;:=!?]{{1,24}}?{_SIGN}\s*[($]*[\da-z]|\^|\d!|[a-z]\(", re.I)
"""More than one operation, or a power, which may come to anything."""


def floats(text: str) -> set[float]:
    """The numbers of a plain text, for `reachable`."""
    return {float(s.number.value) for s in numbers(text)[:40] if abs(s.number.value) < _LARGEST}


def comes_to(
    text: str, values: set[float], wanted: Fraction, yours: Fraction | None = None
) -> bool:
    """Whether what a text does with its numbers, and with the student's, may come to `wanted`."""
    return _CHAIN.search(text) is not None or _reachable(values, wanted, yours)


def _reachable(values: set[float], wanted: Fraction, yours: Fraction | None) -> bool:
    """Whether one operation on some numbers, and on the student's, may come to `wanted`."""
    if abs(wanted) >= _LARGEST:
        return False
    w, known = float(wanted), set(values)
    alone = {w, w - 1, w + 1, w / 2, 2 * w, w * w, abs(w) ** 0.5, -w}
    if yours is not None and abs(yours) < _LARGEST:
        y = float(yours)
        known.add(y)
        alone |= {w / 3}
    if not known.isdisjoint(alone):
        return True
    for a in known:
        ways = {w - a, w + a, a - w}
        ways |= {w / a, 100 * w / a} if a else set()
        ways |= {a / w} if w else set()
        if not known.isdisjoint(ways):
            return True
    return False


def told(text: str, yours: Fraction | None, wanted: Fraction) -> Iterator[Told]:
    """Where `text` tells `wanted` so; `yours` is the number that the student gave last."""
    if not _QUICK.search(text) or not _reachable(floats(text), wanted, yours):
        return
    flat, places = _flat(text)
    for way, pattern in TOLD:
        if yours is None and "y" in way:
            continue
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
    if not _OPERATES.search(text):
        return ""
    parts, last = [], 0
    for span in numbers(text):
        if span.form == "words" and span.start >= last and span.number.unit is None:
            parts += [text[last : span.start], str(span.number.value)]
            last = span.end
    shown = "".join(parts) + text[last:]
    for pattern, put in (*WORDING, *WORDING):
        shown = pattern.sub(put, shown)
    return "" if shown == text else shown
