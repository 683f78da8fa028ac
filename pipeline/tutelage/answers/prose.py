"""The number that a sentence gives as its answer, judged by what stands around it.

A number that is denied, bounded or doubted is not given; one that names a step or counts ways is
none; one that something is done to in words (half of 5, 5 squared) is not itself the answer, though
"i.e. 25" after it may be; one that a false equation comes to (36 - 14 = 31) is not worked out;
numbers offered side by side (12 or 13) are none, unless they are equal (3/4, or 0.75). `x ≈ y`
gives both.
"""

import re

from tutelage.answers import sentences
from tutelage.answers.equality import NOT_WORKED_OUT, NOWHERE, SEVERAL, difference
from tutelage.answers.equations import Equation, equations
from tutelage.answers.gold import Answer
from tutelage.answers.marks import NOTHING, Final
from tutelage.answers.pieces import Piece, pieces
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Number, Words

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
_SPEAKS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|gets?|leaves?|yields?|total|of|with)|[:=])\s+"
    r"(?:exactly |just |only |about )?$",
    re.I,
)
_DENIES = re.compile(r"(?:\b(?:not|never|cannot)|n't)\s+(?:[a-z]+\s+){1,2}$", re.I)
_SUPPOSES = re.compile(
    r"^\W*(?:if|suppose|assume|imagine|unless)\b.*?(?:(?=[,;:])|\bthen\b|$)", re.I
)
_BECAUSE = re.compile(r"\s(?:because|since)\s", re.I)
_EACH = re.compile(r"\s+(?:\w+\s+)?(?:each|apiece)\b(?:\s+(\w+))?", re.I)
_ASKS_EACH = re.compile(r"\b(?:each|per|every|apiece)\b|^$")
_TELLS = re.compile(r"\s+(?:\w+\s+){0,2}(?:remain|remains|are left|is left)\b", re.I)
_COMPARES = re.compile(r"\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than\b", re.I)
_OTHERWISE = re.compile(r"\(\s*(?:or|maybe|perhaps|possibly)\b([^()]*\d[^()]*)\)", re.I)
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
    if first and _COMPARES.search(sentence):
        return NOTHING
    ordinal = isinstance(gold.value, Number) and gold.value.ordinal
    counted = gold.statement.counted
    every = [p for p in pieces(sentence) if not _is_name(sentence, p, ordinal, counted)]
    if others := gold.statement.others:
        every = [p for p in every if not _is_of(sentence, p, others)]
    if supposed := _SUPPOSES.match(sentence):
        every = [p for p in every if p.start >= supposed.end()]
    if (reason := _BECAUSE.search(sentence)) and not first:
        sums = equations(sentence[reason.end() :])
        before = [p for p in every if p.end <= reason.start()]
        shown = [p for p in before if sums and _comes_to(p, sums[-1])]
        every = shown or before or every
    per_cent = _PER_CENT.search(gold.statement.question) is not None
    every = [
        p for n, p in enumerate(every) if not (n and _is_group(sentence, every[n - 1], p, per_cent))
    ]
    if other := _OTHERWISE.search(sentence):
        apart = [p for p in every if other.start() <= p.start < other.end()]
        every = [p for p in every if p not in apart]
        if apart and every and not _same(every[0], apart[0]):
            return Final(((sentence, Words("")),), SEVERAL)
    if not every:
        return None
    end = every[0 if first else -1].end
    each, question = _EACH.match(sentence, end), gold.statement.question
    if each and not _ASKS_EACH.search(question) and not (each[1] and each[1] in question):
        return NOTHING
    return _judged(sentence, every, _chosen(sentence, every, first), first)


_OF_MANY = re.compile(r" (?:\w+ ){0,2}of (?:the|his|her|their|these|those) ")


_PER_CENT = re.compile(r"%|per ?cent")
_OF = re.compile(r"\s+of\s+(?:(?:the|his|her|their|all)\s+)?")


def _is_group(text: str, part: Piece, piece: Piece, per_cent: bool) -> bool:
    """Whether a number tells of how many a part is: `21 of the 24 eggs`; and, where per cents are
    asked for, `15% of 80`."""
    if per_cent and isinstance(part.value, Number) and part.value.percent:
        return _OF.fullmatch(text, part.end, piece.start) is not None
    gap = _OF_MANY.fullmatch(text, part.end, piece.start)
    return gap is not None and part.form == piece.form == "figures"


