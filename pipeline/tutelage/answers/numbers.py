"""Numbers in a plain text, in figures and in words, with their units.

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
from tutelage.answers.tables import outermost, vocabulary
from tutelage.answers.units import FIRST_WORDS, MONEY, PHRASE, unit
from tutelage.answers.values import Number

MAX_DIGITS = 400
"""Longest number that is read, in characters; and the largest power of ten in `1e9`."""


class NumberSpan(NamedTuple):
    """A number and where it stands."""

    start: int
    end: int
    number: Number
    form: str
    """`figures`, `fraction`, `words`, `ordinal`, `comma` or `compound`."""
    loose: bool = False
    """Words that often are no number: `one`, `a half`."""


_D = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)"
_FIGURE = re.compile(
    rf"""(?=[-+.\d{MONEY}])(?<![\w./^])(?<![A-Za-z]-)(?<!\^[-(])
    (?P<sign>(?<![\w)\]}}!%])(?<![\d)\]}}!%]\s)(?<!\s[a-zA-Z]\s)[-+])?(?P<money>[{MONEY}]\s?(?P<sign2>-)?)?
    (?P<body>{_D}(?:\.\d+)?(?!\d)|\.\d+)
    (?:_\(?(?P<base>[2-9]|[12]\d|3[0-6])\)?(?!\w)
      |(?P<ten>\s?\*\s?10\s?\^\s?\(?(?P<power>[-+]?\d{{1,5}})\)?)
      |[eE](?P<exp>[-+]?\d{{1,5}})(?!\w|\.\d)
      |(?:(?P<space>\s(?:and\s)?)(?P<top>\d+))?\s?/\s?(?P<low>{_D}(?:\.\d+)?)(?![\d/]|\s?/\s?\d)
    )?(?![\d_]|\.\d)""",
    re.X,
)
_DIGIT = re.compile(r"\d")
_COMMA = re.compile(r"(?<![\w.,(\[{<])(-?\d{1,6}),(\d{1,2}|\d{4,})(?![\d)\]}>]|,\d|,?\s\d)")
_AFTER = re.compile(
    rf"(?P<percent>\s?%|\s?per\s?cent(?:age)?\b|\spct\b)"
    rf"|\s?(?P<scale>{'|'.join((*SCALES, *DOZENS))}|k|bn|K(?!\w))\b"
    rf"|(?P<nth>st|nd|rd|th)\b",
    re.I,
)
_UNIT = re.compile(rf"[\s-]?({PHRASE.pattern})(?![\w(^])")
_CHANGING = {*(word.lower() for word in FIRST_WORDS), *SCALES, *DOZENS}
_CHANGING |= {"percent", "percentage", "per", "pct", "bn", "st", "nd", "rd", "th"}
_FOLLOWS = re.compile(rf"\s?[%{MONEY}°]|[\s-]?([A-Za-z]+)")
"""What can change a number or give it a unit: a sign, or one of these words."""
_PART = {"k": 1000, "bn": 10**9, **SCALES, **DOZENS}
_ORDINAL = re.compile(
    rf"\b(?:{'|'.join(w for w in ORDINALS if w != 'second')}"
    r"|(?<!\d\s)(?<!per\s)(?<!each\s)(?<!one\s)(?<!a\s)second(?=\s*[*$]*(?:[.,;!?]|$)|\s+place))\b",
    re.I,
)


def _figures(text: str) -> Iterator[NumberSpan]:
    for m in outermost(_FIGURE.finditer(text), 200):
        if (number := _figure(*m.group(*_READ))) is not None:
            form = "fraction" if m["low"] else "figures"
            span = _measured(text, *m.span(), number, form, (m["money"] or "").strip(" -"))
            if not text[span.end : span.end + 1].isalpha():
                yield span
    for m in _COMMA.finditer(text) if "," in text else ():
        number = Number(Fraction(f"{m[1]}.{m[2]}"), None, False, len(m[2]), len(m[1] + m[2]))
        yield _measured(text, *m.span(), number, "comma", "")


_READ = ("body", "sign", "sign2", "base", "power", "exp", "top", "low")


@lru_cache(maxsize=4096)
def _figure(
    body: str, before: str, within: str, base: str, power: str, exp: str, top: str, low: str
) -> Number | None:
    """The number that the groups of `_FIGURE` say; None where they say none."""
    body = body.replace(",", "")
    sign = -1 if before == "-" or within else 1
    exponent = int(power or exp or 0)
    if len(body) > MAX_DIGITS or abs(exponent) > MAX_DIGITS:
        return None
    if base:
        fits = re.fullmatch(r"0|[1-9]\d*", body) and int(max(body)) < int(base)
        return Number(Fraction(sign * int(body, int(base))), base=int(base)) if fits else None
    if low:
        divisor, dividend = Fraction(low.replace(",", "")), Fraction(top or body)
        if not divisor or (top and ("." in body or dividend >= divisor)):
            return None
        whole, share = Fraction(body) if top else Fraction(0), dividend / divisor
        return Number(sign * (whole + share), quotient=not top and share.denominator == 1)
    value = sign * Fraction(body) * Fraction(10) ** exponent
    if "." not in body:
        return Number(value)
    digits = len(body.replace(".", "").lstrip("0"))
    return Number(value, places=len(body.partition(".")[2]) - exponent, digits=digits)


def _measured(text: str, start: int, end: int, number: Number, form: str, money: str) -> NumberSpan:
    """The number with what stands after it: per cent, a word that multiplies, a unit."""
    follows = _FOLLOWS.match(text, end)
    if not money and (not follows or (follows[1] and follows[1].lower() not in _CHANGING)):
        return NumberSpan(start, end, number, form)
    after = _AFTER.match(text, end)
    if after and after["percent"]:
        return NumberSpan(start, after.end(), replace(number, percent=True), form)
    if after and after["nth"] and number.value.denominator > 1:
        return NumberSpan(start, after.end(), number, form)  # 1/6th
    if after and after["nth"]:
        return NumberSpan(start, after.end(), replace(number, ordinal=True), "ordinal")
    if after and after["scale"]:
        word = after["scale"].lower()
        if len(word) > 1 or not text[end : end + 1].isspace():
            number = replace(number, value=number.value * _PART[word], scale=word, places=-1)
            end = after.end()
    if money:
        return NumberSpan(start, end, replace(number, unit=unit(money)), form)
    tail = _UNIT.match(text, end)
    words = tail[1] if tail else ""
    while tail and words:
        known = unit(words)
        if known and not _is_word(text, words, tail.start(1) + len(words)):
            number = replace(number, unit=known)
            return NumberSpan(start, tail.start(1) + len(words), number, form)
        shorter = re.sub(r"(?:\s?/\s?|\s+per\s+|\s|\s?\*\s?)[^\s/*]*$", "", words)
        words = shorter if shorter != words else ""
    return NumberSpan(start, end, number, form)


def _is_word(text: str, words: str, end: int) -> bool:
    """Whether what looks like a unit is a word there: `5 in a row`, `5 a day`, `6 m + 1`."""
    if words in ("in", "a", "A", "s", "I", "L", "t") and re.match(
        r"\s+[a-z\d]", text[end : end + 4]
    ):
        return True
    return len(words) == 1 and bool(re.match(r"\s?[-+*/^=(]\s?[\w(]", text[end : end + 4]))


def _compounds(text: str, spans: list[NumberSpan]) -> list[NumberSpan]:
    """`2 kg 300 g`, `3 hours and 30 minutes`, `5 feet 6 inches` as one."""
    runs: list[list[NumberSpan]] = []
    for span in spans:
        if runs and _goes_on(text, runs[-1][-1], span):
            runs[-1].append(span)
        else:
            runs.append([span])
    return [_summed(run) for run in runs if len(run) > 1]


_JOINT = re.compile(r"[\s.]*(?:,\s*)?(?:and\s+)?")


def _goes_on(text: str, left: NumberSpan, right: NumberSpan) -> bool:
    gap, large, small = text[left.end : right.start], left.number.unit, right.number.unit
    if large is None or small is None or not _JOINT.fullmatch(gap) or right.number.value < 0:
        return False
    same = large.kind == small.kind or (large.name, small.name) == ("euro", "cent")
    if same and large.kind == small.kind and right.number.value * small.size >= large.size:
        return False  # 2 hours 80 minutes
    return same and large.size > small.size > 0 and "ordinal" not in (left.form, right.form)


def _summed(run: list[NumberSpan]) -> NumberSpan:
    sizes = [span.number.unit.size for span in run if span.number.unit]
    total = sum(abs(s.number.value) * size for s, size in zip(run, sizes, strict=True)) / sizes[0]
    sign = -1 if run[0].number.value < 0 else 1
    number = replace(run[0].number, value=sign * total, compound=True, places=-1, digits=0)
    return NumberSpan(run[0].start, run[-1].end, number, "compound")


_NEGATIVE = re.compile(r"\b(minus|negative)\s+$", re.I)
_FROM = re.compile(r"[\w)]\s*$")
_NOT_FROM = re.compile(r"\b(?:is|be|was|to|of|equals|get|x)\s*$", re.I)
_OUT_OF = re.compile(r"\s+(?:out\s+of|in)\s+(?:a\s+|the\s+)?", re.I)


def _signed(text: str, span: NumberSpan) -> NumberSpan:
    """`negative 5`, and `minus 5` where nothing stands before that it could be taken from."""
    m = _NEGATIVE.search(text, max(0, span.start - 14), span.start)
    before = text[: m.start()] if m else ""
    if not m or span.number.value < 0 or (_FROM.search(before) and not _NOT_FROM.search(before)):
        return span
    number = replace(span.number, value=-span.number.value)
    return span._replace(start=m.start(1), number=number)


def _ratios(text: str, spans: list[NumberSpan]) -> list[NumberSpan]:
    """`3 out of 8` and `one in six` as fractions."""
    kept: list[NumberSpan] = []
    for span in spans:
        left = kept[-1] if kept else None
        gap = text[left.end : span.start] if left else ""
        if left and _OUT_OF.fullmatch(gap) and span.number.value > left.number.value > 0:
            ends = re.match(r"\s*(?:[.,;!?)]|$|chance)", text[span.end : span.end + 9])
            in_year = 1500 < span.number.value < 2100 and left.number.value > 1  # 18 in 2030
            bare = not (span.number.unit or left.number.unit or in_year)
            if "out" in gap or (ends and bare):
                value = left.number.value / span.number.value
                kept[-1] = NumberSpan(left.start, span.end, Number(value), "fraction")
                continue
        kept.append(span)
    return kept


def numbers(text: str, parts: bool = False) -> tuple[NumberSpan, ...]:
    """Every number in `text`, which is plain, in order; compound ones in place of their parts.

    With `parts` the parts stay beside the whole.
    """
    spans, compounds = _numbers(text)
    if not compounds:
        return spans
    for whole in () if parts else compounds:
        spans = tuple(s for s in spans if not whole.start <= s.start < whole.end)
    return tuple(sorted((*spans, *compounds)))


@lru_cache(maxsize=4096)
def _numbers(text: str) -> tuple[tuple[NumberSpan, ...], tuple[NumberSpan, ...]]:
    """The numbers, and the compound ones of which they are parts."""
    spans = list(_figures(text)) if _DIGIT.search(text) else []

    def is_free(start: int, end: int) -> bool:
        return not any(s.start < end and start < s.end for s in spans)

    for start, end, value, loose in numerals(text):
        if is_free(start, end):
            span = _measured(text, start, end, Number(value), "words", "")
            spans.append(span._replace(loose=loose and not span.number.unit))
    for m in _ORDINAL.finditer(text) if not vocabulary(text).isdisjoint(ORDINALS) else ():
        if is_free(*m.span()):
            number = Number(Fraction(ORDINALS[m[0].lower()]), ordinal=True)
            spans.append(NumberSpan(*m.span(), number, "ordinal"))
    if spans and ("minus" in text or "egative" in text or "Minus" in text):
        spans = [_signed(text, span) for span in spans]
    if len(spans) < 2:
        return tuple(spans), ()
    spans.sort(key=lambda span: (span.start, -span.end))
    if " in " in text or " of " in text:
        spans = _ratios(text, spans)
    measured = any(span.number.unit for span in spans[:-1])
    return tuple(sorted(spans)), tuple(_compounds(text, spans)) if measured else ()
