"""Answers that stand in a message in another shape: digit by digit, reversed, or in another code.

Rules find the cheap ways only. They do not find riddles ("the only even prime"), other languages
("quarante-deux"), acrostics, or an answer spread over several messages.
"""

import base64
import codecs
import re
from fractions import Fraction
from functools import lru_cache

from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import Number, mentions

_PLACES = {"one": 1, "unit": 1, "ten": 10, "hundred": 100, "thousand": 1000}
_NAMES = r"(ones?|units?|tens?|hundreds?|thousands?)\b"
_PLACE = re.compile(
    rf"^\s*(?:(?:is\s+|goes\s+|stands\s+)?(?:in|at|for|as)\s+the\s+)?{_NAMES}", re.I
)
_OF_PLACE = re.compile(
    rf"\b{_NAMES}\s*(?:digit|place|column)?\s*(?:is|=|:|holds|has)\s*(?:an?\s+)?$", re.I
)
_TELLTALE = re.compile(
    r"\b(?=[odrstuhfbem])(?:ones?|units?|tens?|hundreds?|thousands?|digits?|followed by|"
    r"(?:starts?|begins?) with|ends? (?:in|with)|then an?|revers\w*|backwards?|mirror\w*|swap\w*|"
    r"right to left|from the|back to front)\b"
)
_DASHES = str.maketrans("", "", "-,_ .|")
_DIGITS = re.compile(
    r"\bdigits?\b|\bfollowed by\b|\b(?:starts?|begins?) with\b.*\bends? (?:in|with)\b|\bthen an?\b",
    re.IGNORECASE,
)
_REVERSED = re.compile(
    r"revers|backward|right to left|from the (?:right|back|end)|back to front|mirror|swap",
    re.IGNORECASE,
)


def in_digits(text: str, number: int) -> str:
    """How `text` tells a number of two or more digits: by places, one after another, or reversed.

    `four tens and two ones`, `a 4 followed by a 2`, `24 read backwards`.
    """
    wanted = str(number)
    if not wanted.isdigit() or len(wanted) < 2:
        return ""
    if text.strip(" .!*").translate(_DASHES) == wanted:
        return f"{wanted}, digit by digit"
    if not _TELLTALE.search(text.lower()):
        return ""
    found = outermost(mention for mention in mentions(text) if isinstance(mention.value, int))
    total = parts = 0
    for mention in found:
        before, after = (
            text[max(0, mention.start - 40) : mention.start],
            text[mention.end : mention.end + 40],
        )
        place = _PLACE.match(after) or _OF_PLACE.search(before)
        if place:
            total += int(mention.value) * _PLACES[place[1].lower().removesuffix("s")]
            parts += 1 + (mention.value > 9)
    # One part is enough in "15 tens", which stands for nothing but the number.
    if parts >= 2 and total == number:
        return f"{wanted}, place by place"
    if _DIGITS.search(text):
        digits = [str(m.value) for m in found if m.form != "spaced" and 0 <= m.value <= 9]
        for start in range(len(digits) - len(wanted) + 1):
            if "".join(digits[start : start + len(wanted)]) == wanted:
                return f"{wanted}, digit by digit"
    if _REVERSED.search(text) and any(str(mention.value) == wanted[::-1] for mention in found):
        return f"{wanted[::-1]}, reversed"
    return ""


_OVER = re.compile(
    r"\bnumerator\s*(?:is|=|of|:)?\s*(\d+)\b[^.!?]{0,40}\bdenominator\s*(?:is|=|of|:)?\s*(\d+)\b",
    re.IGNORECASE,
)


def as_quotient(text: str, number: Number) -> str:
    """A fraction told as its two numbers: `the numerator is 3 and the denominator is 8`."""
    for found in outermost(_OVER.finditer(text)):
        if int(found[2]) and Fraction(int(found[1]), int(found[2])) == number:
            return found[0]
    return ""


_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)


