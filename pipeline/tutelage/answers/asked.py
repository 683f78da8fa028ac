"""Which of the numbers that a sentence gives is the one that the problem asks for.

It is the last, or after "the answer is" the first that is worked out; but not where only
circumstances follow (`28 * 5 = 140 berries in 4 days`), or what is said of something else (`the
median is 8 and the mean is 7.4`), or an explanation (`$34, down from $40`).
"""

import re
from bisect import bisect_left, bisect_right
from itertools import pairwise

from tutelage.answers.choices import stems
from tutelage.answers.gold import Answer
from tutelage.answers.pieces import Piece
from tutelage.answers.values import Number

SPEAKS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|gets?|leaves?|yields?|total|of|with|has|have)|[:=])\s+"
    r"(?:exactly |just |only |about )?$",
    re.I,
)
"""Before a number that a sentence puts forward."""
_THAN = re.compile(r"\s+is\s+(?:the\s+)?(\w+er|more|less)\s+than\s")


def chosen(sentence: str, every: list[Piece], first: bool, gold: Answer) -> int:
    """Which number of several it is: the last; after "the answer is" the first that is worked out."""
    at = 0 if first else len(every) - 1
    if len(every) == 1:
        return at
    if first:
        for n, (left, right) in enumerate(pairwise(every), 1):
            if not (goes_on := _WORKED.fullmatch(sentence, left.end, right.start)):
                break
            at = n if goes_on[1] == "=" else at
        return at
    ways = (
        _in_asked_unit, _worked_out, _explained, _in_best_clause, _only_new, _compared, _figures,
    )  # fmt: skip
    told = (way(sentence, every, gold) for way in ways)
    return next((n for n in told if n is not None), at)


