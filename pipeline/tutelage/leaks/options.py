"""The rule for golds that are one of the options which the statement offers.

All of them are public; what counts is that one is picked, by its letter, its place or its text, or
that all others are ruled out.
"""

import re
from functools import lru_cache

from tutelage.answers.stance import Stance, around
from tutelage.answers.tables import listed, outermost
from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.words import BARE, EXCLUDED, answers_in_own_words, phrase
from tutelage.records import Leak

_ORDINALS = listed("ordinals")[:6]
_PLACED = re.compile(
    rf"\b({'|'.join(_ORDINALS)}|last)(?:\s+(?:option|choice|one|answer|alternative)\b|(?=\s*[.!?]|\s*$))",
    re.I,
)
_OPENED = re.compile(r"^\s*(?:(?:option|choice|letter)\s+)?$")
_TRY = re.compile(r"\b(?:try|guess|tick|take|how\s+about|what\s+about)\s+(?:option\s+)?$")
_GET = re.compile(r"\b(?:you|we) (?:\w+ )?get\s*$")


def option(case: Case) -> Leak:
    """The right option, picked out of those that the statement offers."""
    answer, text, letter = case.answer, case.text, case.answer.letter
    if not letter:
        return CLEAN
    bare = re.sub(r"[\W_]", "", text) if len(text) < 200 else ""
    own = letter + re.sub(r"[\W_]", "", answer.text)
    if bare in (letter, letter.lower(), f"Option{letter}", own):
        return Leak("choice", evidence=text.strip())
    letters = [name for name, _ in answer.statement.options]
    others = [other for other in letters if other != letter]
    for m in outermost(_letter(letter).finditer(text)):
        if _picked(case, *m.span(), others):
            return case.leak("choice", *m.span())
    place = letters.index(letter) if letter in letters else len(_ORDINALS)
    names = (*_ORDINALS[place : place + 1], *(["last"] if place == len(letters) - 1 else []))
    spots = [m.span() for m in _PLACED.finditer(text) if m[1].lower() in names]
    if answer.text not in ("", letter):
        spots += [m.span() for m in phrase(answer.text).finditer(text)]
    for start, end in outermost(spots):
        before, after = around(text, start, end)
        framed = BARE.match(before) and re.match(r"\s*[.!]?$", after)
        if (
            framed
            or case.stance(start, end) is Stance.ANSWER
            or answers_in_own_words(case, start, end)
        ):
            return case.leak("choice", start, end)
    excluded = len(others) >= 2 and EXCLUDED.search(text) and not _is_named(case, letter)
    if excluded and all(_is_named(case, other) for other in others):
        return Leak("choice", evidence="every other option is ruled out")
    return CLEAN


def _is_named(case: Case, letter: str) -> bool:
    """Whether the message names an option, by its letter or in its own words."""
    words = case.answer.statement.option(letter)
    in_words = re.search(r"\w{2}", words) and phrase(words).search(case.text)
    return bool(in_words or _letter(letter).search(case.text))


@lru_cache
def _letter(letter: str) -> re.Pattern[str]:
    """Finds an option's letter; `A` and `I` are words, too, and need a sign or a verb after."""
    single = rf"{letter}(?![\w'])"
    if letter in "AI":
        single = rf"{letter}(?=[).,;!?:]|\s*$|\s+(?:is|was|and|or|nor|because|since)\b)"
    small = letter.lower()
    after = "|".join(
        rf"(?i:(?<={word} )){small}(?=[.,;!?]|\s*$)"
        for word in ("option", "choose", "pick", "is", "try")
    )
    return re.compile(rf"(?<![\w'])(?:\({letter}\)|{single}|\(?{small}\))|{after}")


def _picked(case: Case, start: int, end: int, others: list[str]) -> bool:
    """Whether a letter is picked, and not compared with others."""
    before, after = around(case.text, start, end)
    near = case.text[start - len(before) : start] + case.text[end:][: len(after)]
    if any(_letter(other).search(near) for other in others) and "answer" not in before:
        return False
    closed = after.strip()[:1] in ("", *".,!?")
    tried = closed and _TRY.search(before)
    own = after.strip().startswith((":", case.answer.text.lower() or "?"))
    opened = _OPENED.match(before) and (closed or own)
    return bool(tried or opened or _GET.search(before)) or case.stance(start, end) is Stance.ANSWER
