"""Which numbers of a sentence may be its answer, and which of them it is.

Not among them: names (step 5), what somebody else has (Ben, where Ali is asked about), what is only
supposed (if he had 5), a reason (because 2 + 3 = 5), and of how many a part is (3 of the 8). Of the
others it is the last, but for circumstances: `28 * 5 = 140 berries in 4 days` gives 140.
"""

import re

from tutelage.answers import sentences
from tutelage.answers.equality import PLACE
from tutelage.answers.equations import Equation, equations
from tutelage.answers.gold import Answer
from tutelage.answers.pieces import Piece, pieces
from tutelage.answers.statement import Statement
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Number

_SPEAKS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|gets?|leaves?|yields?|total|of|with)|[:=])\s+"
    r"(?:exactly |just |only |about )?$",
    re.I,
)
_SUPPOSES = re.compile(
    r"^\W*(?:if|suppose|assume|imagine|unless)\b(?:[^=]*?(?:(?=[,;:])|\bthen\b)|[^,;:=]*$)", re.I
)
_COMMA = re.compile(r",(?!\d)\s*(?!and\b|so\b|which\b)")
_THAN = re.compile(r"\s+is\s+(?:the\s+)?(\w+er|more|less)\s+than\s")
_BECAUSE = re.compile(r"\s(?:because|since)\s", re.I)


def of(sentence: str, first: bool, gold: Answer) -> list[Piece] | None:
    """The numbers of a sentence that may be its answer; None where it contradicts itself.

    `first`: it follows "the answer is", and what it gives as a reason comes after the answer.
    """
    asked = gold.statement
    placed = PLACE.search(asked.question) is not None
    ordinal = placed or (isinstance(gold.value, Number) and gold.value.ordinal)
    if "matrix[" in sentence:
        sentence = _MATRIX.sub(lambda m: "_" * len(m[0]), sentence)
    every = [
        p
        for p in pieces(sentence)
        if not _is_name(sentence, p, ordinal, asked) and not _is_of(sentence, p, asked)
    ]
    if supposed := _SUPPOSES.match(sentence):
        every = [p for p in every if p.start >= supposed.end()]
    stated = every if first else _without_reason(sentence, every)
    if stated is None:
        return None
    if aside := _OF_WHICH.search(sentence):
        stated = [p for p in stated if p.end <= aside.start()] or stated
    per_cent = _PER_CENT.search(asked.question) is not None
    return [
        p
        for n, p in enumerate(stated)
        if not (n and _is_group(sentence, stated[n - 1], p, per_cent))
    ]


_MATRIX = re.compile(r"matrix\[(?:[^\[\]]|\[[^\[\]]*\])*\]")
_OF_WHICH = re.compile(r",\s+of\s+(?:which|whom|these|those)\b")
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
    after = text[piece.end : piece.end + 40]
    uncounted = TABLES["not_counted"].match(after)
    if uncounted and uncounted[0].split()[-1].lower().removesuffix("s") in asked.counted:
        uncounted = None
    sized = _SIZED.fullmatch(text[piece.start : piece.end] + after[:12])
    return bool((piece.form == "ordinal" and not ordinal) or label or uncounted or sized)


_SIZED = re.compile(
    r"(?:\d+-[a-z]+|[$€£]\d+(?=\s(?:bills?|notes?|coins?)\b))\s+[a-z].*", re.I | re.S
)
"""A size that things are named by: `56 6-inch pencils`, `two $10 bills`."""
_RESULT = re.compile(
    r"(?:=|^\W*(?:so\W+|thus\W+|therefore\W+)?there\s+(?:are|is|were|was|will be))\s*[$€£]?\s*$",
    re.I,
)
_CIRCUMSTANCE = re.compile(
    r"(?!\s*(?:to|or|and|-)\s*[$€£]?\d)[^=,;:≈<>]*?\b(?:in|for|of|to|after|on|at|per|from|before|every|each|with"
    r"|over|during|within|than|until|if|when|did|do|does|\w{3,}ing)\b[^=,;:≈<>]*$",
    re.I,
)
_WORKED = re.compile(r"\s*(?:\w+\s+)?([-+*/=])\s*[$€£]?")
"""Between the numbers of a sum that is written out."""
_CONTINUES = re.compile(
    r"\b(?:so|then|thus|therefore|hence|which|but|or|is|equals|makes|leav\w+|gives"
    r"|(?<!did )(?<!do )(?<!does )not)\b",
    re.I,
)
_AND_MORE = re.compile(r"\D*\band\s+[$€£]?\d")


