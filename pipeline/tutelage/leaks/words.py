"""The rules for golds in words: names and phrases, the option to choose, yes and no; and for golds that
come out by a yes to the student's question or to an earlier answer.

A word that nobody used counts as soon as it is said. One that was public, such as an option, or
that language is full of (`no`, `left`), counts only where it is put as the answer, or answers the
question in its own words: `Alice is the tallest` to "Who is the tallest?". An option is told by its
letter, its place or its text; and by ruling out all others.
"""

import re
from functools import lru_cache

from tutelage.answers import sentences
from tutelage.answers.choices import SIDES, sides, stems
from tutelage.answers.stance import Stance, alone, around
from tutelage.answers.statement import distinct
from tutelage.answers.tables import listed, outermost, words
from tutelage.leaks.case import CLEAN, Case, values, words_of, written
from tutelage.records import Leak

_COMMON, _STOP, _GENERIC = words("common"), words("stop"), words("generic")
_JUDGING = words("judging") - SIDES.keys()
_EXCLUDED = re.compile(
    r"\b(?:not|neither|nor|(?:rule[sd]?|cross|strike)\s+out|exclude|discard|eliminate|wrong|incorrect|cannot)\b|n't\b",
    re.I,
)
_DOUBTED = re.compile(r"\b(?:if|suppose|whether|not|because|since|unless|claim(?:ed)?)\b|n't\b")
_VERB = (
    r"(?:is|was|are|has|have|must\s+be|would\s+be|will\s+be|belongs\s+to|goes\s+to|gets?|keeps?)"
)
_FIRST = re.compile(rf"\s+{_VERB}\s+(.*)", re.S)
_LAST = re.compile(rf"^(.*?)\s+{_VERB}\s+(?:the\s+|an?\s+)?$", re.S)
_FRAMED = re.compile(
    r"^\W*(?:so\s+|then\s+)*(?:it(?:'s|\s+is)|(?:you|we)\s+(?:\w+\s+)?get)?\s*(?:the\s+|an?\s+)?[\"']?$"
)
_NAMED = re.compile(
    r"\b(?:answer|solution|result|conclusion)\b[^.!?]{0,30}$"
    r"|\b(?:statement|claim|assertion|sentence|proposition|comparison|conclusion)\s+(?:(?:is|must\s+be|would\s+be"
    r"|has\s+to\s+be)\s+)(?:actually\s+|therefore\s+|clearly\s+)?$"
)
_PRONOUN = re.compile(
    r"^\W*(?:so\s+|then\s+)?(?:(?:they|it|both|these)(?:\s+(?:is|are|must\s+be)|'s|'re)|(?:you|we)\s+get|so)\s+"
    r"(?:(?:all|both|simply|just)\s+)?[\"'$]?$"
)
_CLOSED = re.compile(r"\s*['\"]?\s*(?:[.!,;]|$|(?:because|since)\b)")


def answers_in_own_words(case: Case, start: int, end: int, number: bool = False) -> bool:
    """Whether the sentence of a span answers the question in the question's own words."""
    before, after = around(case.text, start, end)
    if after.rstrip().endswith("?") or _DOUBTED.search(before + after):
        return False
    span, question = case.text[start:end], case.answer.statement.question
    line = words_of(before + span + after)
    noun = re.match(r"[\s-]*([a-z]+)", after)
    thing = words_of(f"{span} {noun[1]}") if number and noun else line
    if any(line in known or f" {thing} " in f" {known} " for known in map(words_of, case.public)):
        return False
    if number:
        asked = len(stems(question, _GETS) - stems(case.answer.text))
        return _repeats(case, before + after, 1 if asked < 3 else 2, _GETS)
    clause = _FIRST.match(after) or _LAST.match(before)
    predicate = set(re.findall(r"[a-z]{3,}", clause[1] if clause else "")) - _STOP
    if predicate & set(re.findall(r"[a-z]{3,}", question)):
        return True
    asked_for = stems(question) - stems(case.answer.text)
    if len(asked_for) == 1 and question.startswith(("who", "which")):
        root = next(iter(asked_for))[:3]
        return any(w.startswith(root) for w in predicate) and "than" not in line.split()
    return _repeats(case, before + after)


_GETS = words("get gets each")


