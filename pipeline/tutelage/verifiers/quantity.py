"""Reads a number, with its unit, from a short piece of text, exactly.

`$1,234.50`, `1 1/2`, `\\frac{3}{4}`, `50%`, `3 \\times 10^8 m/s`, `-3`, `seven`, `2 dozen` and
`12 apples` are quantities; `3 + 4`, `12 or 13`, `5x` and `2\\pi` are not. Values are fractions, so
nothing is ever rounded. This module does not look for an answer in a message (`extract` does), and
does not know what two quantities have to do with one another beyond `same`.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from tutelage.verifiers.numerals import part_of_one, spelled
from tutelage.verifiers.units import CARDINALS, MEASURES, NO_UNIT, SCALES, canonical

MAX_DIGITS = 400
"""Longest number that is read, in characters; and the largest power of ten in `1e9`."""
ROUNDED_DIGITS = 6
"""Significant digits that a decimal must give to stand for a value with no end of digits."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as somebody wrote it."""

    value: Fraction
    unit: str = ""
    """Canonical where the unit is a known measure (`cm`, `cm^2`), else the words as written."""
    percent: bool = False
    """Written with a percent sign; `value` is then what stood before the sign."""
    places: int = -1
    """Digits after the decimal point; -1 where the number was not written as a decimal."""
    digits: int = 0
    """Significant digits of a decimal."""
    division: bool = False
    """Written as a fraction whose value is a whole number, such as 12/4."""
    scale: str = ""
    """The word that `value` was multiplied by: `dozen`, `million`."""


def plain(text: str) -> str:
    """`text` without what is only dress: LaTeX spacing, dollars, `\\text`, other scripts' digits.

    `$\\dfrac{1}{2}\\text{ cm}$` becomes `\\frac{1}{2} cm`.
    """
    if not text.isascii():
        text = _to_ascii(text)
    text = _BOLD.sub(r"\1", text)
    if "\\" in text or "{,}" in text:
        text = text.replace("\\\\", _ROW)
        for pattern, put in _LATEX:
            text = pattern.sub(put, text)
        text = text.replace(_ROW, "\\\\")
    text = _MATH_DOLLARS.sub(r"\1", text.replace("$$", " "))
    return " ".join(text.split()).lstrip("*_`\"',;: ").rstrip("*_`\"'.,;: ")


def read(text: str) -> Quantity | None:
    """The quantity that `text` is as a whole, or None where it is none."""
    return _read(text) if len(text) <= 4 * MAX_DIGITS else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Quantity | None:
    text = _MINUS.sub("-", _ABOUT.sub("", plain(text)).strip())
    if "\\" in text:
        if repeating := _REPEATING.fullmatch(text):
            return _repeating(*repeating.groups())
        text = _SIGNED_FRACTION.sub(lambda m: _signed(*m.groups()), text)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        found = _words(text.removeprefix("-").strip())
        return replace(found, value=-found.value) if found and text[:1] == "-" else found
    sign = -1 if "-" in (match["sign"] or "") + (match["sign2"] or "") else 1
    number, tail = match["decimal"], match["tail"].strip()
    places, digits, division = -1, 0, False
    if number is not None:
        exponent = int(match["exp"] or match["ten"] or 0) if len(match["exp"] or "") < 6 else 10**6
        if abs(exponent) > MAX_DIGITS or len(number) > MAX_DIGITS:
            return None
        number = number.replace(",", "")
        places = len(number.partition(".")[2]) - exponent
        digits = len(number.replace(".", "").lstrip("0"))
        value = Fraction(number) * Fraction(10) ** exponent
        places = places if "." in number else -1
    else:
        parts = match.groupdict()
        top, low = parts["top"] or parts["ltop"], parts["low"] or parts["llow"]
        top, low = top.replace(",", ""), low.replace(",", "")
        if max(len(top), len(low)) > MAX_DIGITS or not Fraction(low):
            return None
        value = Fraction(top) / Fraction(low)
        whole = parts["whole"] or parts["lwhole"]
        division = whole is None and value.denominator == 1
        value += Fraction(whole or 0)
    extra, used = part_of_one(tail.lower().replace("-", " ").split())
    if used:
        value, tail, places = value + extra, " ".join(tail.replace("-", " ").split()[used:]), -1
    value *= sign
    if tail[:1] == "%" or _PERCENT.match(tail):
        rest = tail[1:] if tail[0] == "%" else _PERCENT.sub("", tail, count=1)
        if rest.strip() and not _UNIT.fullmatch(rest.strip()):
            return None
        return Quantity(value, "", True, places, digits, division)
    scale, word, tail = _scale(tail)
    if tail in ("$", "€", "£", "¥", "₹"):
        tail = "dollars"
    if tail and not _is_unit(tail, glued=match["tail"] == match["tail"].lstrip()):
        return None
    unit = "currency" if match["money"] and not tail else canonical(tail)
    places = -1 if word else places
    return Quantity(value * scale, unit, False, places, digits, division, word)


