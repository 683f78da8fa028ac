"""Dates and times of the day in a plain text: `1 May 2023`, `2023-05-01`, `Tuesday 5 pm`, `noon`."""

import re
from fractions import Fraction
from functools import lru_cache

from tutelage.answers.tables import listed
from tutelage.answers.values import Moment

_MONTHS, _DAYS = listed("months"), listed("weekdays")
_MONTH = "|".join(_MONTHS)
_DATE = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m1>{_MONTH})\b\.?(?:,?\s+(?P<y1>\d{{4}})\b)?"
    rf"|\b(?P<m2>{_MONTH})\.?\s+(?:the\s+)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}})\b)?",
    re.I,
)
_TIME = re.compile(
    r"(?<!(?<!\w)-)(?:"  # a sign before it makes it none
    r"\b(?P<h>[01]?\d|2[0-4])(?::(?P<m>[0-5]\d))(?::(?P<s>[0-5]\d))?(?:\s?(?P<half>[ap])\.?\s?m\b\.?"
    r"|\s(?:in the|at)\s(?P<part>morning|afternoon|evening|night)\b)?(?![\d:])"
    r"|\b(?P<h2>1[0-2]|0?\d)\s?(?P<half2>[ap])\.?\s?m\b\.?|\b(?P<noon>noon|midnight)\b"
    r"|\b(?P<h3>1[0-2]|\d)\s?o'clock)",
    re.I,
)
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(_DAYS)})\b", re.I)
_QUICK = re.compile(
    rf"\d:\d\d|\d\s?[ap]\.?\s?m\b|o'clock|noon|midnight|\d{{4}}-\d\d-|\b(?:{_MONTH})\b", re.I
)
_JOINT = re.compile(r"[\s,]*(?:(?:at|on|the)\s+)*", re.I)
Fields = dict[str, Fraction | int | str | None]


@lru_cache(maxsize=2048)
def moments(text: str) -> tuple[tuple[int, int, Moment], ...]:
    """Start, end and value of dates and times; those that stand together are one."""
    if not _QUICK.search(text):
        return ()
    parts = [(*m.span(), _date(m)) for m in _DATE.finditer(text)]
    parts += [(*m.span(), _time(m)) for m in _TIME.finditer(text)]
    days = _WEEKDAY.finditer(text) if parts else ()
    parts += [(*m.span(), {"weekday": _index(_DAYS, m[0])}) for m in days]
    joined: list[tuple[int, int, Fields]] = []
    for start, end, fields in sorted(parts, key=lambda part: part[0]):
        last = joined[-1] if joined else None
        if last and not set(last[2]) & set(fields) and _JOINT.fullmatch(text, last[1], start):
            joined[-1] = (last[0], end, last[2] | fields)
        else:
            joined.append((start, end, fields))
    return tuple((a, b, Moment(**f)) for a, b, f in joined if set(f) != {"weekday"})  # type: ignore[arg-type]


def _date(m: re.Match[str]) -> Fields:
    day, year = m["day"] or m["d1"] or m["d2"], m["year"] or m["y1"] or m["y2"]
    month = int(m["month"]) if m["month"] else _index(_MONTHS, m["m1"] or m["m2"])
    return {"year": int(year) if year else None, "month": month, "day": int(day)}


def _time(m: re.Match[str]) -> Fields:
    if m["noon"]:
        noon = m["noon"].lower() == "noon"
        return {"minute": 720 if noon else 0, "half": "pm" if noon else "am"}
    hour = int(m["h"] or m["h2"] or m["h3"])
    half = {"a": "am", "p": "pm"}.get((m["half"] or m["half2"] or "").lower(), "")
    if m["part"]:
        half = "am" if m["part"].lower() == "morning" else "pm"
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    minute = hour * 60 + int(m["m"] or 0) + Fraction(int(m["s"] or 0), 60)
    return {"minute": minute, "half": half or ("pm" if hour > 12 else "")}


def _index(patterns: list[str], word: str) -> int:
    return next(n for n, p in enumerate(patterns, 1) if re.fullmatch(p, word, re.I))
