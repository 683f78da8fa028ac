"""The number that a sentence gives as its answer, judged by what stands around it.

Some numbers are not asked for: names (step 5), what somebody else has (Ben, where Ali is asked about),
what is only supposed (if he had 5), a reason (because 2 + 3 = 5), and of how many a part is (3 of the
8). Which of the others it is, is for `asked` to say.

One that is denied, bounded or doubted is not given; one that something is done to in words (half of
5, 5 squared) is not itself the answer, though "i.e. 25" after it may be; one that a false equation
comes to (36 - 14 = 31) is not worked out; numbers offered side by side (12 or 13) are none, unless
they are equal (3/4, or 0.75). `x ≈ y` gives both.
"""

import re
from dataclasses import replace
from fractions import Fraction

from tutelage.answers.asked import SPEAKS, chosen
from tutelage.answers.choices import stems
from tutelage.answers.equality import NOT_WORKED_OUT, NOWHERE, PLACE, SEVERAL, difference
from tutelage.answers.equations import Equation, equations
from tutelage.answers.gold import Answer
from tutelage.answers.marks import NOTHING, Final
from tutelage.answers.pieces import Piece, pieces
from tutelage.answers.statement import Statement
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
_DENIES = re.compile(r"(?:\b(?:not|never|cannot)|n't)\s+(?:[a-z]+\s+){1,2}$", re.I)
_EACH = re.compile(r"\s+(?:\w+\s+)?(?:each|apiece)\b(?:\s+(\w+))?", re.I)
_ASKS_EACH = re.compile(r"\b(?:each|per|every|apiece|one of|speed|rate|average)\b|/|^$")
_BOUNDS = (
    (re.compile(r"\b(?:minimum|fewest|smallest|least)\b"), re.compile(r"\bat least (?=[$€£]?\d)")),
    (re.compile(r"\b(?:maximum|greatest|largest|most)\b"), re.compile(r"\bat most (?=[$€£]?\d)")),
)
"""What is asked for, and the bound that then is the answer itself."""
_ASKS_PART = re.compile(r"%|\b(?:fraction|portion|part|share|per ?cent(?:age)?)\b")
ASKS_CHANGE = re.compile(r"\b(?:change|profit|gain|difference)\b")
FALLS = re.compile(
    r"\b(?:decreas\w*|drop\w*|falls?|fell|lost|los(?:s|es|ing)|reduc\w*|declin\w*|down|lower)\b",
    re.I,
)
_OPERAND = re.compile(r"\d\s*[*/]\s*[$€£]?$")
"""Before a number that something is still to be multiplied with or divided by."""
_NEGATED = re.compile(
    r"\s+(?:[a-z]+\s+){0,2}(?:do|does|did|is|are|was|were|have|has|had|will|would|can|could)(?:n't|\s+not)\b",
    re.I,
)
_NEGATIVE = re.compile(r"\b(?:not|no|never|without|neither|none)\b|n't\b")
"""What the rest does not do is asked for."""
_STATE = re.compile(r"\s+(?:[a-z]+\s+)?(?:is|are|was|were)\s+(?!left\b)([a-z]{4,})\b")
_WORKED_ON = re.compile(r"\b(?:divided by|times|plus|minus|multiplied by|over)\s+$", re.I)
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
    every = _candidates(sentence, first, gold)
    if every is None:
        return NOTHING
    if not every:
        return None
    end = every[0 if first else -1].end
    each, question = _EACH.match(sentence, end), gold.statement.question
    if each and not _ASKS_EACH.search(question) and not (each[1] and each[1] in question):
        every = every[:-1]
        if not every or first or not SPEAKS.search(sentence[: every[-1].start]):
            return NOTHING
    final = _judged(sentence, every, chosen(sentence, every, first, gold), gold, first)
    return _signed(sentence, final, gold) if final else None


def _signed(sentence: str, final: Final, gold: Answer) -> Final:
    """The sign that words give: `it drops by 4 %` is -4 % where a change is asked for."""
    falls = gold.number is not None and gold.number < 0 and FALLS.search(sentence)
    if not falls or not ASKS_CHANGE.search(gold.statement.question):
        return final
    turned = (
        (text, replace(n, value=-n.value) if isinstance(n, Number) and n.value > 0 else n)
        for text, n in final.readings
    )
    return replace(final, readings=tuple(turned))