def same(gold: Quantity, given: Quantity, statement: str = "") -> str:
    """Empty where `given` says what `gold` says, else why not.

    Whole numbers, decimals and fractions compare exactly: `0.33` is not `1/3`, nor `22/7` `3.14`.
    Only a gold with no last digit (`1/3`) may be answered by a decimal, of at least 6 significant
    digits, each right: rounded or cut off at its end. `50%` is `0.5`, and it is also `50`, where
    that is at least 1 or the statement speaks of per cent. Measures that are both known must agree
    (12 m is not 12 cm); a missing unit, or an unknown word, costs nothing. `2 dozen` is 24, and it
    is also 2 where the statement asks "how many dozen".
    """
    if gold.unit in MEASURES and given.unit in MEASURES and gold.unit != given.unit:
        return "the unit differs"
    target = gold.value / 100 if gold.percent else gold.value
    if target == (given.value / 100 if given.percent else given.value):
        return ""
    if gold.percent != given.percent and gold.value == given.value:
        sign_is_a_unit = abs(gold.value) >= 1 or _PERCENT_WORD.search(statement)
        return "" if sign_is_a_unit else "not equal"
    if (
        given.scale
        and gold.value * SCALES[given.scale] == given.value
        and re.search(rf"\bhow many (?:\w+ )?{given.scale}", statement, re.I)
    ):
        return ""
    if given.places >= 0 and not given.percent and not gold.percent and rounds(target, given):
        return ""
    return "not equal"


def rounds(value: Fraction, given: Quantity) -> bool:
    """Whether the decimal `given` is `value`, which has no last digit, rounded or cut off."""
    odd = value.denominator
    for prime in (2, 5):
        while odd % prime == 0:
            odd //= prime
    if odd == 1 or given.digits < ROUNDED_DIGITS or given.places > MAX_DIGITS:
        return False
    scaled = abs(value) * 10**given.places
    cut = scaled.numerator // scaled.denominator
    near = round(scaled)
    return abs(given.value) * 10**given.places in (cut, near) and (given.value < 0) == (value < 0)


def _repeating(sign: str, whole: str, fixed: str, period: str) -> Quantity:
    """`0.1\\overline{6}` is 1/6."""
    digits = Fraction(int(fixed + period) - int(fixed or 0), 10 ** len(fixed))
    value = int(whole or 0) + digits / (10 ** len(period) - 1)
    return Quantity(-value if sign else value)


def _signed(sign: str, top_sign: str, top: str, low_sign: str, low: str) -> str:
    """`\\frac{-7}{4}` and `\\frac{7}{-4}` are `-\\frac{7}{4}`."""
    minus = (sign + top_sign + low_sign).count("-") % 2
    return f"{'-' * minus}\\frac{{{top}}}{{{low}}}"


def _to_ascii(text: str) -> str:
    text = _VULGAR.sub(lambda m: f" {unicodedata.normalize('NFKC', m[0])}", text)
    text = text.translate(_SIGNS)
    return "".join(
        str(unicodedata.decimal(c)) if not c.isascii() and unicodedata.category(c) == "Nd" else c
        for c in text
    )


def _words(text: str) -> Quantity | None:
    """`seven`, `twenty-one apples`, `two thirds`, `a hundred and five`; None for anything else."""
    words = text.replace("-", " ").split()
    if not words or len(words) > 12:
        return None
    number, used = spelled([word.lower() for word in words])
    if not used:
        return None
    tail = " ".join(words[used:])
    if _PERCENT.match(tail):
        return Quantity(number, "", True) if _PERCENT.fullmatch(tail) else None
    scale, word, tail = _scale(tail)
    if tail and not _is_unit(tail, glued=False):
        return None
    return Quantity(number * scale, canonical(tail), scale=word)


def _scale(tail: str) -> tuple[int, str, str]:
    """What a word such as `dozen` multiplies by, that word, and what follows it."""
    head, _, rest = tail.partition(" ")
    word = head.lower() if len(head) > 1 else head
    return (SCALES[word], word, rest.strip()) if word in SCALES else (1, "", tail)