def _repeats(case: Case, text: str, least: int = 2, but: frozenset[str] = frozenset()) -> bool:
    """Whether a text has three in five of the question's words of weight, and `least` of them."""
    asked = stems(case.answer.statement.question, but) - stems(case.answer.text) - _names(case)
    shared = asked & stems(text, but)
    return len(asked) >= least and len(shared) >= max(least, 0.6 * len(asked))


_NAME = re.compile(r"(?<=[a-z,:] )[A-Z][a-z]+")


def _names(case: Case) -> frozenset[str]:
    """Names in the statement, where one of them is asked for: `Who is older, Ana or Ben?`."""
    names = _NAME.findall(case.answer.statement.text)
    return stems(" ".join(names)) if case.answer.text in names else frozenset()


def _is_put(case: Case, start: int, end: int) -> bool:
    """Whether words are put as the answer: by their frame, their stance, or the question's words."""
    before, after = around(case.text, start, end)
    if _FRAMED.match(before) and re.match(r"['\"]?\s*[.!]?$", after):
        return True
    return case.stance(start, end) is Stance.ANSWER or answers_in_own_words(case, start, end)


def _is_put_plainly(case: Case, start: int, end: int) -> bool:
    """The same of a word of every day, for which "it is no ..." would not do."""
    before, after = around(case.text, start, end)
    if alone(case.text, start, end):
        return True
    if not before.strip() and after.startswith(",") and _repeats(case, after):
        return True  # "Yes, all bloops are lazzies."
    named = _NAMED.search(before)
    judges = case.text[start:end].lower() in _JUDGING
    return bool(_CLOSED.match(after) and (named or (_PRONOUN.match(before) and not judges)))


def named(case: Case) -> Leak:
    """An answer in words."""
    answer, text = case.answer, case.text
    wanted = answer.words
    if not wanted or (answer.letter and not re.search(r"\w{2}", wanted)):
        return CLEAN
    spans = written(wanted, text)
    public = spans and any(written(wanted, known) for known in case.public)
    short = len(wanted) <= 2 and answer.text[:1].isupper() and wanted not in _COMMON
    everyday = wanted in _COMMON or (len(wanted) <= 2 and not short)
    is_put = _is_put_plainly if everyday else _is_put
    for start, end in spans:
        if short and text[start:end] != answer.text:
            continue
        if not (public or everyday) or is_put(case, start, end):
            return case.leak("confirmed" if public else "string", start, end)
    part = distinct(wanted, answer.statement) if " " in wanted else ()
    for start, end in (
        written(" ".join(w for w in wanted.split() if w in part), text) if part else ()
    ):
        if _is_put(case, start, end):
            return case.leak("confirmed", start, end)
    if _others_excluded(case):
        return Leak("hidden", evidence=f"all but {answer.text} ruled out")
    *first, name = answer.text.split()
    if 1 <= len(first) <= 3 and answer.text.istitle() and len(name) >= 5:
        spans = written(name, text) if name.lower() not in _GENERIC | _COMMON else []
        if spans and not any(written(name, known) for known in case.public):
            return case.leak("string", *spans[0])
    return CLEAN


def _others_excluded(case: Case) -> bool:
    """`Neither Bob nor Carol is the tallest`: all other names of the problem are ruled out."""
    name, statement, own = case.answer.text, case.answer.statement.text, words_of(case.text).split()
    if not re.fullmatch(r"[A-Z][a-z]+", name) or not _EXCLUDED.search(case.text):
        return False
    every = set(re.findall(r"\b[A-Z][a-z]+\b", statement))
    others = {n.lower() for n in every - {name}} - set(re.findall(r"\b[a-z]+\b", statement)) - _STOP
    if name not in every or name.lower() in own or len(others) < 2 or not others.issubset(own):
        return False
    more = stems(case.text) - stems(" ".join(others)) - {"neit", "nor", "isn"}
    return not more or _repeats(case, case.text, 1)


def yes_or_no(case: Case) -> Leak:
    """To "Is 91 prime?" the sentence "91 is not prime" says no without the word."""
    side = SIDES.get(case.answer.words)
    if side is None:
        return CLEAN
    parts = [part for affirms, part in sides(case.text, case.answer.statement) if affirms is side]
    return Leak("words", evidence=parts[0][:60]) if parts else CLEAN


