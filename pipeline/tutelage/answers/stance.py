"""With how much a sentence says a value: counts with it, says it, lets it come out, puts it as the
answer.

Tables of words around a span; nothing here knows the value or the gold.
"""

import re
from enum import IntEnum
from functools import lru_cache

from tutelage.answers.tables import FILL, LEXICON, TABLES


class Stance(IntEnum):
    """How much is said of the answer by naming a value."""

    COUNTED = 0
    """It numbers or counts something else: step 2, two ways, 60 minutes in an hour."""
    WORK = 1
    """It is there to be worked with: subtract 5, 5 times, what is 5 + 1."""
    SAID = 2
    RESULT = 3
    """It comes out of something: = 5, she has 5 left."""
    ANSWER = 4
    """It is put as the answer: the answer is 5, 5 is correct, change it to 5."""


_FACTS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
"""To each number the things that there are so many of, and in what."""
for _holder, _facts in LEXICON["facts"].items():
    _pattern = re.compile(rf"\b(?:an?|one|1|each|every|per|the|of|in|full)\s+{_holder}")
    for _number, _, _thing in (fact.partition(" ") for fact in _facts.split(", ")):
        _FACTS.setdefault(_number, []).append((_thing, _pattern))
_LISTED = re.compile(r"(?:^|\n|[.!?;:]\s+)[ \t>*(-]*$")
_SENTENCE = re.compile(r"[.!?;](?<!\b[ie]\.[eg].)(?<!\b[ap]\.m.)(?=\s|$|[\"'⟧)])|\n")
_NEAR = 140
_SUBJECT = re.compile(
    r"^\W*(?:(?:so|then|thus|therefore|hence|and|but|now|which means|that means)\W+)*"
    r"(?:the|her|his|its|their|your)?\s*((?:[a-z'-]+\s+){0,5}?[a-z'-]+)\s*"
    r"(?:\b(?:is|equals|was|comes\s+(?:out\s+)?to|becomes|(?:must|should|would|will)\s+be)\b|[=:])\s*"
    + FILL
)
_PREDICATE = re.compile(
    r"^\s*(?:is|are|was|would be|equals)\s+(?:the|her|his|its|their|your|what|how)\s+([a-z' ]+)"
)
_LITTLE = frozenset(["of", "the", "for", "a", "in", "all", "her", "his", "to", "an", "each"])


def around(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a span in its sentence, in lower case."""
    head, tail = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    cut = max((m.end() for m in _SENTENCE.finditer(head + "x")), default=0)
    stop = _SENTENCE.search(tail)
    return head[cut:].lower(), tail[: stop.end() if stop else None].lower()


_LETTERS = re.compile(r"[^\W_]")
_NAMED = re.compile(
    r"^\W*(?:(?:so|then|thus|hence|therefore)\W+)?(?:(?:you|we)\s+(?:(?:then|should|would)\s+)?"
    r"(?:get|obtain|find)\s+)?(?:[a-z]\s*=)?", re.I)  # fmt: skip


def alone(text: str, start: int, end: int) -> bool:
    """Whether the text says nothing but the span, a name for it, or that one gets it."""
    if len(text) > 80 + end - start:
        return False
    if _LETTERS.search(text, end):
        return False
    return not _LETTERS.search(_NAMED.sub("", text[:start]))


_COUNT = re.compile(r"([\d,]+)[\s-]+([a-z]+)")
_NOUNS = re.compile(r"[\s-]*([a-z]+)(?:\s+([a-z]+))?")
_NOT_IT = re.compile(r"n't (?:it|that)\b")
_EQUALS = re.compile(r"(?<![<>!])=\s*$")
_SUM = re.compile(r"\d\W*(?:[a-z%]+\s*){0,6}=\s*$")
_GOES_ON = re.compile(r"\s*[-+*^/]")
_STAYS = re.compile(r"\s+(?:are|is|remains?|stay\w*)\b(?:\s+left)?\W*$")


def _is_fact(figure: str, before: str, after: str) -> bool:
    """Whether a number says what everybody knows: `60 minutes in an hour`, `a week has 7 days`."""
    unit = _COUNT.match(figure.lower() + after)
    facts = _FACTS.get(unit[1].replace(",", "")) if unit else None
    if not unit or not facts:
        return False
    near = before[-30:] + after[max(0, unit.end() - len(figure)) :][:30]
    return any(unit[2].startswith(thing) and holder.search(near) for thing, holder in facts)


def _is_counted(text: str, start: int, end: int, before: str, after: str) -> bool:
    figure = text[start:end]
    if len(figure) < 3 and figure.isdigit():
        opens = _LISTED.search(text[max(0, start - 40) : start])
        if opens and re.match(r"[.):]\s", text[end : end + 2]):
            return True
        if text[start - 1 : start] == "(" and re.match(r"\)\s+[a-z]", text[end : end + 9]):
            return True
    numbered = TABLES["numbered"].search(before) or re.search(r"\d:$", before)
    return bool(numbered or TABLES["counted"].match(after))


@lru_cache(maxsize=1024)
def stance(text: str, start: int, end: int, sought: frozenset[str] = frozenset()) -> Stance:
    """What the sentence does with `text[start:end]`; `sought` are names of what is asked for."""
    if alone(text, start, end):
        return Stance.ANSWER
    before, after = around(text, start, end)
    noun = _NOUNS.match(after)
    of_it = noun is not None and any(w and w.removesuffix("s") in sought for w in noun.groups())
    if not of_it and (
        _is_fact(text[start:end], before, after) or _is_counted(text, start, end, before, after)
    ):
        return Stance.COUNTED
    denied = TABLES["denied"].search(before) and not _NOT_IT.search(before)
    if denied or TABLES["denied_after"].match(after):
        return Stance.SAID
    named = TABLES["named"].search(before) or TABLES["named_after"].match(after)
    if named or _is_sought(before, after, sought):
        return Stance.ANSWER
    equals = _EQUALS.search(before)
    if equals and _SUM.search(before) and not _GOES_ON.match(after):
        return Stance.RESULT
    resulting = TABLES["resulting"].search(before)
    if TABLES["operand"].search(before) and not resulting:
        return Stance.WORK
    if not equals and TABLES["directed"].search(before):
        return Stance.WORK
    if of_it or (not before.strip(" *_") and _STAYS.match(after)):
        return Stance.RESULT
    comes_out = TABLES["closed"].match(after) and (resulting or TABLES["out"].search(before))
    return Stance.RESULT if comes_out else Stance.SAID


_LETTER_IS = re.compile(r"(?<![\w.^*/+-])(?<![*/+-]\s)([a-z])\s*=\s*$")


def _is_sought(before: str, after: str, sought: frozenset[str]) -> bool:
    """Whether a sentence says of a value that it is what is asked for: `12 is the area`, `her average
    score is 12`."""
    if (letter := _LETTER_IS.search(before)) and letter[1] in sought:
        return True
    m = _SUBJECT.match(before)
    if m and {w.removesuffix("s") for w in m[1].split()} - _LITTLE <= sought:
        return True
    m = _PREDICATE.match(after)
    words = [w.removesuffix("s") for w in m[1].split() if w not in _LITTLE] if m else []
    if words and words[0] in sought - {"number", "total"}:
        return True
    return len(words) > 1 and bool(set(words[:2]) & sought)
