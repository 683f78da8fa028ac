"""Numbers in words: `forty-two`, `a hundred`, `two thirds`, `one and a half`, `three point five`.

English only. `numerals` finds them in a text; words that only may be numbers (`one` alone, `a
half`) come out where something is counted with them. Ordinals are not numbers here.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from tutelage.answers.tables import words

_UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
CARDINALS = {word: number for number, word in enumerate(_UNITS.split())} | {
    word: 10 * number for number, word in enumerate(_TENS.split(), start=2)
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
DOZENS = {"dozen": 12, "dozens": 12, "score": 20}
_LARGE = SCALES | {"dozen": 12}
_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
ORDINALS = {word: number for number, word in enumerate(_ORDINALS.split(), start=1)}
_PARTS = {w: n for w, n in ORDINALS.items() if n > 2} | {
    "half": 2,
    "quarter": 4,
    "hundredth": 100,
    "thousandth": 1000,
}
PARTS = _PARTS | {f"{word}s": number for word, number in _PARTS.items()} | {"halves": 2}
_WORD = "|".join(sorted({*CARDINALS, *SCALES, *DOZENS, *PARTS}, key=len, reverse=True))
_RUN = re.compile(
    rf"\b(?:an?\s+(?=half|hundred|thousand|million|billion|dozen|score|quarter"
    rf"|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth))?(?:{_WORD})\b"
    rf"(?:(?:\s*-\s*|\s+)(?:(?:and|point|of|an?)(?:\s+|-))*(?:{_WORD})\b)*",
    re.IGNORECASE,
)
QUICK = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twel|teen|twent|thirt|fort|fift"
    r"|hund|thous|million|billion|trillion|dozen|half|halves|quarter|third|score)", re.I
)  # fmt: skip
"""Whether a text may hold any at all."""

Found = tuple[int, int, Fraction, bool]


def numerals(text: str) -> Iterator[Found]:
    """Start, end and value of each number in words, and whether `loose`: `one`, `a half`, alone."""
    if not QUICK.search(text):
        return
    for run in _RUN.finditer(text):
        tokens = [(m.start(), m.end(), m[0].lower()) for m in re.finditer(r"[A-Za-z]+", run[0])]
        at = 0
        while at < len(tokens):
            start = tokens[at][0]
            value, used = spelled([word for _, _, word in tokens[at : at + 14]])
            if not used:
                at += 1
                continue
            words = [word for _, _, word in tokens[at : at + used]]
            end = run.start() + tokens[at + used - 1][1]
            loose = words in (["one"], ["half"], ["quarter"]) or (
                words[0] in ("a", "an") and len(words) == 2 and value < 1
            )
            counts = words != ["one"] or _counts(text, run.start() + start, end)
            if counts and (words[-1] not in ORDINALS or value.denominator > 1):
                yield run.start() + start, end, value, loose
            at += used


def spelled(words: Sequence[str]) -> tuple[Fraction, int]:
    """The number that `words`, in small letters, begin with, and how many of them it takes; or 0,
    0."""
    value, used = _mantissa(words)
    if not used:
        return Fraction(0), 0
    rest = words[used:]
    if (
        rest
        and value < 1000
        and rest[0] in _LARGE
        and (value.denominator > 1 or rest[0] == "dozen")
    ):
        return value * _LARGE[rest[0]], used + 1
    if rest[:1] == ["of"] or rest[:1] == ["a"]:
        more = rest[1:] if rest[1:2] != ["a"] else rest[2:]
        skipped = len(rest) - len(more)
        if value.denominator > 1 and more and more[0] in _LARGE:
            return value * _LARGE[more[0]], used + skipped + 1
    return value, used


def _mantissa(words: Sequence[str]) -> tuple[Fraction, int]:
    first = words[0]
    follows = words[1] if len(words) > 1 else ""
    if first in ("a", "an"):
        if follows in PARTS:
            return Fraction(1, PARTS[follows]), 2
        if follows in _LARGE:
            value, used = _whole(["one", *words[1:]])
            return (Fraction(value), used) if follows != "dozen" else (Fraction(12), 2)
        return Fraction(0), 0
    if first == "half":
        return Fraction(1, 2), 1
    if first in _LARGE:
        value, used = _whole(["one", *words])
        return (Fraction(12), 1) if first == "dozen" else (Fraction(value), max(used - 1, 1))
    value, used = _whole(words)
    if not used:
        return Fraction(0), 0
    number, rest = Fraction(value), words[used:]
    if rest[:1] == ["point"]:
        digits = ""
        for word in rest[1:]:
            if CARDINALS.get(word, 10) > 9:
                break
            digits += str(CARDINALS[word])
        if digits:
            return Fraction(f"{value}.{digits}"), used + 1 + len(digits)
    if rest and rest[0] in PARTS and (value > 1) is rest[0].endswith(("s", "ves")):
        return number / PARTS[rest[0]], used + 1
    if len(rest) > 2 and rest[0] == "and":
        above = 1 if rest[1] in ("a", "an") else CARDINALS.get(rest[1], 0)
        if above and rest[2] in PARTS:
            return number + Fraction(above, PARTS[rest[2]]), used + 3
    return number, used


def _whole(words: Sequence[str]) -> tuple[int, int]:
    """`two hundred and five` gives 205 and 4; `nineteen forty-five` 1945 and 3."""
    total, group, used = 0, 0, 0
    if words[0] not in CARDINALS:
        return 0, 0
    for at, word in enumerate(words):
        if word in CARDINALS:
            number = CARDINALS[word]
            if group % 100 and not (number < 10 and group % 100 >= 20 and group % 10 == 0):
                year = used == at == 1 and 10 <= group < 100 and number >= 10
                if not year:
                    break
                group *= 100
            elif used and group == 0 and not total:
                break
            group += number
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in SCALES and word != "hundred" and group:
            total, group = total + group * SCALES[word], 0
        elif word in SCALES and total and word != "hundred" and not group:
            total *= SCALES[word]
        elif not (word == "and" and _joins(words, at)):
            break
        if word != "and":
            used = at + 1
    return total + group, used


def _joins(words: Sequence[str], at: int) -> bool:
    after = words[at + 1] if len(words) > at + 1 else ""
    return words[at - 1] in ("hundred", "thousand") and after in CARDINALS


def _counts(text: str, start: int, end: int) -> bool:
    """Whether `one` counts things there, or is given as a number, and does not stand for one."""
    follows = re.match(r"[\s-]*([A-Za-z]*)", text[end : end + 30])
    word = follows[1].lower() if follows else ""
    if _NO_NUMBER.search(text[max(0, start - 14) : start]):
        return False
    if _WORKED.search(text[max(0, start - 14) : start]) or re.match(
        _AND_MORE, text[end : end + 24], re.I
    ):
        return True
    return (word not in _NO_NOUN) if word else bool(_GIVEN.search(text[max(0, start - 14) : start]))


_NO_NOUN = words(
    """of is was that who which can must may more in on at by or and to for has with after before
    digit thing way step at then"""
)
_NO_NUMBER = re.compile(
    r"\b(?:another|th[ei]s|that|no|any|the|other|which|each|every|right|wrong|correct|your)[\s-]+$",
    re.I,
)
_WORKED = re.compile(
    r"\b(?:add|subtract|plus|minus|times|by|than|deduct)\s+(?:just |only )?$", re.I
)
_AND_MORE = rf"\s+(?:and|or|in|out of)\s+(?:{'|'.join(CARDINALS)}|\d)"
_GIVEN = re.compile(
    r"(?:\b(?:is|get|equals?|minus|negative|makes?|leaves?|and|to|than|by)|=)\s+$|^\W*$", re.I
)