def _worked_out(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """Which number a sum comes to, where only circumstances follow: `28 * 5 = 140 in 4 days`."""
    if len(every) < 2:
        return None
    results = [n for n, p in enumerate(every) if _RESULT.search(sentence[: p.start])]
    asked = [n for n, p in enumerate(every) if _is_asked(sentence, p, gold)]
    if not results and "=" not in sentence and len(asked) == 1:
        results = asked
    if not results or results[-1] == len(every) - 1:
        return None
    rest = sentence[every[results[-1]].end :]
    told = _CIRCUMSTANCE.match(rest) and not _CONTINUES.search(rest)
    return results[-1] if told and (results == asked or not _AND_MORE.match(rest)) else None


def _is_asked(sentence: str, piece: Piece, gold: Answer) -> bool:
    """Whether a number is of what the question asks for: in its unit, or before its noun."""
    own, asked = piece.value, gold.statement
    noun = re.match(r"[\s-]*([a-z]+)", sentence[piece.end :].lower())
    if noun and noun[1].removesuffix("s") in asked.counted:
        return True
    unit = own.unit if isinstance(own, Number) else None
    question = _MEASURES.get(unit.kind) if unit else None
    return unit in asked.asked or bool(question and re.search(question, asked.question))


_MEASURES = {
    "time": r"\bhow long\b|\btime\b", "length": r"\bhow (?:far|tall|long|high)\b|\bdistance\b",
    "mass": r"\bweigh", "money": r"\bhow much\b|\bcost\b|\bprice\b",
}  # fmt: skip
"""How a question asks for what a unit measures."""


def _without_reason(sentence: str, every: list[Piece]) -> list[Piece] | None:
    """The numbers outside of a reason that the sentence gives: `..., since 5 are red, 9 are blue`.

    Of those before it the one that the reason comes to, where there is one; None where it ends the
    sentence and comes to something else: `20, because 8 + 17 = 25`.
    """
    reason = _BECAUSE.search(sentence)
    if reason is None:
        return every
    sums = equations(sentence[reason.end() :])
    before = [p for p in every if p.end <= reason.start()]
    shown = [p for p in before if sums and _comes_to(p, sums[-1])]
    if before and sums and not shown and " ".join(sentence.split()).endswith(sums[-1].text):
        return None
    end = _COMMA.search(sentence, reason.end())
    after = [p for p in every if end and p.start >= end.end()]
    return before + after if after else shown or before or every


def _comes_to(piece: Piece, equation: Equation) -> bool:
    """Whether a number is what an equation comes to."""
    own = piece.value
    if not isinstance(own, Number) or not equation.holds:
        return False
    shares = own.percent or (own.unit is not None and own.unit.name == "cent")
    worth = (own.value, own.value / 100) if shares else (own.value,)
    return bool(own.scale) or equation.result in map(float, worth)


def chosen(sentence: str, every: list[Piece], first: bool, gold: Answer) -> int:
    """Which number of several it is: the last; after "the answer is" the first that is worked out."""
    at = 0 if first else len(every) - 1
    if first:
        head = len(sentences.EXPLAINS.split(sentence, maxsplit=1)[0])
        beyond = 0
        while beyond + 1 < len(every) and every[beyond + 1].end <= max(head, every[beyond].end):
            gap = sentence[every[beyond].end : every[beyond + 1].start]
            if not (goes_on := _WORKED.fullmatch(gap)):
                break
            beyond, at = beyond + 1, beyond + 1 if goes_on[1] == "=" else at
    elif (worked := _worked_out(sentence, every, gold)) is not None:
        at = worked
    elif at and (than := _THAN.match(sentence, every[0].end)):
        at = 0 if than[1] in gold.statement.question else at
    elif every[at].form == "words" and not _SPEAKS.search(sentence[: every[at].start]):
        figures = [n for n, p in enumerate(every) if p.form != "words"]
        tells = re.match(r"\s+(?:are|is|were|was|remains?|left)\b", sentence[every[at].end :], re.I)
        at = figures[-1] if figures and not tells else at
    return at