def _judged(sentence: str, every: list[Piece], at: int, gold: Answer, first: bool) -> Final | None:
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
    if _of_the_others(after, gold.statement):
        return NOTHING
    part = after.startswith(" of ") and _ASKS_PART.search(gold.statement.question)
    changed = not part and TABLES["changes"].match(after) and not re.search(r"=\s*$", before)
    if changed or TABLES["applies"].search(before):
        means = [m.end() for m in _MEANS.finditer(sentence, end)]
        meant = [p for p in every if p.start in means and not sentence[p.end :].strip(" .!")]
        return (
            Final(tuple((sentence[p.start : p.end], p.value) for p in meant)) if meant else NOTHING
        )
    beside = at + 1 if first else at - 1
    if 0 <= beside < len(every) and not _WORKED_ON.search(sentence[: every[beside].start]):
        left, right = sorted((piece, every[beside]))
        gap = sentence[left.end : right.start]
        if gap.strip() == "≈":
            return Final(tuple((sentence[p.start : p.end], p.value) for p in (left, right)))
        offers = _OFFERS.search(gap) and "because" not in gap if first else _JOINS.fullmatch(gap)
        if offers and not _same(left, right) and not _of_other_kind(left, right):
            return Final(((sentence[left.start :], Words("")),), SEVERAL)
    if glued := re.match(r"[\w²³]+", after):
        return Final(((sentence[start:end] + glued[0], Words(glued[0])),))
    return Final(((sentence[start:end], piece.value),))


def _of_the_others(after: str, asked: Statement) -> bool:
    """Whether a number counts those that are not asked for: `18 are taken` where the empty ones are, or
    `75 don't bloom`."""
    if _NEGATED.match(after):
        return not _NEGATIVE.search(asked.question)
    state = _STATE.match(after)
    told = stems(state[1]) if state else frozenset[str]()
    return bool(told & stems(asked.text)) and told.isdisjoint(stems(asked.question))


def _of_other_kind(one: Piece, other: Piece) -> bool:
    """Whether two numbers measure different things: `in 24 hours: 18 litres`."""
    units = [p.value.unit if isinstance(p.value, Number) else None for p in (one, other)]
    return None not in units and units[0].kind != units[1].kind  # type: ignore[union-attr]


def _same(one: Piece, other: Piece) -> bool:
    pairs = ((one.value, other.value), (other.value, one.value))
    return any(difference(a, b, NOWHERE) == "" for a, b in pairs)


_SUPPOSES = re.compile(
    r"^\W*(?:if|suppose|assume|imagine|unless)\b(?:[^=]*?(?:(?=[,;:])|\bthen\b)|[^,;:=]*$)", re.I
)
_CLAUSE = re.compile(r",(?!\d)\s*(?!and\b|so\b|which\b)")
_BECAUSE = re.compile(r"\s(?:because|since)\s|,\sas\s(?=\d)", re.I)


def _candidates(sentence: str, first: bool, gold: Answer) -> list[Piece] | None:
    """The numbers of a sentence that may be its answer; None where it contradicts itself."""
    asked = gold.statement
    placed = PLACE.search(asked.question) is not None
    ordinal = placed or (isinstance(gold.value, Number) and gold.value.ordinal)
    sentence = _CALLED.sub(lambda m: "_" * len(m[0]), sentence)
    every = [
        p
        for p in pieces(sentence)
        if not _is_name(sentence, p, ordinal, asked) and not _is_of(sentence, p, asked)
    ]
    if supposed := _SUPPOSES.match(sentence):
        every = [p for p in every if p.start >= supposed.end()]
    stated = every if first else _without_reason(sentence, every, asked)
    if stated is None:
        return None
    if aside := _OF_WHICH.search(sentence):
        stated = [p for p in stated if p.end <= aside.start()] or stated
    return [
        p for n, p in enumerate(stated) if not (n and _is_group(sentence, stated[n - 1], p, asked))
    ]


_CALLED = re.compile(r"matrix\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\b[A-Z]\(\d+, ?\d+\)")
"""Numbers within are not put as an answer: `C(8, 3) = 56`."""
_OF_WHICH = re.compile(r",\s+of\s+(?:which|whom|these|those)\b")
_OF_MANY = re.compile(r" (?:\w+ ){0,2}of (?:the|his|her|their|these|those) ")
_OF = re.compile(r"\s+of\s+(?:(?:the|his|her|their|all)\s+)?")