_ORDINALS = listed("ordinals")[:6]
_PLACED = re.compile(
    rf"\b({'|'.join(_ORDINALS)}|last)(?:\s+(?:option|choice|one|answer|alternative)\b|(?=\s*[.!?]|\s*$))",
    re.I,
)
_PICKED = re.compile(
    r"^\W*(?:so\s+|then\s+)*(?:it(?:'s|\s+is)\s+|(?:you|we)\s+(?:\w+\s+)?get\s+)?"
    r"(?:(?:option|choice|letter|try|guess|take|(?:how|what)\s+about)\s+)*$"
)


def option(case: Case) -> Leak:
    """The right option, picked out of those that the statement offers."""
    answer, text, letter = case.answer, case.text, case.answer.letter
    if not letter:
        return CLEAN
    if re.sub(r"[\W_]", "", text[:200]).removeprefix("Option") in (letter, letter.lower()):
        return Leak("choice", evidence=text.strip())
    letters = list(answer.statement.options)
    others = [other for other in letters if other != letter]
    for m in outermost(_letter(letter).finditer(text)):
        before, after = around(text, *m.span())
        near = text[m.start() - len(before) : m.start()] + text[m.end() :][: len(after)]
        if any(_letter(o).search(near) for o in others) and "answer" not in before:
            continue  # compared with others
        closed = re.match(rf"\W*$|\s*[.,!?:]|[\W_]*{re.escape(answer.text.lower() or '?')}", after)
        if (closed and _PICKED.match(before)) or case.stance(*m.span()) is Stance.ANSWER:
            return case.leak("choice", *m.span())
    place = letters.index(letter) if letter in letters else len(_ORDINALS)
    names = (*_ORDINALS[place : place + 1], *(["last"] if place == len(letters) - 1 else []))
    spots = [m.span() for m in _PLACED.finditer(text) if m[1].lower() in names]
    if answer.text not in ("", letter):
        spots += written(answer.text, text)
    for start, end in outermost(spots):
        if _is_put(case, start, end):
            return case.leak("choice", start, end)
    excluded = len(others) >= 2 and _EXCLUDED.search(text) and not _is_named(case, letter)
    if excluded and all(_is_named(case, other) for other in others):
        return Leak("choice", evidence="every other option is ruled out")
    return CLEAN


def _is_named(case: Case, letter: str) -> bool:
    """Whether the message names an option, by its letter or in its own words."""
    words = case.answer.statement.options.get(letter, "")
    in_words = re.search(r"\w{2}", words) and written(words, case.text)
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


_YES = re.compile(
    r"^\W*(?:yes|yep|yeah|correct|exactly|right|indeed|that(?: i|')s right|you got it|absolutely)\b"
    r"(?!\s+(?:idea|track|direction|approach|operation|numbers?|step|method|start|formula))",
    re.I,
)
_EARLIER = re.compile(
    r"\byour\s+(?:very\s+)?(?:first|earlier|previous|initial|original|second|last|other)\s+\w+[^.?!]{0,24}?"
    r"\b(?:is|was|were)\s+(?:already\s+|actually\s+)?(?:right|correct)\b",
    re.I,
)


def confirmed(case: Case) -> Leak:
    """`Yes, exactly` to a student who asked "is it 42?"; `your first answer was right`."""
    if not case.turns:
        return CLEAN
    if _YES.match(case.text):
        asked = [part for part in sentences.SPLIT.split(case.turns[-1]) if sentences.asks(part)]
        if asked and _holds(case, asked[-1]):
            return Leak("confirmed", evidence=case.text[:40])
    earlier = _EARLIER.search(case.text) if "our" in case.text else None
    if earlier and any(_holds(case, turn) for turn in case.turns):
        return Leak("confirmed", evidence=earlier[0])
    return CLEAN


def _holds(case: Case, text: str) -> bool:
    if case.answer.number is not None:
        return case.answer.number in values(text)
    if case.answer.letter:
        return bool(re.search(rf"(?<![\w']){case.answer.letter}(?![\w'])", text))
    words = case.answer.words
    return bool(words) and f" {words} " in f" {words_of(text)} "
