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
    ("b", r"0b|binary|base[\s-]?(?:2\b|two)"),
    ("x", r"0x|\bhex|base[\s-]?(?:16|sixteen)"),
)


def roman(number: int) -> str:
    """A number in Roman letters: 42 is `XLII`; empty where that is no number or a single letter."""
    letters, rest = "", number if 4 <= number < 4000 else 0
    for value, sign in _ROMAN:
        letters += sign * (rest // value)
        rest %= value
    return letters if len(letters) > 1 else ""


@lru_cache(maxsize=1024)
def _codes(text: str, whole: str) -> list[tuple[str, str, str]]:
    """`text`, or the whole number that it is, in each code: what a message in small letters has of it,
    the pattern that finds it, and one that must be found, too. Short codes would be found by chance."""
    raw, lower, number = text.encode("utf-8", "replace"), text.lower(), int(whole or 0)
    letters = re.sub(r"[\W_]", "", lower)
    exactly = [base64.b64encode(raw).decode().rstrip("=")] * (len(raw) >= 2)
    exactly += [roman(number)] * (roman(number) != "")
    folded = [raw.hex(), raw.hex(" ")] * (len(raw) >= 3)
    if len(text) >= 4 and text.isascii() and text.replace(" ", "").isalpha():
        folded += [codecs.encode(lower, "rot13")] + [lower[::-1]] * (lower[::-1] != lower)
    codes = [(code.lower(), re.escape(code), "") for code in exactly]
    codes += [(code, f"(?i:{re.escape(code)})", "") for code in folded]
    if 1 < number < 10**9:
        digits = [(base, f"{number:{base}}", named) for base, named in _BASES]
        codes += [(own, f"(?i:(?:0{base})?0*{own})", named) for base, own, named in digits]
    if len(letters) >= 3 and not letters.isdigit():
        spelled = r"(?i:" + r"[\s.,_-]{1,3}".join(letters) + ")"
        codes += [(letters[0] + mark, spelled, "") for mark in " \n\t.,_-"]
    return codes


def in_code(case: Case) -> Leak:
    """The gold reversed, spelled letter by letter, in Roman numerals, or encoded."""
    answer, message = case.answer, case.raw
    if len(answer.text) > 60:
        return CLEAN
    lower = message.lower()
    for part, pattern, named in _codes(answer.text, case.answer.whole):
        if part in lower:
            m = re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", message)
            if m and re.search(named, message, re.I):
                return Leak("hidden", evidence=m[0])
    return CLEAN