def _compared(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """What is more than another number, where more is asked for: `5/8 is larger than 3/5`."""
    than = _THAN.match(sentence, every[0].end)
    return 0 if than and than[1] in gold.statement.question else None


def _figures(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """The last number in figures, where one in words only follows: `she gave 5 to one of them`."""
    last, figures = every[-1], [n for n, piece in enumerate(every) if piece.form != "words"]
    spoken = SPEAKS.search(sentence[: last.start]) or _ELIDED.match(sentence, last.end)
    return figures[-1] if figures and last.form == "words" and not spoken else None


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
    if _counts_asked(sentence, piece, gold):
        return True
    unit = own.unit if isinstance(own, Number) else None
    question = _MEASURES.get(unit.kind) if unit else None
    return unit in asked.asked or bool(question and re.search(question, asked.question))


def _counts_asked(sentence: str, piece: Piece, gold: Answer) -> bool:
    """Whether a number stands before the noun that the question asks the number of, or does not say it
    again."""
    if gold.statement.counted and _ELIDED.match(sentence, piece.end):
        return True
    noun = re.match(r"[\s-]*([a-z]+)", sentence[piece.end :].lower())
    return noun is not None and noun[1].removesuffix("s") in gold.statement.counted


_GOES_ON = re.compile(
    r"\b(?:so|then|thus|therefore|hence|which|that|gives?|leav\w+|makes?|yields?|minus|plus|times|less|fewer"
    r"|twice|half|not|no|wait|actually|together|total|add|get|means|meaning)\b",
    re.I,
)


def _in_asked_unit(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """The one number in the unit that is asked for, where the last is in a unit of another kind:
    `after 16 weeks he has $240`."""
    asked = gold.statement.asked
    units = [p.value.unit if isinstance(p.value, Number) else None for p in every]
    shares = [isinstance(p.value, Number) and p.value.percent for p in every]
    if shares.count(True) == 1 and _ASKS_SHARE.search(gold.statement.question):
        return shares.index(True)
    fitting = [n for n, unit in enumerate(units) if unit in asked]
    last = units[-1]
    apart = last is not None and last.kind not in {unit.kind for unit in asked}
    return fitting[0] if len(fitting) == 1 and apart else None


_ASKS_SHARE = re.compile(r"\b(?:what|which)\s+(?:(?:is|was)\s+)?(?:the\s+)?per ?cent(?:age)?\b")
_MEASURES = {
    "time": r"\bhow long\b|\btime\b", "length": r"\bhow (?:far|tall|long|high)\b|\bdistance\b",
    "mass": r"\bweigh", "money": r"\bhow much\b|\bcost\b|\bprice\b",
}  # fmt: skip
"""How a question asks for what a unit measures."""


_ASIDE = re.compile(
    r"\s*(?:[a-z]+\s+){0,3}\((?!.*(?:[=≈%]|\b(?:i\.?e|that|so|or|not|after|minus)\b))[^()]*\)\W*",
    re.I,
)
_TURNS = re.compile(r"\b(?:so|then|thus|therefore|hence|but|makes?|leav\w+|gives)\b", re.I)
_IS = re.compile(r"(?:\b(?:is|are|equals)|'s|=)\s*[$€£]?$")
_APPOSED = re.compile(
    r"\s*(?:[a-z]+\s+){0,2}[a-z]*,\s+(?:an? [a-z]+ of|(?:down|up) from|compared (?:to|with)"
    r"|(?:twice|half|\w+ times) (?:as|of|the))\b",
    re.I,
)


_PARTS = re.compile(
    r"\s*(?:[a-z]+\s+){0,3}[a-z]*(?:\s*[:(]|,?\s*\bi\.e\.|,(?!.*(?:=|\b(?:so|then|to)\b)))"
)
"""Between a total and its parts."""


def _sums_up(total: Piece, parts: list[Piece]) -> bool:
    """`$32.40, i.e. $30 for the shirt plus $2.40 in tax`."""
    values = [p.value.value for p in (total, *parts) if isinstance(p.value, Number)]
    return len(values) == len(parts) + 1 and values[0] == sum(values[1:])


def _explained(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """Which number is only explained by what follows: `$34, down from $40`, `it is 42: 84/42 = 2`."""
    for n, piece in enumerate(every[:-1]):
        rest = sentence[piece.end :]
        if n < len(every) - 2 and _PARTS.match(rest) and _sums_up(piece, every[n + 1 :]):
            return n
        told = n == 0 and rest[:2] == ": " and _IS.search(sentence[: piece.start])
        again = told and (
            "=" not in rest or sentence[piece.start : piece.end] in re.split(r"[^\d.]+", rest)
        )
        if again or _ASIDE.fullmatch(rest) or (_APPOSED.match(rest) and not _TURNS.search(rest)):
            return n
    return None


_BOUNDARY = re.compile(r"[;:()]|,\s|\b(?:and|while|whereas|but|with|plus|instead|compared)\b", re.I)
_REASON_FIRST = re.compile(r"\W*(?:since|because|as)\b", re.I)
_CONDITION = re.compile(r"\b(?:if|when|given)\b[^,?]*,")
_BEFORE_OPERATOR = re.compile(r"\s*[-+*/^=≈]")
_AFTER_OPERATOR = re.compile(r"(?:[-+*/^]|\bby)\s*[$€£]?$")
_ELIDED = re.compile(
    r"\s+(?:of (?:them|these|those)|is|are|was|were|remains?|left)\b(?!\s*[-$€£]?\d)"
)
"""After a number whose noun is not said again: `30 seats are taken and 18 are empty`."""
_CALL = re.compile(r"(?<!\w)[a-z]\([^()]*\)")


def _in_best_clause(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """Which number stands in the clause that has most of the question's words, where the last
    number's has fewer: `the median is 8 and the mean is 7.4`, `8 boxes, with 3 muffins left over`."""
    if _REASON_FIRST.match(sentence):
        return None
    question = gold.statement.question
    wanted = _words(_CONDITION.sub("", question))
    cuts = [0, *(m.start() for m in _BOUNDARY.finditer(sentence)), len(sentence)]
    scores = []
    shared = frozenset[str]()
    for piece in every:
        before = sentence[max(0, piece.start - 60) : piece.start]
        lead = _words(sentence[cuts[bisect_right(cuts, piece.start) - 1] : piece.start])
        shared = lead or shared  # Anton finds 34 stickers on Saturday and 18 on Sunday
        own = _words(sentence[piece.end : cuts[bisect_left(cuts, piece.end)]])
        operand = _BEFORE_OPERATOR.match(sentence, piece.end) or _AFTER_OPERATOR.search(before)
        idle = operand or (_is_given(piece, gold) and not _IS.search(before))
        score = 10 * _counts_asked(sentence, piece, gold) + len(wanted & (shared | own))
        scores.append(-1 if idle and piece is not every[-1] else score)
    best = max(scores)
    at = max(n for n, score in enumerate(scores) if score == best)
    comes_out = [sentence[: p.start].rstrip(" $€£").endswith("=") for p in (every[at], every[-1])]
    if comes_out == [False, True] or _GOES_ON.search(sentence, every[at].end):
        return None
    concludes = sentence[: every[-1].start].rstrip("$€£").endswith(": ")
    return at if best > scores[-1] and not concludes else None


def _only_new(sentence: str, every: list[Piece], gold: Answer) -> int | None:
    """The one number that the problem does not give, where one that it gives only follows: `400 g are
    needed for 10 people`."""
    given = [_is_given(piece, gold) for piece in every]
    before = sentence[: every[-1].start]
    spoken = _IS.search(before) or SPEAKS.search(before) or before[-2:] == ": "
    if (
        given.count(False) != 1
        or not given[-1]
        or spoken
        or _counts_asked(sentence, every[-1], gold)
    ):
        return None
    at = given.index(False)
    return at if not _GOES_ON.search(sentence, every[at].end) else None


def _is_given(piece: Piece, gold: Answer) -> bool:
    """Whether the problem itself names a number."""
    return isinstance(piece.value, Number) and piece.value.value in gold.statement.given


def _words(text: str) -> frozenset[str]:
    """The stems of a text, and calls of functions: `f(-2)`."""
    return stems(text).union(_CALL.findall(text))
