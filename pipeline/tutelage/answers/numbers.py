"""Numbers in a plain text, in figures and in words, with their units; dates and times.

Reads `42`, `-3`, `1,234.5`, `1.2e3`, `3 * 10^8`, `3/4`, `1 1/2`, `50 %`, `$18`, `2516_8`, `2
dozen`, `5 N`, `2 kg 300 g`, `3 h 30 min`, `forty-two cm`, `0,5`. Numbers inside names (`x2`,
`v1.2.3`) are none.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tutelage.answers.numerals import DOZENS, ORDINALS, SCALES, numerals
from tutelage.answers.tables import outermost
from tutelage.answers.units import FIRST_WORDS, MONEY, PHRASE, unit
from tutelage.answers.values import Moment, Number

MAX_DIGITS = 400
"""Longest number that is read, in characters; and the largest power of ten in `1e9`."""


class NumberSpan(NamedTuple):
    """A number and where it stands."""

    start: int
    end: int
    number: Number
    form: str
    """`figures`, `fraction`, `words`, `ordinal` or `compound`."""
    loose: bool = False
    """Words that often are no number: `one`, `a half`."""


_D = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)"
_FIGURE = re.compile(
    rf"""(?<![\w./^])(?<![A-Za-z]-)(?<!\^[-(])
    (?P<sign>(?<![\w)\]}}!%])(?<![\d)\]}}!%]\s)(?<!\s[a-zA-Z]\s)[-+])?(?P<money>[{MONEY}]\s?(?P<sign2>-)?)?
    (?P<body>{_D}(?:\.\d+)?(?!\d)|\.\d+)
    (?:_\(?(?P<base>[2-9]|[123]\d)\)?(?!\w)
      |(?P<ten>\s?\*\s?10\s?\^\s?\(?(?P<power>[-+]?\d{{1,5}})\)?)
      |[eE](?P<exp>[-+]?\d{{1,5}})(?!\w|\.\d)
      |(?:(?P<space>\s(?:and\s)?)(?P<top>\d+))?\s?/\s?(?P<low>{_D}(?:\.\d+)?)(?![\d/]|\s?/\s?\d)
    )?(?![\d_]|\.\d)""",
    re.X,
)
_COMMA = re.compile(r"(?<![\w.,(\[{<])(-?\d{1,6}),(\d{1,2}|\d{4,})(?![\d)\]}>]|,\d|,?\s\d)")
_DIGIT_COMMA = re.compile(r"\d,\d")
_AFTER = re.compile(
    rf"(?P<percent>\s?%|\s?per\s?cent(?:age)?\b|\spct\b)"
    rf"|\s?(?P<scale>{'|'.join((*SCALES, *DOZENS))}|k|bn|K(?!\w))\b"
    rf"|(?P<nth>st|nd|rd|th)\b",
    re.I,
)
_UNIT = re.compile(rf"[\s-]?({PHRASE.pattern})(?![\w(^])")
_FOLLOWS = re.compile(
    rf"\s?[%{MONEY}°]|(?:st|nd|rd|th)\b|[\s-]?(?:{'|'.join(sorted({*FIRST_WORDS, *SCALES, *DOZENS, 'percent', 'percentage', 'per', 'pct', 'bn'}))})\b",  # noqa: E501
    re.I,
)
"""What can change a number or give it a unit: most of what follows numbers does neither."""
_PART = {"k": 1000, "bn": 10**9, **SCALES, **DOZENS}
_MAYBE_ORDINAL = re.compile(r"first|third|(?:r|f|x|n|h|l)th\b|(?:ie|nin|eigh)th\b", re.I)
_ORDINAL = re.compile(rf"\b(?:{'|'.join(w for w in ORDINALS if w != 'second')})\b", re.I)


def _figures(text: str) -> Iterator[NumberSpan]:
    for m in outermost(_FIGURE.finditer(text), 200):
        body = m["body"].replace(",", "")
        if len(body) > MAX_DIGITS or (
            m["body"].startswith("0") and len(m["body"]) > 1 and m["base"]
        ):
            continue
        sign = -1 if m["sign"] == "-" or m["sign2"] else 1
        form, places, digits, base, quotient = "figures", -1, 0, 10, False
        if m["base"]:
            base = int(m["base"])
            if "." in body or any(int(d) >= base for d in body):
                continue
            value = Fraction(int(body, base))
        elif m["low"]:
            low = Fraction(m["low"].replace(",", ""))
            if not low or (m["top"] and (m["space"] is None or "." in body)):
                continue
            top = Fraction(m["top"] or body)
            value, form = top / low, "fraction"
            quotient = value.denominator == 1 and not m["top"]
            if m["top"]:
                if value >= 1:
                    continue
                value += Fraction(body)
        else:
            exponent = int(m["power"] or m["exp"] or 0)
            if abs(exponent) > MAX_DIGITS:
                continue
            value = Fraction(int(body)) if body.isdigit() else Fraction(body)
            value *= Fraction(10) ** exponent if exponent else 1
            if "." in body:
                places = len(body.partition(".")[2]) - exponent
                digits = len(body.replace(".", "").lstrip("0"))
        number = Number(sign * value, None, False, places, digits, base, quotient)
        span = _measured(text, m.start(), m.end(), number, form, (m["money"] or "").strip(" -"))
        if not text[span.end : span.end + 1].isalpha():
            yield span
    for m in _COMMA.finditer(text) if _DIGIT_COMMA.search(text) else ():
        number = Number(Fraction(f"{m[1]}.{m[2]}"), None, False, len(m[2]), len(m[1] + m[2]))
        yield _measured(text, m.start(), m.end(), number, "comma", "")


def _measured(text: str, start: int, end: int, number: Number, form: str, money: str) -> NumberSpan:
    """The number with what stands after it: per cent, a word that multiplies, a unit."""
    if not money and not _FOLLOWS.match(text, end):
        return NumberSpan(start, end, number, form)
    after = _AFTER.match(text, end)
    if after and after["percent"]:
        return NumberSpan(start, after.end(), replace(number, percent=True), form)
    if after and after["nth"]:
        return NumberSpan(start, after.end(), replace(number, ordinal=True), "ordinal")
    if after and after["scale"]:
        word = after["scale"].lower()
        if len(word) > 1 or not text[end : end + 1].isspace():
            number = replace(number, value=number.value * _PART[word], scale=word, places=-1)
            end = after.end()
    known = unit(money) if money else None
    tail = None if money else _UNIT.match(text, end)
    if tail:
        words = tail[1]
        while words and known is None:
            known = unit(words)
            if known is None or _is_word(text, known.name, words, tail.start(1) + len(words)):
                known = None
                shorter = re.sub(r"(?:\s?/\s?|\s+per\s+|\s|\s?\*\s?)[^\s/*]*$", "", words)
                words = shorter if shorter != words else ""
        end = tail.start(1) + len(words) if known else end
    return NumberSpan(start, end, replace(number, unit=known) if known else number, form)


def _is_word(text: str, name: str, words: str, end: int) -> bool:
    """Whether what looks like a unit is a word there: `5 in a row`, `5 a day`, `6 m + 1`."""
    if words in ("in", "a", "A", "s", "I", "L", "t") and re.match(r"\s+[a-z]", text[end : end + 4]):
        return True
    return len(words) == 1 and bool(re.match(r"\s?[-+*/^=(]\s?[\w(]", text[end : end + 4]))


def _compounds(text: str, spans: list[NumberSpan]) -> Iterator[NumberSpan]:
    """`2 kg 300 g`, `3 hours and 30 minutes`, `5 feet 6 inches`, `4 dollars 50` as one."""
    run: list[NumberSpan] = []
    for span in [*spans, None]:
        if run and (span is None or not _goes_on(text, run[-1], span)):
            if len(run) > 1:
                yield _summed(run)
            run = []
        if (span and span.number.unit and (not run or _goes_on(text, run[-1], span))) or (
            span and run and not span.number.unit and run[-1].number.unit
        ):
            run.append(span)


def _goes_on(text: str, left: NumberSpan, right: NumberSpan) -> bool:
    gap, large, small = text[left.end : right.start], left.number.unit, right.number.unit
    if (
        large is None
        or not re.fullmatch(r"[\s.]*(?:,\s*)?(?:and\s+)?", gap)
        or right.number.value < 0
    ):
        return False
    if small is None:
        cents = large.kind == "money" and "," not in gap and 0 < right.number.value < 100
        return cents and right.form == left.form and not re.match(r"\s*\w", text[right.end :])
    pair = {large.name, small.name}
    money = pair == {"dollar", "cent"} or pair == {"euro", "cent"}
    same = large.kind == small.kind or {large.kind, small.kind} == {"years", "time"}
    return (
        (same or money) and large.size > small.size > 0 and "ordinal" not in (left.form, right.form)
    )


def _summed(run: list[NumberSpan]) -> NumberSpan:
    first = run[0].number
    size = first.unit.size if first.unit else Fraction(1)
    value = first.value
    for span in run[1:]:
        part = span.number.unit.size if span.number.unit else Fraction(1, 100)
        value += span.number.value * part / size * (-1 if first.value < 0 else 1)
    number = replace(first, value=value, compound=True, places=-1, digits=0)
    return NumberSpan(run[0].start, run[-1].end, number, "compound")


def _signed(text: str, span: NumberSpan) -> NumberSpan:
    """`negative 5`, and `minus 5` where nothing stands before that it could be taken from."""
    m = _NEGATIVE.search(text, max(0, span.start - 14), span.start)
    if not m or span.number.value < 0 or (re.search(r"[\w)]\s*$", text[: m.start()]) and (
        not re.search(r"\b(?:is|be|was|to|of|equals|get|x)\s*$", text[: m.start()], re.I)
    )):  # fmt: skip
        return span
    number = replace(span.number, value=-span.number.value)
    return span._replace(start=m.start(1), number=number)


_NEGATIVE = re.compile(r"\b(minus|negative)\s+$", re.I)
_OUT_OF = re.compile(r"\s+(?:out\s+of|in)\s+(?:a\s+|the\s+)?", re.I)


def _ratios(text: str, found: list[NumberSpan]) -> list[NumberSpan]:
    """`3 out of 8` and `one in six` as fractions."""
    kept: list[NumberSpan] = []
    for span in found:
        left = kept[-1] if kept else None
        gap = text[left.end : span.start] if left else ""
        if left and _OUT_OF.fullmatch(gap) and span.number.value > left.number.value > 0:
            ends = re.match(r"\s*(?:[.,;!?)]|$|chance)", text[span.end : span.end + 9])
            if "out" in gap or (ends and not span.number.unit and not left.number.unit):
                value = left.number.value / span.number.value
                kept[-1] = NumberSpan(left.start, span.end, Number(value), "fraction")
                continue
        kept.append(span)
    return kept


@lru_cache(maxsize=4096)
def numbers(text: str, parts: bool = False) -> tuple[NumberSpan, ...]:
    """Every number in `text`, which is plain, in order; compound ones in place of their parts.

    With `parts` the parts stay beside the whole.
    """
    found = list(_figures(text))
    for start, end, value, loose in numerals(text):
        if not any(s.start < end and start < s.end for s in found):
            span = _measured(text, start, end, Number(value), "words", "")
            found.append(span._replace(loose=loose and not span.number.unit))
    if _MAYBE_ORDINAL.search(text):
        for m in _ORDINAL.finditer(text):
            if not any(s.start < m.end() and m.start() < s.end for s in found):
                number = Number(Fraction(ORDINALS[m[0].lower()]), ordinal=True)
                found.append(NumberSpan(m.start(), m.end(), number, "ordinal"))
    found = [_signed(text, span) for span in found]
    found.sort(key=lambda span: (span.start, -span.end))
    if " in " in text or " of " in text:
        found = _ratios(text, found)
    compounds = list(_compounds(text, found)) if len(found) > 1 else []
    for whole in () if parts else compounds:
        found = [s for s in found if not whole.start <= s.start < whole.end]
    return tuple(sorted((*found, *compounds)))


_MONTHS = (
    "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? aug(?:ust)? sept?(?:ember)?"
)
_MONTHS += " oct(?:ober)? nov(?:ember)? dec(?:ember)?"
_DAYS = "mon(?:day)? tue(?:s(?:day)?)? wed(?:nesday)? thu(?:rs(?:day)?)? fri(?:day)?"
_DAYS += " sat(?:urday)? sun(?:day)?"
_MONTH = "|".join(_MONTHS.split())
_WEEKDAY = "|".join(_DAYS.split())
_DATE = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m1>{_MONTH})\b\.?(?:,?\s+(?P<y1>\d{{4}})\b)?"
    rf"|\b(?P<m2>{_MONTH})\.?\s+(?:the\s+)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}})\b)?",
    re.I,
)
_TIME = re.compile(
    r"\b(?P<h>[01]?\d|2[0-4])(?::(?P<m>[0-5]\d))(?::[0-5]\d)?(?:\s?(?P<half>[ap])\.?\s?m\b\.?)?(?![\d:])"
    r"|\b(?P<h2>1[0-2]|0?\d)\s?(?P<half2>[ap])\.?\s?m\b\.?|\b(?P<noon>noon|midnight)\b"
    r"|\b(?P<h3>1[0-2]|\d)\s?o'clock(?:\s+in\s+the\s+(?P<part>morning|afternoon|evening))?",
    re.I,
)
_HINT = re.compile(
    rf"\d:\d\d|\d\s?[ap]\.?\s?m\b|o'clock|noon|midnight|\d{{4}}-\d\d-|\b(?:{_MONTH})\b", re.I
)
_JOINT = re.compile(r"[\s,]*(?:(?:at|on|the)\s+)*", re.I)


def _index(alternatives: str, word: str) -> int:
    return next(n for n, p in enumerate(alternatives.split(), 1) if re.fullmatch(p, word, re.I))


Fields = dict[str, int | str | None]


@lru_cache(maxsize=2048)
def moments(text: str) -> tuple[tuple[int, int, Moment], ...]:
    """Dates and times in `text`, those that stand together as one: `Tuesday 5 pm`."""
    if not _HINT.search(text):
        return ()
    pieces: list[tuple[int, int, Fields]] = []
    for m in _DATE.finditer(text):
        day, year = m["day"] or m["d1"] or m["d2"], m["year"] or m["y1"] or m["y2"]
        name = m["m1"] or m["m2"]
        month = int(m["month"]) if m["month"] else _index(_MONTHS, name)
        date: Fields = {"year": int(year) if year else None, "month": month, "day": int(day)}
        pieces.append((m.start(), m.end(), date))
    for m in _TIME.finditer(text):
        if m["noon"]:
            minute, half = (720, "pm") if m["noon"].lower() == "noon" else (0, "am")
        else:
            hour = int(m["h"] or m["h2"] or m["h3"])
            half = {"a": "am", "p": "pm"}.get((m["half"] or m["half2"] or "").lower(), "")
            if m["part"]:
                half = "am" if m["part"].lower() == "morning" else "pm"
            hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
            minute = hour * 60 + int(m["m"] or 0)
            half = half or ("pm" if hour > 12 else "")
        pieces.append((m.start(), m.end(), {"minute": minute, "half": half}))
    days = list(re.finditer(rf"\b(?:{_WEEKDAY})\b", text, re.I)) if pieces else []
    pieces += [(m.start(), m.end(), {"weekday": _index(_DAYS, m[0])}) for m in days]
    pieces.sort(key=lambda piece: piece[0])
    joined: list[tuple[int, int, Fields]] = []
    for start, end, fields in pieces:
        last = joined[-1] if joined else None
        if last and not set(last[2]) & set(fields) and _JOINT.fullmatch(text, last[1], start):
            joined[-1] = (last[0], end, last[2] | fields)
        else:
            joined.append((start, end, fields))
    return tuple((a, b, Moment(**f)) for a, b, f in joined if set(f) != {"weekday"})  # type: ignore[arg-type]
