"""Numbers in words: `forty-two`, `a hundred`, `two thirds`, `one and a half`, `three point five`.

English only. Reads words and judges nothing; `quantity` reads figures and asks here for the rest.
`leaks` has a reader of its own, which finds more and is sure of less.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from tutelage.verifiers.units import CARDINALS, SCALES

PARTS = {
    "half": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
    "twentieth": 20,
    "hundredth": 100,
}
_PLURALS = {f"{word}s": part for word, part in PARTS.items()} | {"halves": 2}
_JOINTS = ("hundred", "thousand")


def spelled(words: Sequence[str]) -> tuple[Fraction, int]:
    """The number that `words`, in small letters, begin with, and how many of them it takes; or 0, 0.

    `two dozen` is 2, of one word: what multiplies is for the caller to see.
    """
    if not words:
        return Fraction(0), 0
    if words[0] == "half":
        return Fraction(1, 2), 1
    if words[0] in ("a", "an"):
        follows = words[1] if len(words) > 1 else ""
        if follows in PARTS:
            return Fraction(1, PARTS[follows]), 2
        if follows in SCALES and len(follows) > 1:
            value, used = _whole(["one", *words[1:]])
            return Fraction(value), used
        return Fraction(0), 0
    value, used = _whole(words)
    if not used:
        return Fraction(0), 0
    number = Fraction(value)
    rest = list(words[used : used + 4])
    if rest[:1] == ["point"]:
        digits = ""
        for word in words[used + 1 :]:
            if CARDINALS.get(word, 10) > 9:
                break
            digits += str(CARDINALS[word])
        return (Fraction(f"{value}.{digits}"), used + 1 + len(digits)) if digits else (number, used)
    if part := _part(rest[:1], value):
        return number / part, used + 1
    extra, more = part_of_one(rest)
    return number + extra, used + more


def part_of_one(words: Sequence[str]) -> tuple[Fraction, int]:
    """What `and a half` adds, and how many words that are; 0, 0 for none."""
    if len(words) < 3 or words[0] != "and":
        return Fraction(0), 0
    above = 1 if words[1] in ("a", "an") else CARDINALS.get(words[1], 0)
    below = _part(words[2:3], above)
    return (Fraction(above, below), 3) if above and below else (Fraction(0), 0)


def _part(words: Sequence[str], above: int) -> int:
    word = words[0] if words else ""
    return _PLURALS.get(word, 0) or (PARTS.get(word, 0) if above == 1 else 0)


def _whole(words: Sequence[str]) -> tuple[int, int]:
    """`two hundred and five` gives 205 and 4; 0 and 0 for what is no number or no proper one."""
    total, group, used = 0, 0, 0
    if words[0] not in CARDINALS:
        return 0, 0
    for at, word in enumerate(words):
        if word in CARDINALS:
            number = CARDINALS[word]
            if group % 100 and not (number < 10 and group % 100 >= 20 and group % 10 == 0):
                return 0, 0
            group += number
        elif word == "hundred" and 0 < group < 10:
            group *= 100
        elif word in SCALES and group and SCALES[word] >= 1000:
            total, group = total + group * SCALES[word], 0
        elif not (
            word == "and" and at and words[at - 1] in _JOINTS and words[at + 1 : at + 2]
            and words[at + 1] in CARDINALS
        ):  # fmt: skip
            break
        used = at + 1
    return total + group, used


def find(text: str) -> list[tuple[int, int]]:
    """Where `text` has numbers in words, as (start, end). `one` alone counts before a noun only."""
    found: list[tuple[int, int]] = []
    tokens = [(m.start(), m.end(), m[0].lower()) for m in re.finditer(r"[A-Za-z]+", text)]
    at = 0
    while at < len(tokens):
        start, _, word = tokens[at]
        if word not in CARDINALS and word not in ("a", "an", "half"):
            at += 1
            continue
        words = [word]
        for (_, end, _), (begin, _, more) in zip(
            tokens[at : at + 11], tokens[at + 1 :], strict=False
        ):
            if text[end:begin].strip(" -"):
                break
            words.append(more)
        _, used = spelled(words)
        follows = words[used] if len(words) > used else ""
        vague = (word in ("a", "an") and words[1:2] != ["half"] and used == 2
                 and words[1] in PARTS and follows not in ("", "of"))  # fmt: skip
        vague = vague or (used == 1 and word == "one" and not _counts(text[:start], follows))
        if used and not vague:
            if follows in SCALES:
                used += 1
            found.append((start, tokens[at + used - 1][1]))
        at += max(used, 1)
    return found


def _counts(before: str, follows: str) -> bool:
    """Whether `one` counts things there, and does not stand for one."""
    return bool(follows) and follows not in _NO_NOUN and not _NO_NUMBER.search(before[-12:])


_NO_NOUN = frozenset(
    [
        "of",
        "is",
        "was",
        "that",
        "who",
        "which",
        "can",
        "must",
        "may",
        "more",
        "in",
        "on",
        "at",
        "by",
        "or",
        "and",
        "to",
        "for",
    ]
)
_NO_NUMBER = re.compile(
    r"\b(?:another|th[ei]s|that|no|any|the|other|which|each|every|right|wrong|correct)[\s-]+$", re.I
)