def _is_group(text: str, part: Piece, piece: Piece, asked: Statement) -> bool:
    """Whether a number tells of how many a part is: `21 of the 24 eggs`; and, where per cents are
    asked for, `15% of 80`."""
    share = isinstance(part.value, Number) and _ASKS_PART.search(asked.question) is not None
    return (_OF if share else _OF_MANY).fullmatch(text, part.end, piece.start) is not None


_HOLDS = re.compile(
    r"\b([A-Z][a-z]+)\s*(?::|=|\b(?:is|was|has|had|have|gets?|got|earns?|earned|makes?|made|keeps?|kept|weighs?"
    r"|pays?|paid|runs?|ran|scores?|scored|buys?|bought|sells?|sold|needs?|receives?|received)\b)"
    r"\s*(?:(?:exactly|now|only|just|also|then|left|still|a|the)\s+)*[$€£]?$"
)
"""Before the number that somebody has or is."""


def _is_of(text: str, piece: Piece, asked: Statement) -> bool:
    """Whether a number is said of somebody else than who is asked about."""
    holder = _HOLDS.search(text[max(0, piece.start - 40) : piece.start])
    return holder is not None and holder[1] in asked.others


def _is_name(text: str, piece: Piece, ordinal: bool, asked: Statement) -> bool:
    """Whether a number is a name: step 5, the 5th; or counts what this problem does not ask for."""
    before = text[max(0, piece.start - 20) : piece.start]
    if before.rstrip(" $€£").endswith("="):
        return False
    label = TABLES["label"].search(before)
    years = _YEAR.search(before + text[piece.start : piece.end]) and "year" not in asked.question
    after = text[piece.end : piece.end + 40]
    uncounted = TABLES["not_counted"].match(after)
    if uncounted and uncounted[0].split()[-1].lower().removesuffix("s") in asked.counted:
        uncounted = None
    sized = _SIZED.fullmatch(text[piece.start : piece.end] + after[:12])
    named = (piece.form == "ordinal" and not ordinal) or label or years
    heads = after[:2] == ": " and _HEADS.fullmatch(text, 0, piece.start)
    return bool(named or uncounted or sized or heads)


_HEADS = re.compile(r"\W*(?:(?:after|in|on|by|for|at)\s+)?(?:the\s+)?[a-z]+\s+", re.I)
"""Before a number that only names its line: `After year 2: $12,800`."""
_YEAR = re.compile(r"\b(?:in|by|since|until) (?:1[5-9]|20)\d\d$", re.I)
_SIZED = re.compile(
    r"(?:\d+-[a-z]+|[$€£]\d+(?=\s(?:bills?|notes?|coins?)\b))\s+[a-z].*", re.I | re.S
)
"""A size that things are named by: `56 6-inch pencils`, `two $10 bills`."""


def _without_reason(sentence: str, every: list[Piece], asked: Statement) -> list[Piece] | None:
    """The numbers outside of a reason that the sentence gives: `..., since 5 are red, 9 are blue`.

    Of those before it the one that the reason comes to, where there is one; None where it ends the
    sentence and comes to something else, which is not given: `20, because 8 + 17 = 25`.
    """
    reason = _BECAUSE.search(sentence)
    if reason is None:
        return every
    sums = equations(sentence[reason.end() :])
    before = [p for p in every if p.end <= reason.start()]
    shown = [p for p in before if sums and _comes_to(p, sums[-1])]
    ends = bool(before) and len(sums) == 1 and " ".join(sentence.split()).endswith(sums[-1].text)
    if ends and not shown and not any(_is(number, sums[-1].result) for number in asked.given):
        return None
    end = _CLAUSE.search(sentence, reason.end())
    after = [p for p in every if end and p.start >= end.end()]
    return before + after if after else shown or before or every


def _comes_to(piece: Piece, equation: Equation) -> bool:
    """Whether a number is what an equation comes to."""
    own = piece.value
    if not isinstance(own, Number) or not equation.holds:
        return False
    shares = own.percent or (own.unit is not None and own.unit.name == "cent")
    worth = (own.value, own.value / 100) if shares else (own.value,)
    return bool(own.scale) or any(_is(number, equation.result) for number in worth)


def _is(number: Fraction, result: float) -> bool:
    """Whether a number, which may be too large for a float, is what an equation comes to."""
    return abs(number) < 1e300 and float(number) == result
