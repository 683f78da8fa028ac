"""The rule for golds that are numbers.

A number that nobody knew counts as soon as it is said, unless it only numbers something or is so
small that language is full of it; one that was public counts only where it is put as the answer.
"""

import re
from fractions import Fraction

from tutelage.leaks.assertions import directed
from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.contexts import Place, denied, named_as_answer, place
from tutelage.leaks.golds import approximates
from tutelage.leaks.lexicon import stems
from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import Mention, Number, mentions
from tutelage.leaks.statements import counted, sentences, word_after
from tutelage.leaks.weights import MEASURE, Weight, weigh
from tutelage.records import Leak

SMALL = 12
"""Whole numbers up to here are everyday words; they count only where they come out of something."""


def number(case: Case) -> Leak:
    """The gold's value, in any notation."""
    known: frozenset[Number] | None = None
    for mention in outermost(m for m in mentions(case.text) if _is_gold(case, m)):
        at = place(case.text, mention.start, mention.end)
        if mention.form == "fraction" and not _settled(mention, at):
            continue  # A division to be done; the rule for expressions looks at it.
        known = case.numbers if known is None else known
        public = case.answer.number in known or mention.value in known
        public = public and not _rewritten(case, mention)
        if (_confirms if public else _tells)(case, mention, at):
            kind = "confirmed" if public else _notation(case, mention)
            return case.leak(kind, mention.start, mention.end)
    return CLEAN


def _is_gold(case: Case, mention: Mention) -> bool:
    gold, worth = case.answer.number, case.answer.worth
    if gold is None or worth is None:
        return False
    readings = (mention.value, mention.other)
    share = case.answer.share
    return (
        gold in readings
        or (share is not None and share in readings)
        or any(approximates(value, worth) for value in readings)
    )


def _settled(mention: Mention, at: Place) -> bool:
    """Whether a fraction is a result and not a division to be done.

    `1/2` is one, `18/16 of a cup` is, and a `2/4` that stands for itself; `84/2` and `divide 3/4 by
    6/4` are not.
    """
    value = Fraction(mention.value)
    if value.denominator == 1:
        return False
    lowest = re.sub(r"\s", "", at.said).endswith(f"{abs(value.numerator)}/{value.denominator}")
    mixed = re.match(r"\d+\s+(?:and\s+)?\d", at.said)
    measured = re.match(r"\s+(?:of\s+(?:an?|the)\b|[a-z]{3,})", at.after) and not directed(at)
    return lowest or at.alone or bool(mixed) or "/" not in at.said or bool(measured)


def _rewritten(case: Case, mention: Mention) -> bool:
    """Whether the problem is to write a public value in another way: `0.125` as `1/8`."""
    style = _style(case.answer.text, mentions(case.answer.text)[-1])
    if style == "words" or _style(case.text, mention) != style:
        return False
    return not any(
        known.means(mention.value) and _style(said, known) in (style, "words")
        for said in case.public
        for known in mentions(said)
    )


def _style(text: str, mention: Mention) -> str:
    if mention.form == "figures":
        return "percent" if text[mention.start : mention.end].endswith("%") else "decimal"
    return mention.form


def _notation(case: Case, mention: Mention) -> str:
    if mention.form in ("spaced", "words"):
        return "hidden" if mention.form == "spaced" else "words"
    return "string" if case.text[mention.start : mention.end] == case.answer.text else "number"


# ---- a number that was not public


def _tells(case: Case, mention: Mention, at: Place) -> bool:
    """Whether it is the answer that is said, and no step number, count or figure of speech."""
    if _bare(at):
        return True
    small = mention.value == int(mention.value) and 0 <= mention.value <= SMALL
    weight = weigh(at, case.answer, small)
    if _foreign_percent(case, mention, at):
        return weight is Weight.ANSWER
    if mention.loose and mention.form == "spaced":
        return weight is Weight.ANSWER
    if mention.loose:
        ends = re.match(r"\s*(?:[.!?,;:)]|$)", at.after)
        asked = word_after(case.text, mention) in case.answer.asked
        if weight is Weight.RESULT:
            return bool(ends) or asked
        return weight is Weight.ANSWER or _answers_question(case, at)
    if mention.form == "spaced":
        crowded = re.search(r"\d\s*[-+*/,]?\s*$", at.before)
        crowded = crowded or re.match(r"\s*[-+*/,]?\s*\d", at.after)
        return weight is not Weight.NUMBERING and not crowded
    if small and weight is Weight.PASSING:
        return _answers_question(case, at)
    return weight >= Weight.PASSING