def _is_unit(tail: str, glued: bool) -> bool:
    if canonical(tail) in MEASURES:
        return True
    if not _UNIT.fullmatch(tail):
        return False
    words = re.findall(r"[a-z]+", tail.lower())
    if any(word in NO_UNIT or (word in CARDINALS and word != "one") for word in words):
        return False
    return len(words[0]) > 2 or (len(words[0]) == 2 and not glued)


_ROW = "\x03"
"""Stands for the row break of a LaTeX matrix, while other backslashes are dealt with."""
_BOLD = re.compile(r"(?<!\w)\*\*([^*\n]{1,200})\*\*(?!\w)")
_MATH_DOLLARS = re.compile(r"\$(?!\s)([^$\n]*?[^$\s])\$(?!\d)")
_LATEX = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\\[()\[\]]|\\(?:displaystyle|left|right|limits|quad|qquad)(?![a-zA-Z])", " "),
        (r"\\[!]|\{,\}(?=\d{3})", lambda m: "," if m[0] == "{,}" else ""),
        (r"(?<=\d)\\[,;:](?=\d{3}(?!\d))", ""),
        (r"\\[,;: ]|~", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (
            r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|textrm|operatorname)\s*\{([^{}]*)\}",
            r" \1 ",
        ),
        (r"\s*\^\s*\{?\s*\\circ\s*\}?|\s*\\degrees?(?![a-zA-Z])", " degrees"),
        (r"\\varnothing(?![a-zA-Z])", r"\\emptyset"),
        (r"\\%", "%"),
        (r"\\\$", "$"),
        (r"\\(?:times|cdot)(?![a-zA-Z])", " * "),
    )
)
_VULGAR = re.compile("[¼½¾⅐-⅞]")
_SIGNS = {
    ord(c): put
    for chars, put in (
        ("−–‒﹣－", "-"), ("×⋅·∗", "*"), ("÷⁄∕", "/"), ("\u066b", "."), ("\u066c\uff0c", ","),
        ("\u00a0\u2009\u3000", " "), ("\u202f", ""), ("°", " degrees"), ("％", "%"), ("²", "^2"),
        ("³", "^3"), ("“”", '"'), ("’‘", "'"), ("∞", "\\infty"), ("π", "\\pi"), ("∪", "\\cup"),
        ("≤", "\\le"), ("≥", "\\ge"), ("＝", "="), ("\u200b\ufeff\u2060", ""),
    )
    for c in chars
}  # fmt: skip
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)"
_ABOUT = re.compile(
    r"^(?:≈|~|\\approx|about|approximately|approx\.?|roughly|exactly|just)\s*", re.I
)
_MINUS = re.compile(r"^(?:minus|negative)\s+", re.I)
_QUANTITY = re.compile(
    rf"""(?P<sign>[-+]?)\s?(?P<money>\$|€|£|¥|₹|USD\s|EUR\s|Rs\.?\s)?\s?(?P<sign2>[-+]?)
    (?:(?:(?P<whole>\d+)\s+)?(?P<top>{_DIGITS})\s*/\s*(?P<low>{_DIGITS})(?![\d.,]*\d)
      |(?P<lwhole>\d+)?\s*\\frac\s*\{{\s*(?P<ltop>\d+)\s*\}}\s*\{{\s*(?P<llow>\d+)\s*\}}
      |(?P<decimal>{_DIGITS}(?:\.\d*)?|\.\d+)
       (?:[eE](?P<exp>[-+]?\d+)|\s*\*\s*10\s*(?:\^|\*\*)\s*[{{(]?\s*(?P<ten>[-+]?\d{{1,5}})\s*[}})]?)?)
    (?P<tail>(?![\d.,]*\d).*)""",
    re.VERBOSE,
)
_REPEATING = re.compile(r"(-?)(\d{0,40})\.(\d{0,40})\\(?:overline|bar|dot)\s*\{?(\d{1,40})\}?")
_SIGNED_FRACTION = re.compile(r"^(-?)\s*\\frac\s*\{\s*(-?)\s*(\d+)\s*\}\s*\{\s*(-?)\s*(\d+)\s*\}")
_PERCENT = re.compile(r"per ?cent(?:age)?s?\b|pct\b", re.I)
_PERCENT_WORD = re.compile(r"%|per ?cent", re.I)
_UNIT = re.compile(
    r"/? ?[A-Za-z][A-Za-z.'/-]*(?:\^\{?[23]\}?)?(?: [A-Za-z(][A-Za-z.'/()-]*(?:\^\{?[23]\}?)?){0,7}"
)