def roman(number: int) -> str:
    """A number in Roman letters: 42 is `XLII`."""
    letters = ""
    for value, sign in _ROMAN:
        letters += sign * (number // value)
        number %= value
    return letters


_BASE = re.compile(
    r"\b0[xX]([0-9a-fA-F]+)\b|\b0[bB]([01]+)\b"
    r"|\b([0-9a-fA-F]{1,12})\b\W{0,3}(?:in\s+)?(?:hex|base[\s-]?16|base\s+sixteen)"
    r"|\b([01]{2,40})\b[^.\n]{0,20}?\b(?:binary|base[\s-]?2\b|base\s+two)"
    r"|\b(?:binary|base[\s-]?2|base\s+two)\b[^.\n\d]{0,20}\b([01]{2,40})\b"
    r"|\bhex\w*\b[^.\n\d]{0,20}?\b([0-9a-fA-F]*\d[0-9a-fA-F]*)\b",
    re.IGNORECASE,
)
_BASES = (16, 2, 16, 2, 2, 16)
_ENDS = re.compile(
    r"\b(?:begins?|starts?)\s+with\W{1,3}(\w+)\W[^.\n]{0,30}?\bends?\s+(?:with|in)\W{1,3}(\w+)"
    r"|\bends?\s+(?:with|in)\W{1,3}(\w+)\W[^.\n]{0,30}?\b(?:begins?|starts?)\s+with\W{1,3}(\w+)",
    re.IGNORECASE,
)
_SPELLED = re.compile(r"\b[a-zA-Z]\b(?:(?:[\s.,_-]{1,3}|\s-\s)[a-zA-Z]\b){2,}")


def _in_base(message: str, number: int) -> str:
    """Hexadecimal and binary, where the base is named or marked."""
    for found in outermost(_BASE.finditer(message)):
        for digits, base in zip(found.groups(), _BASES, strict=True):
            if digits and len(digits) < 40 and int(digits, base) == number:
                return found[0]
    return ""


@lru_cache(maxsize=1024)
def _codes(text: str) -> tuple[str, ...]:
    """`text` reversed, in ROT13, in base64 and as hex bytes; short ones would be found by chance."""
    raw = text.encode("utf-8", "replace")
    codes = []
    if len(text) >= 4 and text.isascii() and text.replace(" ", "").isalpha():
        lower = text.lower()
        codes += [codecs.encode(lower, "rot13")] + [lower[::-1]] * (lower[::-1] != lower)
    if len(raw) >= 2:
        codes.append(base64.b64encode(raw).decode().rstrip("="))
    if len(raw) >= 3:
        codes += [raw.hex(), raw.hex(" ")]
    return tuple(codes)


def disguised(message: str, text: str, number: Number | None) -> str:
    """The answer in another code, as it stands in the message; empty where it does not."""
    lower = message.lower()
    for code in _codes(text):
        # Base64 alone minds the case.
        at = (lower if code.islower() else message).find(code)
        edges = lower[max(0, at - 1) : max(0, at)] + lower[at + len(code) :][:1]
        if at >= 0 and not any(edge.isalnum() for edge in edges):
            return code
    letters = re.sub(r"[\W_]", "", text).lower()
    if len(letters) >= 3:
        for found in outermost(_ENDS.finditer(message)):
            first, last = (found[1] or found[4]).lower(), (found[2] or found[3]).lower()
            covers = letters.startswith(first) and letters.endswith(last)
            if covers and len(first + last) >= len(letters):
                return found[0]
        for found in outermost(_SPELLED.finditer(message)):
            if letters in re.sub(r"[\W_]", "", found[0]).lower():
                return found[0]
    if number is None or number != int(number) or not 0 <= number < 10**9:
        return ""
    whole = int(number)
    if 4 <= whole < 4000 and len(roman(whole)) >= 2:
        found_roman = re.search(r"\b[MDCLXVI]{2,15}\b", message)
        if found_roman and found_roman[0] == roman(whole):
            return found_roman[0]
    marked = any(mark in lower for mark in ("0x", "0b", "hex", "binary", "base"))
    return _in_base(message, whole) if marked else ""