def _bare(at: Place) -> bool:
    """Whether the message is the number and nothing else, but for a name: `x = 5`."""
    named = re.fullmatch(r"\s*[a-z]\s*=\s*", at.text[: at.start]) if at.start < 12 else None
    return at.alone or bool(named and not re.search(r"[^\W_]", at.text[at.end :]))


def _foreign_percent(case: Case, mention: Mention, at: Place) -> bool:
    """`A 50% chance` where the gold is 50 and nobody asks for percent."""
    if "%" not in at.said or mention.value != case.answer.number:
        return False
    return not re.search(r"%|percent", case.answer.text + case.answer.question)


def _answers_question(case: Case, at: Place) -> bool:
    """`The cats weigh 5 kg more than the puppies`: a statement in the words of the question."""
    asked = stems(case.answer.question)
    enough = 1 if re.search(r"\b(?:only|just)\s+$", at.before) else 3
    if len(asked) < enough or at.asks or not re.match(r"\s*-?[a-z]", at.after):
        return False
    if re.search(r"\bif\b", at.before + at.after):
        return False
    return len(asked & stems(at.before + at.after)) >= 0.7 * len(asked)


# ---- a number that was public


def _confirms(case: Case, mention: Mention, at: Place) -> bool:
    """Whether a known number is singled out as the answer."""
    return (
        _bare(at)
        or named_as_answer(at, case.answer.sought)
        or _computed(case, mention)
        or _restated(case, mention, at)
        or _answered(case, mention, at)
    )


_OUTCOME = re.compile(
    r"\d\s*(?:[a-z]+\s+)?(?:[-+*/]|plus|minus|times|(?:divided\s+)?by|to|from|and)\s*[\d.,]+\s*"
    r"(?:[a-z%]+\s*){0,4}(?:=|\b(?:equals|is|makes|gives|(?:to|and|you)\s+(?:get|obtain|find|reach)))\s*$",
    re.IGNORECASE,
)


def _computed(case: Case, mention: Mention) -> bool:
    """`6 + 9 = 15` where 15 stands in the statement, unless the student has computed it too."""
    if not _OUTCOME.search(case.text[max(0, mention.start - 60) : mention.start]):
        return False
    return not any(
        re.search(r"=\s*$", turn[max(0, known.start - 8) : known.start])
        for turn in case.turns
        for known in mentions(turn)
        if known.value == mention.value
    )


_EARLY = re.compile(r"\b(?:if|after|before|first|start\w*|begin\w*|each|every|per)\b")


def _restated(case: Case, mention: Mention, at: Place) -> bool:
    """`She has three ribbons now` where only "3 red" was public: a known number, newly counted.

    The sentence has to take up a second word of the question, as `now` does here.
    """
    noun = word_after(case.text, mention)
    if not noun or not (noun in case.answer.asked or MEASURE.match(at.after)):
        return False
    if any((mention.value, noun) in counted(said) for said in case.public):
        return False
    if at.asks or _EARLY.search(at.before + at.after):
        return False
    asked = stems(case.answer.question) - {noun[:4]}
    taken_up = asked & stems(at.before + at.after)
    return bool(taken_up) and weigh(at, case.answer, small=True) is Weight.RESULT


_EARLIER = re.compile(r"\b(?:if|after|before|first|start\w*|begin\w*)\b")


def _answered(case: Case, mention: Mention, at: Place) -> bool:
    """`Each gets 45` to "how many does each get?": the question's words, and the number among them.

    Where a public sentence says the same of the same number, it is only said again.
    """
    asked = stems(case.answer.question) - {noun[:4] for noun in case.answer.asked}
    if not asked or at.asks or denied(at) or _EARLIER.search(at.before + at.after):
        return False
    if not asked <= stems(at.before + at.after):
        return False
    if weigh(at, case.answer, small=True) is not Weight.RESULT:
        return False
    return not any(
        asked <= stems(sentence) and any(known.means(mention.value) for known in mentions(sentence))
        for said in case.public
        for sentence in sentences(said)
    )
