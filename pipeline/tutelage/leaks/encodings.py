"""Answers that stand in a message in another shape: digit by digit, reversed, or in another code.

Rules find the cheap ways only. They do not find riddles ("the only even prime"), other languages
("quarante-deux"), acrostics, or an answer spread over several messages.
"""

import base64
import codecs
import re
from fractions import Fraction
from functools import lru_cache

from tutelage.answers.numbers import numbers
from tutelage.answers.numerals import ONES
from tutelage.answers.tables import outermost
from tutelage.leaks.first_look import Amounts

_PLACES = {"one": 1, "unit": 1, "ten": 10, "hundred": 100, "thousand": 1000}
_NAMES = r"(ones?|units?|tens?|hundreds?|thousands?)\b"
_PLACE = re.compile(
    rf"^\s*(?:(?:is\s+|goes\s+|stands\s+)?(?:in|at|for|as)\s+the\s+)?{_NAMES}", re.I
)
_OF_PLACE = re.compile(
    rf"\b{_NAMES}\s*(?:digit|place|column)?\s*(?:is|=|:|holds|has)\s*(?:an?\s+)?$", re.I
)
_DIGITS = re.compile(
    r"\bdigits?\b|\bfollowed by\b|\b(?:starts?|begins?) with\b.*\bends? (?:in|with)\b|\bthen an?\b",
    re.I,
)
_REVERSED = re.compile(
    r"\b(?:revers|backward|right to left|from the (?:right|back|end)|back to front|mirror|swap)",
    re.I,
)
_DIGIT = "|".join(ONES[:10])
_HINTS = (
    "digit", "followed by", "with", "then a", "revers", "backward", "right to left", "from the ",
    "mirror", "swap", "back to", "ones", "units", "tens", "hundreds", "thousands",
)  # fmt: skip
"""What a text has, in small letters, that tells a number so, but for one digit after another."""
_SPACED = re.compile(r"(?<![\w.,-])\d(?:[ _|-]\d)+(?![\w]|[.,]\d|\s?[-+*/=])")
_WORDED = re.compile(
    rf"(?:^|[:=]|\b(?:is|was|digits?))\W*\b((?:{_DIGIT})(?:[ -](?:{_DIGIT}))+)\b", re.I
)
_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
_BASED = (
    (16, r"\b0x([0-9a-f]+)\b|\b([0-9a-f]{1,12})\b\W{0,3}(?:in\s+)?(?:hex|base[\s-]?16|base\s+sixteen)"
         r"|\bhex\w*\b[^.\n\d]{0,20}?\b([0-9a-f]*\d[0-9a-f]*)\b"),
    (2, r"\b0b([01]+)\b|\b([01]{2,40})\b[^.\n]{0,20}?\b(?:binary|base[\s-]?2\b|base\s+two)"
        r"|\b(?:binary|base[\s-]?2|base\s+two)\b[^.\n\d]{0,20}\b([01]{2,40})\b"),
)  # fmt: skip
_BASE = re.compile("0x|0b|hex|binary|base")
_BASES = [(base, re.compile(pattern, re.I)) for base, pattern in _BASED]
_ENDS = re.compile(
    r"\b(?:begins?|starts?)\s+with\W{1,3}(\w+)\W[^.\n]{0,30}?\bends?\s+(?:with|in)\W{1,3}(\w+)"
    r"|\bends?\s+(?:with|in)\W{1,3}(\w+)\W[^.\n]{0,30}?\b(?:begins?|starts?)\s+with\W{1,3}(\w+)",
    re.I,
)
_SPELLED = re.compile(r"\b[a-zA-Z]\b(?:(?:[\s.,_-]{1,3}|\s-\s)[a-zA-Z]\b){2,}")


