"""The number that a sentence gives as its answer, judged by what stands around it.

A number that is denied, bounded or doubted is not given; one that names a step or counts ways is
none; one that something is done to in words (half of 5, 5 squared) is not itself the answer, though
"i.e. 25" after it may be; numbers offered side by side (12 or 13) are none, unless they are equal
(3/4, or 0.75). `x ≈ y` gives both.
"""

import re

from tutelage.answers import sentences
from tutelage.answers.equality import NOWHERE, difference
from tutelage.answers.pieces import Piece, pieces
from tutelage.answers.tables import Table
from tutelage.answers.values import Value, Words

HEDGED, NO_ANSWER = "more than one answer", "no answer"
Reading = tuple[str, Value]
Given = tuple[tuple[Reading, ...], str]
"""The ways to read what is given, and why nothing is."""
NOTHING: Given = ((), NO_ANSWER)
REFUSES = Table(
    "refuses",
    r"(?:{})\s*(?:(?:be|equal|to|just|about|exactly|the|a|simply)\s+)*$",
    r"""\bnot \bnever \bcannot \bwithout \bthan \bleast \bmost \bbetween \beither \bneither \binstead_of
    n't ≠ != (?<!-)[<>≤≥]=?""",
)
RETRACTS = Table(
    "retracts",
    r"\b{}\b",
    "or_(?:more|less|fewer|above|below|something|maybe|thereabouts|so) wrong incorrect not_right",
)
LABEL = Table(
    "label",
    r"(?:\b{}\.?|#)\s*$",
    "step part example question problem turn attempt option case no figure table line",
)
APPLIES = Table(
    "applies",
    r"(?:{})(?:\s+(?:of|for|the|an?|value|number|base\s+\w+|all|those|these))*\s+$",
    r"""\broot \bsquare \bcube \bpower \blogarithm \bfactorial \breciprocal \binverse \bnegative
    \bnegation \bopposite \babsolute_value \bcomplement \bhalf \btwice \bthrice \bdouble \btriple
    \bminus \btimes
    \bplus \blog_base_\w+
    \b(?:halves|thirds?|quarters?|fourths?|fifths?|sixths?|tenths?|percent|per_cent|out)_of
    [\d%}]_of""",
)
"""Before a number that something is done to."""
CHANGES = Table(
    "changes",
    r"\s*(?:{})",
    r"""and_(?:an?_|one_|two_|three_)?(?:half|thirds?|quarters?|fourths?|fifths?)\b cubed\b factorial\b
    mod(?:ulo)?\b choose\b to_the_(?:\w+_)?power divided_by multiplied_by
    times_(?:that|this|as|the|more|larger|bigger|\d)""",
)
"""After one."""
NOT_COUNTED = Table(
    "not counted",
    r"[\s-]+(?:(?:other|more|different|main|simple|possible|further)\s+)*{}\b",
    """ways? steps? methods? cases? things? reasons? questions? approach(?:es)? parts?
    of_(?:us|them|these|those|which)""",
)
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
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|gets?|leaves?|yields?|total|of)|[:=])\s+"
    r"(?:exactly |just |only |about )?$",
    re.I,
)
_DENIES = re.compile(r"(?:\b(?:not|never|cannot)|n't)\s+(?:[a-z]+\s+){1,2}$", re.I)
_SUPPOSES = re.compile(r"^\W*(?:if|suppose|assume|imagine|unless)\b[^,;:]*", re.I)
_BECAUSE = re.compile(r"\s(?:because|since)\s", re.I)
_EACH = re.compile(r"\s+(?:\w+\s+)?(?:each|apiece)\b", re.I)
_TELLS = re.compile(r"\s+(?:\w+\s+){0,2}(?:remain|remains|are left|is left)\b", re.I)
_COMPARES = re.compile(r"\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than\b", re.I)
_OTHERWISE = re.compile(r"\(\s*(?:or|maybe|perhaps|possibly)\b([^()]*\d[^()]*)\)", re.I)


def refused(text: str, start: int, end: int) -> bool:
    """Whether a value is denied, bounded or doubted rather than given."""
    before, after = text[max(0, start - 60) : start], text[end:]
    if _DENIES.search(before) or re.match(r"\s*[-+*/^=]\s*$", after):
        return True
    return bool(REFUSES.search(before) or sentences.DOUBTS.search(text) or RETRACTS.search(after))


