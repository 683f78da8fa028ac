"""Values that a text tells by arithmetic in words, the student's own number counted in.

The text is written as a formula first: every number becomes `N`, and what is said of the student's
answer becomes `Y`. So each way of telling is one line of a table: `subtract N from Y`, `N less than
N`.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from tutelage.answers.numbers import numbers


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
_JUST = r"(?:just |only |exactly |another |simply |the |a |an )*"
_NEXT = r"(?:right|just|immediately|directly|comes|next|number|integer|year|one)(?: one| number| integer)?"  # noqa: E501
ROWS: tuple[tuple[str, str], ...] = (
    (r"N (?:\w+ )?(?:less|fewer|smaller|lower|below|under|before) (?:than )?N", "b-a"),
    (r"N (?:\w+ )?(?:more|greater|larger|bigger|higher|above|over|after) (?:than )?N", "a+b"),
    (r"between N and N|from N to N", "mid"),
    (rf"{_NEXT} (?:after|above|following|follows) N", "a+1"),
    (rf"{_NEXT} (?:before|below|preceding|precedes) N", "a-1"),
    (r"numerator (?:is |of |= )?N\b.{0,40}denominator (?:is |of |= )?N", "a/b"),
    (
        rf"(?:subtract|deduct|take(?: away)?|remove|knock(?: off)?) {_JUST}N (?:more )?(?:away )?(?:from|off|of) "  # noqa: E501
        rf"(?:of )?Y|Y (?:minus|less|-) N|(?:reduce|lower|decrease) (?:Y|it|that) by {_JUST}N|go (?:down|back) "  # noqa: E501
        r"(?:by )?N|subtract N more",
        "y-a",
    ),
    (
        rf"add {_JUST}N (?:more )?(?:on ?)?to Y|Y (?:plus|\+) N|(?:increase|raise) (?:Y|it|that) by {_JUST}N"  # noqa: E501
        r"|go up (?:by )?N",
        "y+a",
    ),
    (
        r"N (?:\w+,? )?too (?:high|large|big|many|much)|N (?:\w+ )?(?:less|fewer|lower|smaller) than (?:Y|you|that)\b"  # noqa: E501
        r"|(?:over|high|large|big|much) by N",
        "y-a",
    ),
    (
        r"N (?:\w+,? )?(?:too (?:low|small|few|little)|short)|N (?:\w+ )?(?:more|greater|higher|larger) than "  # noqa: E501
        r"(?:Y|you|that)\b|(?:under|low|small|short) by N",
        "y+a",
    ),
    (
        r"(?:answer|right|correct|it) (?:\w+ )?(?:is|'s) (?:twice|double) (?:Y|what you)|^\W*double Y"
        r"|(?:twice|double) (?:Y|what you)[^.!?]{0,30}(?:answer|right|correct)|^\W*(?:it's |it is )?(?:twice|double) "  # noqa: E501
        r"(?:Y|what you)|Y is (?:\w+ )?half",
        "2y",
    ),
    (
        r"(?:twice|double) (?:as (?:large|big|high|much|many) as |what )(?:it should|the right|the correct)"  # noqa: E501
        r"|(?:answer|right) is half (?:of )?(?:Y|what you)|^\W*halve Y|half (?:of )?(?:Y|what you)[^.!?]{0,30}"  # noqa: E501
        r"(?:answer|right|correct)|Y is (?:\w+ )?(?:twice|double) what",
        "y/2",
    ),
    (r"three times (?:Y|what you)[^.!?]{0,30}(?:answer|right|correct)|triple Y", "3y"),
    (r"Y is N times (?:what|as)", "y/a"),
    (r"multiply Y by N", "y*a"),
    (r"divide Y by N", "y/a"),
    (
        r"(?:it's|it is|answer is|be|want|need|take) the (?:next|following) (?:whole |natural )?(?:number|integer)"  # noqa: E501
        r"|the (?:next|following) (?:number|integer) is (?:the answer|Y|it|right)",
        "y+1",
    ),
    (
        r"(?:it's|it is|answer is|be|want|need|take) the (?:previous|preceding) (?:whole |natural )?(?:number|integer)",  # noqa: E501
        "y-1",
    ),
    (r"(?:wrong|opposite|other) sign", "-y"),
)
"""A pattern over N and Y, and what it comes to of its numbers a, b, and of the student's y."""
TABLE = [(re.compile(pattern, re.I), way) for pattern, way in ROWS]
_CORRECTS = re.compile(
    r"too |short|by N$|than (?:Y|you|that)|sign|twice|double|half|halve|times (?:Y|what)|triple|next|previous"  # noqa: E501
    r"|preceding|between|follow|numerator"
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


def told(text: str, yours: Fraction | None, wanted: Fraction) -> Iterator[Told]:
    """Where `text` tells `wanted` so; `yours` is the number that the student gave last."""
    if abs(wanted) >= _LARGEST:
        return
    yours = yours if yours is None or abs(yours) < _LARGEST else None
    ways = _ways({span.number.value for span in numbers(text)[:40]}, yours, wanted)
    if not ways or not _QUICK.search(text):
        return
    flat, places = _flat(text)
    for pattern, way in TABLE:
        for hit in pattern.finditer(flat) if way in ways else ():
            inside = [place for place in places if hit.start() <= place[0] < hit.end()]
            own = [place[3] for place in inside[:2]]
            if way in _ways(set(own), yours, wanted) and (
                way != "b-a" or own[1:] == [wanted + own[0]]
            ):
                start = inside[0][1] if inside else 0
                end = inside[-1][2] if inside else len(text)
                corrects = not inside or _CORRECTS.search(hit[0]) is not None
                yield Told(start, end, corrects)


_LARGEST = 10**15
"""Of the numbers that are told so."""


def _ways(values: set[Fraction], yours: Fraction | None, wanted: Fraction) -> set[str]:
    """By which of the rows' sums `wanted` comes out of numbers, as floats have it."""
    known = {float(v) for v in values if abs(v) < _LARGEST}
    w, ways = float(wanted), set()
    for a in known:
        ways |= {"a+1"} if a == w - 1 else {"a-1"} if a == w + 1 else set()
        for b in known:
            ways |= {"b-a"} if b - a == w else {"a+b"} if a + b == w else set()
            ways |= {"a/b"} if b and abs(a / b - w) < 1e-9 else set()
    ways |= {"mid"} if {w - 1, w + 1} <= known else set()
    if yours is None:
        return ways
    y = float(yours)
    for a in known:
        ways |= {"y-a"} if y - a == w else {"y+a"} if y + a == w else set()
        ways |= {"y*a"} if abs(y * a - w) < 1e-9 else set()
        ways |= {"y/a"} if a and abs(y / a - w) < 1e-9 else set()
    of_one = (
        ("2y", 2 * y),
        ("3y", 3 * y),
        ("y/2", y / 2),
        ("y+1", y + 1),
        ("y-1", y - 1),
        ("-y", -y),
    )
    return ways | {way for way, v in of_one if v == w}


def reaches(values: set[Fraction], wanted: Fraction) -> bool:
    """Whether one operation, or two, on some numbers can come to `wanted`."""
    if len(values) > 3 or abs(wanted) >= _LARGEST:
        return True
    known = [float(v) for v in values if abs(v) < _LARGEST]
    w = abs(float(wanted))
    for a in known:
        if (
            abs(2 * a - w) < 1e-9
            or abs(a / 2 - w) < 1e-9
            or abs(a * a - w) < 1e-9
            or abs(w * w - a) < 1e-9
        ):
            return True
        for b in known:
            results = (a + b, a - b, a * b, a * b / 100, a / b if b else 0.0)
            if len(known) > 2 or any(abs(abs(r) - w) < 1e-9 for r in results):
                return True
    return False


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
