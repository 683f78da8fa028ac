"""The number that a sentence gives as its answer, judged by what stands around it.

Which numbers are asked is `candidates`'s to say. One that is denied, bounded or doubted is not given;
one that something is done to in words (half of 5, 5 squared) is not itself the answer, though
"i.e. 25" after it may be; one that a false equation comes to (36 - 14 = 31) is not worked out;
numbers offered side by side (12 or 13) are none, unless they are equal (3/4, or 0.75). `x ≈ y`
gives both.
"""

import re

from tutelage.answers import candidates
from tutelage.answers.equality import NOT_WORKED_OUT, NOWHERE, SEVERAL, difference
from tutelage.answers.equations import equations
from tutelage.answers.gold import Answer
from tutelage.answers.marks import NOTHING, Final
from tutelage.answers.pieces import Piece
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Words

_MEANS = re.compile(
    r"(?:\bi\.e\.,?|\bthat is,?|\bnamely|\bwhich (?:is|equals|makes|gives)|\bor simply|\bequals|=)\s+",
    re.I,
)
_JOINS = re.compile(
    r"\s*(?:,|:|,?\s*or|,?\s*and|to|/|,\s*then)?\s*(?:maybe|perhaps|possibly|even)?\s*", re.I
)
_OFFERS = re.compile(
    r"[,;/±~|&]|\b(?:or|and|to|either|maybe|perhaps|possibly|versus|vs|not|between|but|through|than|times|plus"
    r"|minus|multiplied|divided)\b",
    re.I,
)
_DENIES = re.compile(r"(?:\b(?:not|never|cannot)|n't)\s+(?:[a-z]+\s+){1,2}$", re.I)
_EACH = re.compile(r"\s+(?:\w+\s+)?(?:each|apiece)\b(?:\s+(\w+))?", re.I)
_ASKS_EACH = re.compile(r"\b(?:each|per|every|apiece)\b|^$")
_BOUNDS = (
    (re.compile(r"\b(?:minimum|fewest|smallest|least)\b"), re.compile(r"\bat least (?=[$€£]?\d)")),
    (re.compile(r"\b(?:maximum|greatest|largest|most)\b"), re.compile(r"\bat most (?=[$€£]?\d)")),
)
"""What is asked for, and the bound that then is the answer itself."""
_OPERAND = re.compile(r"\d\s*[*/]\s*[$€£]?$")
"""Before a number that something is still to be multiplied with or divided by."""
_WITHIN = re.compile(r"(?:[A-Za-z]\(|[√|])\s*-?\s*$")
"""Before the argument of a function."""


def refused(text: str, start: int, end: int) -> bool:
    """Whether a value is denied, bounded or doubted rather than given."""
    before, after = text[max(0, start - 60) : start], text[end:]
    if _DENIES.search(before) or re.match(r"\s*[-+*/^=]+\s*$", after):
        return True
    doubted = TABLES["doubts"].search(text) or TABLES["retracts"].search(after)
    return bool(doubted or TABLES["refuses"].search(before))


def number_of(sentence: str, first: bool, gold: Answer) -> Final | None:
    """The number that a sentence gives; None where it has none. `first` after "the answer is"."""
    for asks, bound in _BOUNDS if " at " in sentence else ():
        sentence = bound.sub("", sentence) if asks.search(gold.statement.question) else sentence
    every = candidates.of(sentence, first, gold)
    if every is None:
        return NOTHING
    if not every:
        return None
    end = every[0 if first else -1].end
    each, question = _EACH.match(sentence, end), gold.statement.question
    if each and not _ASKS_EACH.search(question) and not (each[1] and each[1] in question):
        return NOTHING
    return _judged(sentence, every, candidates.chosen(sentence, every, first, gold), first)


def _judged(sentence: str, every: list[Piece], at: int, first: bool) -> Final | None:
    """The number at `at`, unless what stands around it says that it is none."""
    piece = every[at]
    start, end = piece.start, piece.end
    before, after = sentence[max(0, start - 60) : start], sentence[end:]
    if refused(sentence, start, end) or re.match(r"\s*(?:[<>≤≥≠]|!=)", after):
        return None if first else NOTHING
    if _WITHIN.search(before) or _OPERAND.search(before):
        return NOTHING
    sums = equations(sentence[:end]) if before.rstrip(" $").endswith("=") else []
    if sums and not sums[-1].holds and " ".join(sentence[:end].split()).endswith(sums[-1].text):
        return Final(((sentence, piece.value),), NOT_WORKED_OUT)
    changed = TABLES["changes"].match(after) and not re.search(r"=\s*$", before)
    if changed or TABLES["applies"].search(before):
        means = [m.end() for m in _MEANS.finditer(sentence, end)]
        meant = [p for p in every if p.start in means and not sentence[p.end :].strip(" .!")]
        return (
            Final(tuple((sentence[p.start : p.end], p.value) for p in meant)) if meant else NOTHING
        )
    beside = at + 1 if first else at - 1
    if 0 <= beside < len(every):
        left, right = sorted((piece, every[beside]))
        gap = sentence[left.end : right.start]
        if gap.strip() == "≈":
            return Final(tuple((sentence[p.start : p.end], p.value) for p in (left, right)))
        offers = _OFFERS.search(gap) and "because" not in gap if first else _JOINS.fullmatch(gap)
        if offers and not _same(left, right):
            return Final(((sentence[left.start :], Words("")),), SEVERAL)
    if glued := re.match(r"[\w²³]+", after):
        return Final(((sentence[start:end] + glued[0], Words(glued[0])),))
    return Final(((sentence[start:end], piece.value),))


def _same(one: Piece, other: Piece) -> bool:
    pairs = ((one.value, other.value), (other.value, one.value))
    return any(difference(a, b, NOWHERE) == "" for a, b in pairs)