def in_digits(text: str, number: int, named: Amounts) -> str:
    """How `text`, which names these numbers, tells one of two or more digits: by places, one after
    another, or reversed.

    `four tens and two ones`, `a 4 followed by a 2`, `24 read backwards`, `4 2`.
    """
    wanted = str(number)
    if not wanted.isdigit() or len(wanted) < 2:
        return ""
    lower = text.lower()
    if not named.issuperset(map(float, wanted)) and not any(hint in lower for hint in _HINTS):
        return ""
    spaced = [re.sub(r"\D", "", m[0]) for m in _SPACED.finditer(text)]
    worded = [re.split("[ -]", m[1].lower()) for m in _WORDED.finditer(text)]
    spaced += ["".join(str(ONES.index(word)) for word in words) for words in worded]
    if wanted in spaced:
        return f"{wanted}, digit by digit"
    spans = [s for s in numbers(text)[:100] if s.number.value.denominator == 1]
    spans = [s for s in spans if not s.number.ordinal]
    total, parts = Fraction(0), 0
    for span in spans:
        before, after = text[max(0, span.start - 40) : span.start], text[span.end : span.end + 40]
        if place := _PLACE.match(after) or _OF_PLACE.search(before):
            total += span.number.value * _PLACES[place[1].lower().removesuffix("s")]
            parts += 1 + (span.number.value > 9)
    if parts >= 2 and total == number:
        return f"{wanted}, place by place"
    digits = "".join(str(s.number.value) if 0 <= s.number.value <= 9 else " " for s in spans)
    if _DIGITS.search(text) and wanted in digits.split():
        return f"{wanted}, digit by digit"
    if _REVERSED.search(text) and any(str(s.number.value) == wanted[::-1] for s in spans):
        return f"{wanted[::-1]}, reversed"
    return ""


@lru_cache(maxsize=1024)
def roman(number: Fraction) -> str:
    """A number in Roman letters: 42 is `XLII`; empty where that is no number or a single letter."""
    letters, rest = "", int(number) if number.denominator == 1 and 4 <= number < 4000 else 0
    for value, sign in _ROMAN:
        letters += sign * (rest // value)
        rest %= value
    return letters if len(letters) > 1 else ""


@lru_cache(maxsize=1024)
def codes(text: str) -> tuple[str, ...]:
    """`text` reversed, in ROT13, in base64, as hex bytes; short ones would be found by chance."""
    raw, lower = text.encode("utf-8", "replace"), text.lower()
    codes = []
    if len(text) >= 4 and text.isascii() and text.replace(" ", "").isalpha():
        codes += [codecs.encode(lower, "rot13")] + [lower[::-1]] * (lower[::-1] != lower)
    codes += [base64.b64encode(raw).decode().rstrip("=")] if len(raw) >= 2 else []
    return (*codes, *([raw.hex(), raw.hex(" ")] if len(raw) >= 3 else []))


@lru_cache(maxsize=1024)
def _letters(text: str) -> str:
    letters = re.sub(r"[\W_]", "", text).lower()
    return letters if len(letters) >= 3 and not letters.isdigit() else ""


def disguised(message: str, text: str, number: Fraction | None) -> str:
    """The answer in another code, as it stands in the message; empty where it does not."""
    lower = message.lower()
    for code in codes(text):
        # Base64 alone minds the case.
        at = (lower if code.islower() else message).find(code)
        edges = lower[max(0, at - 1) : at] + lower[at + len(code) :][:1]
        if at >= 0 and not any(edge.isalnum() for edge in edges):
            return code
    if letters := _letters(text):
        for m in outermost(_ENDS.finditer(message), 20) if "end" in lower else ():
            first, last = (m[1] or m[4]).lower(), (m[2] or m[3]).lower()
            covers = letters.startswith(first) and letters.endswith(last)
            if covers and len(first + last) >= len(letters):
                return m[0]
        for m in outermost(_SPELLED.finditer(message)):
            if letters in re.sub(r"[\W_]", "", m[0]).lower():
                return m[0]
    if number is None:
        return ""
    letters = roman(number)
    if letters and letters in message and re.search(rf"\b{letters}\b", message):
        return letters
    if _BASE.search(lower) and number.denominator == 1 and 0 <= number < 10**9:
        for base, pattern in _BASES:
            for m in outermost(pattern.finditer(message)):
                digits = next(filter(None, m.groups()))
                if len(digits) < 40 and int(digits, base) == number:
                    return m[0]
    return ""