_HOLDS = re.compile(
    r"\b([A-Z][a-z]+)\s*(?::|=|\b(?:is|was|has|had|have|gets?|got|earns?|earned|makes?|made|keeps?|kept|weighs?"
    r"|pays?|paid|runs?|ran|scores?|scored|buys?|bought|sells?|sold|needs?|receives?|received)\b)"
    r"\s*(?:(?:exactly|now|only|just|also|then|left|still|a|the)\s+)*[$€£]?$"
)
"""Before the number that somebody has or is."""


def _is_of(text: str, piece: Piece, others: frozenset[str]) -> bool:
    """Whether a number is said of somebody else than who is asked about."""
    holder = _HOLDS.search(text[max(0, piece.start - 40) : piece.start])
    return holder is not None and holder[1] in others


def _is_name(text: str, piece: Piece, ordinal: bool, counted: frozenset[str]) -> bool:
    """Whether a number is a name: step 5, the 5th; or counts what this problem does not ask for."""
    label = TABLES["label"].search(text[max(0, piece.start - 20) : piece.start])
    uncounted = TABLES["not_counted"].match(text[piece.end : piece.end + 40])
    if uncounted and uncounted[0].split()[-1].lower().removesuffix("s") in counted:
        uncounted = None
    return bool((piece.form == "ordinal" and not ordinal) or label or uncounted)


_RESULT = re.compile(
    r"(?:=|^\W*(?:so\W+|thus\W+|therefore\W+)?there\s+(?:are|is|were|was|will be))\s*[$€£]?\s*$",
    re.I,
)
_CIRCUMSTANCE = re.compile(
    r"(?!\s*(?:to|or|and|-)\s*[$€£]?\d)[^=,;:≈<>]*?\b(?:in|for|of|to|after|on|at|per|from|before|every|each|with"
    r"|over|during|within|than|until)\b[^=,;:≈<>]*$",
    re.I,
)
_CONTINUES = re.compile(
    r"\b(?:so|then|thus|therefore|hence|which|but|or|is|are|was|were|equals?|makes?|leav\w+|gives?|not|and\s+[$€£]?\d)\b",
    re.I,
)


def _worked_out(sentence: str, every: list[Piece]) -> int | None:
    """Which number a sum comes to, where only circumstances follow: `28 * 5 = 140 in 4 days`."""
    results = [n for n, p in enumerate(every) if _RESULT.search(sentence[: p.start])]
    if not results or results[-1] == len(every) - 1:
        return None
    rest = sentence[every[results[-1]].end :]
    told = _CIRCUMSTANCE.match(rest) and not _CONTINUES.search(rest)
    return results[-1] if told else None


def _comes_to(piece: Piece, equation: Equation) -> bool:
    """Whether a number is what an equation comes to."""
    own = piece.value
    return isinstance(own, Number) and equation.holds and float(own.value) == equation.result


def _chosen(sentence: str, every: list[Piece], first: bool) -> int:
    """Which number of several it is: the last; after "the answer is" the first that is worked out."""
    at = 0 if first else len(every) - 1
    if first:
        head = len(sentences.EXPLAINS.split(sentence, maxsplit=1)[0])
        while at + 1 < len(every) and every[at + 1].end <= max(head, every[at].end):
            gap = sentence[every[at].end : every[at + 1].start]
            if not re.fullmatch(r"\s*(?:\w+\s+)?=\s*", gap):
                break
            at += 1
    elif (worked := _worked_out(sentence, every)) is not None:
        at = worked
    elif at and _TELLS.match(sentence, every[0].end) and every[0].start < 3:
        at = 0
    elif every[at].form == "words" and not _SPEAKS.search(sentence[: every[at].start]):
        figures = [n for n, p in enumerate(every) if p.form != "words"]
        tells = re.match(r"\s+(?:are|is|were|was|remains?|left)\b", sentence[every[at].end :], re.I)
        at = figures[-1] if figures and not tells else at
    return at


def _judged(sentence: str, every: list[Piece], at: int, first: bool) -> Final | None:
    """The number at `at`, unless what stands around it says that it is none."""
    piece = every[at]
    start, end = piece.start, piece.end
    before, after = sentence[max(0, start - 60) : start], sentence[end:]
    if refused(sentence, start, end) or re.match(r"\s*(?:[<>≤≥≠]|!=)", after):
        return None if first else NOTHING
    if _WITHIN.search(before):
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
