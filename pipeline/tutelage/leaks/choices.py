"""The rule for options to be chosen: a letter, its place, its text, or all others ruled out.

The options stand in the statement, so all of them are public; what counts is that one is picked.
"""

import re
from functools import lru_cache

from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.contexts import Place, named_as_answer, place
from tutelage.leaks.lexicon import phrase
from tutelage.leaks.mention import outermost
from tutelage.leaks.phrases import EXCLUDED, answers
from tutelage.records import Leak

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_PLACED = re.compile(
    rf"\b({'|'.join(_ORDINALS)}|last)"
    r"(?:\s+(?:option|choice|one|answer|alternative)\b|(?=\s*[.!?]|\s*$))",
    re.IGNORECASE,
)
_OPENED = re.compile(r"^\s*(?:(?:option|choice|letter)\s+)?$")
_TRY = re.compile(r"\b(?:try|guess|tick|take|how\s+about|what\s+about)\s+(?:option\s+)?$")
_BARE = re.compile(r"^\W*(?:it(?:'s|\s+is)|so|that(?:'s|\s+is))?\s*(?:the\s+|an?\s+)?$")


def choice(case: Case) -> Leak:
    """The right option, picked out of those that the statement offers."""
    answer, text = case.answer, case.text
    letter = answer.letter
    if not letter:
        return CLEAN
    alone = re.sub(r"[\W_]", "", text)
    written = letter + re.sub(r"[\W_]", "", answer.text)
    if alone in (letter, letter.lower(), f"Option{letter}", written):
        return Leak("choice", evidence=text.strip())
    others = tuple(other for other in answer.letters if other != letter)
    for found in outermost(_letter(letter).finditer(text)):
        if _picked(case, place(text, *found.span()), others):
            return case.leak("choice", *found.span())
    for found in outermost(_PLACED.finditer(text)):
        names = _ordinals(answer.letters, letter)
        at = place(text, *found.span())
        bare = _BARE.match(at.before) and re.match(r"\s*[.!]?$", at.after)
        if found[1].lower() in names and (bare or named_as_answer(at)):
            return case.leak("choice", *found.span())
    for found in outermost(phrase(answer.text).finditer(text)) if answer.text else ():
        at = place(text, *found.span())
        bare = _BARE.match(at.before) and re.match(r"\s*[.!]?$", at.after)
        if bare or named_as_answer(at) or answers(case, at):
            return case.leak("choice", *found.span())
    excluded = len(others) >= 2 and EXCLUDED.search(text) and not _named(case, letter)
    if excluded and all(_named(case, other) for other in others):
        return Leak("choice", evidence="every other option is ruled out")
    return CLEAN


def _named(case: Case, letter: str) -> bool:
    """Whether the message names an option, by its letter or in its own words."""
    said = case.answer.offered.get(letter, "")
    named = re.search(r"\w{2}", said) and phrase(said).search(case.text)
    return bool(named or _letter(letter).search(case.text))


@lru_cache
def _letter(letter: str) -> re.Pattern[str]:
    """Finds an option's letter; `A` and `I` are words too and need a sign or a verb after."""
    alone = rf"{letter}(?![\w'])"
    if letter in "AI":
        alone = rf"{letter}(?=[).,;!?:]|\s*$|\s+(?:is|was|and|or|nor)\b)"
    small = letter.lower()
    named = "|".join(
        rf"(?i:(?<={word} )){small}(?=[.,;!?]|\s*$)"
        for word in ("option", "choose", "pick", "is", "try")
    )
    return re.compile(rf"(?<![\w'])(?:\({letter}\)|{alone}|\(?{small}\))|{named}")


def _picked(case: Case, at: Place, others: tuple[str, ...]) -> bool:
    """Whether a letter is picked, and not compared with others."""
    near = case.text[at.start - len(at.before) : at.start] + case.text[at.end :][: len(at.after)]
    if any(_letter(other).search(near) for other in others) and "answer" not in at.before:
        return False
    if named_as_answer(at):
        return True
    said = at.after.strip()
    if _TRY.search(at.before) and said[:1] in ("", *".,!?"):
        return True
    closed = said[:1] in ("", *".,!?:") or said.startswith(case.answer.text.lower() or "?")
    return bool(_OPENED.match(at.before)) and closed


def _ordinals(letters: tuple[str, ...], letter: str) -> tuple[str, ...]:
    """What the place of an option is called."""
    at = letters.index(letter) if letter in letters else len(_ORDINALS)
    return (*_ORDINALS[at : at + 1], *(["last"] if at == len(letters) - 1 else []))