def names(text: str, piece: Piece, ordinal: bool = False) -> bool:
    """Whether a number is a name: step 5, the 5th; or counts what no problem asks for.

    `ordinal` says that a place in a row is wanted.
    """
    return (
        (piece.form == "ordinal" and not ordinal)
        or LABEL.search(text[max(0, piece.start - 20) : piece.start]) is not None
        or NOT_COUNTED.match(text[piece.end : piece.end + 40]) is not None
    )


def number_of(
    sentence: str, first: bool, ordinal: bool = False, each: bool = False
) -> Given | None:
    """The number that a sentence gives; None where it has none. `first` after "the answer is".

    `each` says that the number for each of several is asked for.
    """
    if first and _COMPARES.search(sentence):
        return NOTHING
    found = [p for p in pieces(sentence) if not names(sentence, p, ordinal)]
    if supposed := _SUPPOSES.match(sentence):
        found = [p for p in found if p.start >= supposed.end()]
    if (reason := _BECAUSE.search(sentence)) and not first:
        found = [p for p in found if p.end <= reason.start()] or found
    if other := _OTHERWISE.search(sentence):
        apart = [p for p in found if other.start() <= p.start < other.end()]
        found = [p for p in found if p not in apart]
        if apart and found and not _same(found[0], apart[0]):
            return ((sentence, Words("")),), HEDGED
    if not found:
        return None
    if not each and _EACH.match(sentence[found[0 if first else -1].end :]):
        return NOTHING
    at = 0 if first else len(found) - 1
    if first:
        head = len(sentences.EXPLAINS.split(sentence, maxsplit=1)[0])
        while at + 1 < len(found) and found[at + 1].end <= max(head, found[at].end):
            if not re.fullmatch(
                r"\s*(?:\w+\s+)?=\s*", sentence[found[at].end : found[at + 1].start]
            ):
                break
            at += 1
    elif len(found) > 1 and _TELLS.match(sentence[found[0].end :]) and found[0].start < 3:
        at = 0
    elif found[at].form == "words" and not _SPEAKS.search(sentence[: found[at].start]):
        figures = [n for n, p in enumerate(found) if p.form != "words"]
        tells = re.match(r"\s+(?:are|is|were|was|remains?|left)\b", sentence[found[at].end :], re.I)
        at = figures[-1] if figures and not tells else at
    return _judged(sentence, found, at, first)


def _judged(sentence: str, found: list[Piece], at: int, first: bool) -> Given | None:
    """The number at `at`, unless what stands around it says that it is none."""
    piece = found[at]
    start, end = piece.start, piece.end
    before, after = sentence[max(0, start - 60) : start], sentence[end:]
    if refused(sentence, start, end) or re.match(r"\s*(?:[<>≤≥≠]|!=)", after):
        return None if first else NOTHING
    if re.search(r"[A-Za-z]\($|[√(|]\s*-?\s*$", before) and re.search(
        r"[A-Za-z]\(|[|√]", before[-3:]
    ):
        return NOTHING
    if APPLIES.search(before) or (CHANGES.match(after) and not re.search(r"=\s*$", before)):
        for m in _MEANS.finditer(sentence, end):
            meant = [p for p in found if p.start == m.end() and not sentence[p.end :].strip(" .!")]
            if meant:
                return ((sentence[m.end() : meant[0].end], meant[0].value),), ""
        return NOTHING
    beside = at + 1 if first else at - 1
    if 0 <= beside < len(found):
        neighbour = found[beside]
        gap = sentence[min(end, neighbour.end) : max(start, neighbour.start)]
        if re.fullmatch(r"\s*≈\s*", gap):
            return tuple(
                (sentence[p.start : p.end], p.value) for p in sorted((piece, neighbour))
            ), ""
        offers = _OFFERS.search(gap) and "because" not in gap if first else _JOINS.fullmatch(gap)
        if offers and not _same(piece, neighbour):
            return ((sentence[min(start, neighbour.start) :], Words("")),), HEDGED
    if glued := re.match(r"[\w²³]+", after):
        return ((sentence[start:end] + glued[0], Words(glued[0])),), ""
    return ((sentence[start:end], piece.value),), ""


def _same(one: Piece, other: Piece) -> bool:
    return "" in (
        difference(one.value, other.value, NOWHERE),
        difference(other.value, one.value, NOWHERE),
    )
