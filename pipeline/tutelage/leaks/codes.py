"""Golds in another code: reversed, spelled letter by letter, in ROT13, base64, hex, binary or Roman.

Rules find the cheap ways only. They do not find riddles ("the only even prime"), other languages
("quarante-deux"), acrostics, or an answer spread over several messages.
"""

import base64
import codecs
import re
from functools import lru_cache

from tutelage.leaks.case import CLEAN, Case
from tutelage.records import Leak

_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
_BASES = (
    ("b", re.compile(r"0b|binary|base[\s-]?(?:2\b|two)", re.I)),
    ("x", re.compile(r"0x|\bhex|base[\s-]?(?:16|sixteen)", re.I)),
)
_BEGINS = re.compile(r"\b(?:begins?|starts?)\s+with\W{1,3}(\w+)", re.I)
_ENDS = re.compile(r"\bends?\s+(?:with|in)\W{1,3}(\w+)", re.I)


def roman(number: int) -> str:
    """A number in Roman letters: 42 is `XLII`; empty where that is no number or a single letter."""
    letters, rest = "", number if 4 <= number < 4000 else 0
    for value, sign in _ROMAN:
        letters += sign * (rest // value)
        rest %= value
    return letters if len(letters) > 1 else ""


@lru_cache(maxsize=1024)
def _codes(text: str, whole: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """What a message has in small letters that holds `text`, or the whole number that it is, in any
    code; and the pattern that finds it. Short codes would be found by chance."""
    raw, lower, number = text.encode("utf-8", "replace"), text.lower(), int(whole or 0)
    letters = re.sub(r"[\W_]", "", lower)
    codes, minding_case = [], []
    if len(text) >= 4 and text.isascii() and text.replace(" ", "").isalpha():
        codes += [codecs.encode(lower, "rot13")] + [lower[::-1]] * (lower[::-1] != lower)
    codes += [raw.hex(), raw.hex(" ")] if len(raw) >= 3 else []
    minding_case += [base64.b64encode(raw).decode().rstrip("=")] if len(raw) >= 2 else []
    minding_case += [roman(number)] if roman(number) else []
    patterns = [*map(re.escape, minding_case), *(f"(?i:{re.escape(code)})" for code in codes)]
    if 1 < number < 10**9:
        for base, _ in _BASES:
            codes.append(f"{number:{base}}")
            patterns.append(f"(?P<{base}>(?i:(?:0{base})?0*{codes[-1]}))")
    if len(letters) >= 3 and not letters.isdigit():
        codes += [letters[0] + mark for mark in " \n\t.,_-"]
        patterns.append(r"(?i:" + r"[\s.,_-]{1,3}".join(letters) + ")")
    pattern = rf"(?<![^\W_])(?:{'|'.join(patterns) or '(?!)'})(?![^\W_])"
    return tuple(code.lower() for code in (*minding_case, *codes)), re.compile(pattern)


def in_code(case: Case) -> Leak:
    """The gold reversed, spelled letter by letter, in Roman numerals, or encoded."""
    answer, message = case.answer, case.raw
    if len(answer.text) > 60:
        return CLEAN
    codes, pattern = _codes(answer.text, case.sought.whole)
    lower = message.lower()
    for m in pattern.finditer(message) if [code for code in codes if code in lower] else ():
        if all(m.groupdict().get(base) is None or named.search(message) for base, named in _BASES):
            return Leak("hidden", evidence=m[0])
    last = _ENDS.search(message) if "end" in message else None
    first = _BEGINS.search(message) if last else None
    if first and last:
        letters = re.sub(r"[\W_]", "", answer.text).lower()
        begin, end = first[1].lower(), last[1].lower()
        covers = letters.startswith(begin) and letters.endswith(end)
        if covers and len(begin + end) >= len(letters) >= 3 and not letters.isdigit():
            return Leak("hidden", evidence=message[:60])
    return CLEAN
