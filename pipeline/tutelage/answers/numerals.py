"""Numbers in words: `forty-two`, `a hundred`, `two thirds`, `one and a half`, `three point five`.

English only. `numerals` finds them in a text; words that only may be numbers (`one` alone, `a
half`) come out where something is counted with them. Ordinals are not numbers here.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import takewhile

from tutelage.answers.tables import listed, vocabulary, words

ONES = listed("ones")
CARDINALS = {word: number for number, word in enumerate(ONES)} | {
    word: 10 * number for number, word in enumerate(listed("tens"), start=2)
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
DOZENS = {"dozen": 12, "dozens": 12, "score": 20}
_LARGE = SCALES | {"dozen": 12}
ORDINALS = {word: number for number, word in enumerate(listed("ordinals"), start=1)}
_PARTS = {word: number for word, number in ORDINALS.items() if number > 2}
_PARTS |= {"half": 2, "quarter": 4, "hundredth": 100, "thousandth": 1000}
PARTS = _PARTS | {f"{word}s": number for word, number in _PARTS.items()} | {"halves": 2}
_RUN = re.compile(r"[a-z]+(?:[\s-]+[a-z]+)*")
NUMERALS = frozenset({*CARDINALS, *SCALES, *DOZENS, *PARTS})
"""The words of which every number in words has one."""
_BEGINS = NUMERALS | {"a", "an"}


def numerals(text: str) -> Iterator[tuple[int, int, Fraction, bool]]:
    """Start, end and value of each number in words, and whether `loose`: `one`, `a half`, alone."""
    for run in _RUN.finditer(text.lower()) if not NUMERALS.isdisjoint(vocabulary(text)) else ():
        for start, end, value, word in _spelled(run[0]):
            first, last = run.start() + start, run.start() + end
            if word != "one" or _counts(text, first, last):
                yield first, last, value, word != ""


@lru_cache(maxsize=4096)
def _spelled(run: str) -> tuple[tuple[int, int, Fraction, str], ...]:
    """The numbers in a row of such words: where they stand, their values, and the word of one that is
    loose."""
    tokens = [(m.start(), m.end(), m[0]) for m in re.finditer(r"[a-z]+", run)]
    at, every = 0, []
    while at < len(tokens):
        if tokens[at][2] not in _BEGINS:
            at += 1
            continue
        value, used = spelled([word for *_, word in tokens[at : at + 14]])
        own = [word for *_, word in tokens[at : at + used]]
        loose = own in (["one"], ["half"], ["quarter"]) or (
            own[:1] in (["a"], ["an"]) and used == 2 and value < 1
        )
        if used and (own[-1] not in ORDINALS or value.denominator > 1):
            every.append((tokens[at][0], tokens[at + used - 1][1], value, own[-1] * loose))
        at += max(used, 1)
    return tuple(every)


def spelled(words: Sequence[str]) -> tuple[Fraction, int]:
    """The number that `words`, in small letters, begin with, and how many it takes; or 0, 0."""
    left_out, article = words[0] in ("half", "dozen", *SCALES), words[0] in ("a", "an")
    if left_out or article:
        words = ["one", *words[article:]]
    value, used = _mantissa(words)
    rest = words[used:]
    skipped = next((n for n, word in enumerate(rest) if word not in ("of", "a")), 0)
    large = _LARGE.get(rest[skipped], 0) if used and skipped < len(rest) and value < 1000 else 0
    if large and (value.denominator > 1 or rest[0] == "dozen"):
        value, used = value * large, used + skipped + 1
    if article and used < 2:
        return Fraction(0), 0
    return value, used - left_out


def _mantissa(words: Sequence[str]) -> tuple[Fraction, int]:
    """The same without a word that multiplies a fraction: `two and a half` of `... million`."""
    whole, used = _whole(words)
    rest = words[used:] if used else []
    if rest[:1] == ["point"]:
        below_ten = takewhile(lambda word: CARDINALS.get(word, 10) < 10, rest[1:])
        if digits := "".join(str(CARDINALS[word]) for word in below_ten):
            return Fraction(f"{whole}.{digits}"), used + 1 + len(digits)
    if rest and rest[0] in PARTS and (whole > 1) is rest[0].endswith("s"):
        return Fraction(whole, PARTS[rest[0]]), used + 1
    if len(rest) > 2 and rest[0] == "and" and rest[2] in PARTS:
        above = 1 if rest[1] in ("a", "an") else CARDINALS.get(rest[1], 0)
        if above:
            return whole + Fraction(above, PARTS[rest[2]]), used + 3
    return Fraction(whole), used


def _whole(words: Sequence[str]) -> tuple[int, int]:
    """`two hundred and five` gives 205 and 4; `nineteen forty-five` 1945 and 3."""
    total, group, used = 0, 0, 0
    if words[0] not in CARDINALS:
        return 0, 0
    for at, word in enumerate(words):
        if word in CARDINALS:
            number = CARDINALS[word]
            if group % 100 and not (number < 10 and group % 100 >= 20 and group % 10 == 0):
                if not (used == at == 1 and 10 <= group < 100 and number >= 10):
                    break
                group *= 100  # a year
            group += number
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in SCALES and word != "hundred" and group:
            total, group = total + group * SCALES[word], 0
        elif not (word == "and" and words[at - 1] in ("hundred", "thousand")) or (
            words[at + 1 : at + 2] and words[at + 1] not in CARDINALS
        ):
            break
        if word != "and":
            used = at + 1
    return total + group, used


_NO_NOUN = words("no_noun_after_one")
_NO_NUMBER = re.compile(
    r"\b(?:another|th[ei]s|that|no|any|the|other|which|each|every|right|wrong|correct|your)[\s-]+$",
    re.I,
)
_WORKED = re.compile(
    r"\b(?:add|subtract|plus|minus|times|by|than|deduct)\s+(?:just |only )?$", re.I
)
_AND_MORE = re.compile(rf"\s+(?:and|or|in|out of)\s+(?:{'|'.join(CARDINALS)}|\d)", re.I)
_GIVEN = re.compile(
    r"(?:\b(?:is|get|equals?|minus|negative|makes?|leaves?|and|to|than|by)|=)\s+$|^\W*$", re.I
)


def _counts(text: str, start: int, end: int) -> bool:
    """Whether `one` counts things there, or is given as a number, and does not stand for one."""
    before, after = text[max(0, start - 14) : start], text[end : end + 30]
    if _NO_NUMBER.search(before):
        return False
    if _WORKED.search(before) or _AND_MORE.match(after):
        return True
    follows = re.match(r"[\s-]*([A-Za-z]+)", after)
    return follows[1].lower() not in _NO_NOUN if follows else bool(_GIVEN.search(before))
