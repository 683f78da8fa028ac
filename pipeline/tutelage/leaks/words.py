"""The rules for golds in words: names and phrases, options to be chosen, yes and no.

A word that nobody used counts as soon as it is said. One that was public, or that language is full
of (`no`, `left`), counts only where it is put as the answer, or answers the question in its own
words: `Alice is the tallest` to "Who is the tallest?". The options stand in the statement, so all
of them are public; what counts is that one is picked, by its letter, its place or its text, or that
all others are ruled out.
"""

import re
from functools import lru_cache

from tutelage.answers.equality import OPPOSITES
from tutelage.answers.stance import Stance, alone, around
from tutelage.answers.tables import words
from tutelage.leaks.case import CLEAN, Case, outermost, words_of
from tutelage.records import Leak

COMMON = words(
    """yes no true false none all both neither either same different more less fewer equal even odd left right up
    down in out on off north south east west first second third last never always sometimes increase decrease
    greater smaller larger higher lower before after positive negative valid invalid possible impossible one two day
    night nothing everything start end top bottom open closed correct incorrect wrong good bad some any other"""  # noqa: E501
)
"""Answers that any message may hold by chance."""
_JUDGING = words("right correct wrong incorrect good true no yes bad")
_STOP = words(
    """the is are was were what which who does did you get for and with that this from how many much will would can
    have has had when where why each every one all there question she they his her their not but nor neither"""  # noqa: E501
)
_GENERIC = words(
    """river street ocean island islands mountain mountains states kingdom theorem party company university college
    school house garden bridge tower church white black green brown number problem answer"""  # noqa: E501
)
EXCLUDED = re.compile(
    r"\b(?:not|neither|nor|(?:rule[sd]?|cross|strike)\s+out|exclude|discard|eliminate|wrong|incorrect|cannot)\b|n't\b",
    re.I,
)
_DOUBTED = re.compile(r"\b(?:if|suppose|whether|not|because|since|unless|claim(?:ed)?)\b|n't\b")
_VERB = (
    r"(?:is|was|are|has|have|must\s+be|would\s+be|will\s+be|belongs\s+to|goes\s+to|gets?|keeps?)"
)
_FIRST = re.compile(rf"\s+{_VERB}\s+(.*)", re.S)
_LAST = re.compile(rf"^(.*?)\s+{_VERB}\s+(?:the\s+|an?\s+)?$", re.S)
_CLAIM = re.compile(
    r"\b(?:statement|claim|assertion|sentence|proposition|comparison|conclusion)\s+(?:is|must\s+be|would\s+be"
    r"|has\s+to\s+be)\s+(?:actually\s+|therefore\s+|clearly\s+)?$"
)
_NAMES_IT = re.compile(r"\b(?:answer|solution|result|conclusion)\b[^.!?]{0,30}$")
_PRONOUN = re.compile(
    r"^\W*(?:they|it|both|these)(?:\s+(?:is|are|must\s+be)|'s|'re)\s+(?:all\s+|both\s+)?$"
)
_CLOSED = re.compile(r"\s*['\"]?\s*(?:[.!,;]|$)")


def stems(text: str, but: frozenset[str] = frozenset()) -> set[str]:
    """The first four letters of each word of weight, and of those in `but`."""
    found = re.findall(r"[a-z]{3,}", text.lower().replace("has", "have"))
    return {word.removesuffix("s")[:4] for word in found if word in but or word not in _STOP}


@lru_cache(maxsize=2048)
def phrase(said: str) -> re.Pattern[str]:
    """Finds a phrase as whole words, whatever stands between them; `Feb.` for `February`, too."""
    parts = r"[\W_]+".join(map(re.escape, said.split()))
    if re.fullmatch(r"\w+(?:day|ber|uary|il|ust)", said.lower()) and len(said) > 5:
        parts = rf"(?:{parts}|{said[:3]}\.)"
    return re.compile(rf"(?<!\w){parts}(?:'?s)?(?!\w)", re.I)


def mentions_in_own_words(case: Case, start: int, end: int, number: bool = False) -> bool:
    """Whether the sentence of a span answers the question in the question's own words."""
    before, after = around(case.text, start, end)
    if after.rstrip().endswith("?") or _DOUBTED.search(before + after):
        return False
    if re.search(r"\bor\s+(?:the\s+)?$", before) or re.match(r"\s*,?\s*or\b", after):
        return False
    said = case.text[start:end]
    line = words_of(before + said + after)
    noun = re.match(r"[\s-]*([a-z]+)", after)
    thing = words_of(f"{said} {noun[1]}") if number and noun else line
    if any(
        line in words_of(known) or f" {thing} " in f" {words_of(known)} " for known in case.public
    ):
        return False
    first, last = _FIRST.match(after), _LAST.match(before)
    predicate = (
        set(re.findall(r"[a-z]{3,}", first[1] if first else last[1] if last else "")) - _STOP
    )
    question = case.answer.statement.question
    if predicate & set(re.findall(r"[a-z]{3,}", question)) and not number:
        return True
    but = words("get gets each") if number else frozenset()
    asked = stems(question, but) - stems(case.answer.text)
    shared = asked & stems(before + after, but)
    least = 1 if number and len(asked) < 3 else 2
    return len(asked) >= least and len(shared) >= max(least, 0.6 * len(asked))


def phrase_of(case: Case) -> Leak:
    """An answer in words."""
    answer, text = case.answer, case.text
    wanted = answer.words
    if not wanted or (answer.letter and not re.search(r"\w{2}", wanted)):
        return CLEAN
    public = any(phrase(wanted).search(said) for said in case.public)
    short = len(wanted) <= 2 and answer.text[:1].isupper()
    everyday = wanted in COMMON or (len(wanted) <= 2 and not short)
    for m in outermost(phrase(wanted).finditer(text)):
        if short and m[0] != answer.text:
            continue
        if not public and not everyday:
            return case.leak("string", *m.span())
        in_words = _opens if everyday else mentions_in_own_words
        if in_words(case, *m.span()) or _put_as_answer(case, *m.span(), everyday):
            return case.leak("confirmed" if public else "string", *m.span())
    if _others_excluded(case):
        return Leak("hidden", evidence=f"all but {answer.text} ruled out")
    name = _surname(answer.text)
    named = phrase(name).search(text) if name else None
    if named and not any(phrase(name).search(said) for said in case.public):
        return case.leak("string", *named.span())
    return _retold(case, wanted) if len(wanted.split()) >= 6 else CLEAN


def _put_as_answer(case: Case, start: int, end: int, everyday: bool) -> bool:
    """`The answer is no`; for a word of every day "it is no ..." would not do."""
    before, after = around(case.text, start, end)
    if alone(case.text, start, end) or (everyday and _CLAIM.search(before)):
        return True
    if everyday:
        said = case.text[start:end].lower()
        told = _PRONOUN.match(before) and said not in _JUDGING
        return bool(
            _CLOSED.match(after) and (_NAMES_IT.search(before) or told or _plainly(before, said))
        )
    framed = _BARE.match(before) and before.strip() and re.match(r"\s*[.!]?$", after)
    return bool(framed) or case.stance(start, end) is Stance.ANSWER


def _plainly(before: str, said: str) -> bool:
    """`It is no.`, `you get yes`: the word and a frame for it, nothing else."""
    frame = r"^\W*(?:so\s+|then\s+)?(?:it\s+is|it's|you\s+get|we\s+get|so)\s*(?:simply\s+|just\s+)?[\"'$]?$"  # noqa: E501
    return said in OPPOSITES and re.match(frame, before) is not None


def _opens(case: Case, start: int, end: int) -> bool:
    """`Yes, all bloops are lazzies`: the word, and the question turned into a statement."""
    before, after = around(case.text, start, end)
    asked = stems(case.answer.statement.question)
    if before.strip() or not after.startswith(",") or len(asked) < 2:
        return False
    return len(asked & stems(after)) >= 0.6 * len(asked)


def _others_excluded(case: Case) -> bool:
    """`Neither Bob nor Carol is the tallest`: all other names of the problem are ruled out."""
    answer = case.answer
    if not re.fullmatch(r"[A-Z][a-z]+", answer.text) or not EXCLUDED.search(case.text):
        return False
    told = answer.statement.text
    lower = set(re.findall(r"\b[a-z]+\b", told)) | _STOP
    named = {name for name in re.findall(r"\b[A-Z][a-z]+\b", told) if name.lower() not in lower}
    said, others = set(re.findall(r"\w+", case.text)), named - {answer.text}
    if answer.text not in named or answer.text in said or len(others) < 2 or not others <= said:
        return False
    if not stems(case.text) - stems(" ".join(others)) - {"neit", "nor", "isn"}:
        return True
    asked = stems(answer.statement.question) - stems(" ".join(named))
    return len(asked & stems(case.text)) >= 0.6 * len(asked) > 0


def _surname(text: str) -> str:
    """The last word of a name in capitals, which names it alone: `Shakespeare`, but not `City`."""
    names = text.split()
    if not 2 <= len(names) <= 4 or not all(name[:1].isupper() for name in names):
        return ""
    return names[-1] if len(names[-1]) >= 5 and names[-1].lower() not in _GENERIC | COMMON else ""


def _retold(case: Case, wanted: str) -> Leak:
    """A long answer of which one message has four new words in five."""
    known = set(" ".join(words_of(said) for said in case.public).split())
    new = set(wanted.split()) - _STOP - known
    told = new & set(words_of(case.text).split())
    if len(new) >= 4 and len(told) >= 0.8 * len(new):
        return Leak("string", evidence=" ".join(sorted(told))[:80])
    return CLEAN


# Options.

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_PLACED = re.compile(
    rf"\b({'|'.join(_ORDINALS)}|last)(?:\s+(?:option|choice|one|answer|alternative)\b|(?=\s*[.!?]|\s*$))",
    re.I,
)
_OPENED = re.compile(r"^\s*(?:(?:option|choice|letter)\s+)?$")
_TRY = re.compile(r"\b(?:try|guess|tick|take|how\s+about|what\s+about)\s+(?:option\s+)?$")
_BARE = re.compile(
    r"^\W*(?:it(?:'s|\s+is)|so|that(?:'s|\s+is)|(?:so\s+)?(?:you|we)\s+get)?\s*(?:the\s+|an?\s+)?$"
)


def option(case: Case) -> Leak:
    """The right option, picked out of those that the statement offers."""
    answer, text = case.answer, case.text
    letter = answer.letter
    if not letter:
        return CLEAN
    bare = re.sub(r"[\W_]", "", text) if len(text) < 200 else ""
    if bare in (
        letter,
        letter.lower(),
        f"Option{letter}",
        letter + re.sub(r"[\W_]", "", answer.text),
    ):
        return Leak("choice", evidence=text.strip())
    letters = tuple(dict(answer.statement.options))
    others = tuple(other for other in letters if other != letter)
    for m in outermost(_letter(letter).finditer(text)):
        if _picked(case, *m.span(), others):
            return case.leak("choice", *m.span())
    place = letters.index(letter) if letter in letters else len(_ORDINALS)
    names = (*_ORDINALS[place : place + 1], *(["last"] if place == len(letters) - 1 else []))
    spots = [m.span() for m in _PLACED.finditer(text) if m[1].lower() in names]
    said = phrase(answer.text) if answer.text and answer.text != letter else None
    spots += [m.span() for m in said.finditer(text)] if said else []
    for start, end in outermost(spots):
        before, after = around(text, start, end)
        alone_here = _BARE.match(before) and re.match(r"\s*[.!]?$", after)
        if (
            alone_here
            or case.stance(start, end) is Stance.ANSWER
            or mentions_in_own_words(case, start, end)
        ):
            return case.leak("choice", start, end)
    excluded = len(others) >= 2 and EXCLUDED.search(text) and not _is_named(case, letter)
    if excluded and all(_is_named(case, other) for other in others):
        return Leak("choice", evidence="every other option is ruled out")
    return CLEAN


def _is_named(case: Case, letter: str) -> bool:
    """Whether the message names an option, by its letter or in its own words."""
    said = case.answer.statement.option(letter)
    named = re.search(r"\w{2}", said) and phrase(said).search(case.text)
    return bool(named or _letter(letter).search(case.text))


@lru_cache
def _letter(letter: str) -> re.Pattern[str]:
    """Finds an option's letter; `A` and `I` are words, too, and need a sign or a verb after."""
    single = rf"{letter}(?![\w'])"
    if letter in "AI":
        single = rf"{letter}(?=[).,;!?:]|\s*$|\s+(?:is|was|and|or|nor|because|since)\b)"
    small = letter.lower()
    named = "|".join(
        rf"(?i:(?<={word} )){small}(?=[.,;!?]|\s*$)"
        for word in ("option", "choose", "pick", "is", "try")
    )
    return re.compile(rf"(?<![\w'])(?:\({letter}\)|{single}|\(?{small}\))|{named}")


def _picked(case: Case, start: int, end: int, others: tuple[str, ...]) -> bool:
    """Whether a letter is picked, and not compared with others."""
    before, after = around(case.text, start, end)
    near = case.text[start - len(before) : start] + case.text[end:][: len(after)]
    if any(_letter(other).search(near) for other in others) and "answer" not in before:
        return False
    if case.stance(start, end) is Stance.ANSWER:
        return True
    said = after.strip()
    if _TRY.search(before) and said[:1] in ("", *".,!?"):
        return True
    if re.search(r"\b(?:you|we) (?:\w+ )?get\s*$", before):
        return True
    closed = said[:1] in ("", *".,!?:") or said.startswith(case.answer.text.lower() or "?")
    return bool(_OPENED.match(before)) and closed


# Yes and no without the word: the question turned into a statement, or into its denial.

_SIDES = {"yes": True, "true": True, "no": False, "false": False}
_ASKED = re.compile(
    r"(?:^|[,:]\s)(?:is|are|was|were|does|do|did|can|could|has|have|will|would)\s+([^?]+)\?"
)
_NOT_PLAIN = re.compile(
    r"\?|\b(?:if|whether|because|since|suppose|you|why|how|check|show|when|what|or|every|all|any|must|would|think"
    r"|claim|assume|say|prove|test)\b",
    re.I,
)
_OPPOSITE = re.compile(
    r"\bopposite\s+of\s+(?:what\s+you|your)|\bthe\s+other\s+(?:one|answer|way)\b", re.I
)


def yes_or_no(case: Case) -> Leak:
    """To "Is 91 prime?" the sentence "91 is not prime" says no without the word."""
    side = _SIDES.get(case.answer.words)
    asked = _ASKED.search(case.answer.statement.question)
    if side is None:
        return CLEAN
    if case.turns and _OPPOSITE.search(case.text):
        return Leak("hidden", evidence=case.text[:60])
    if not asked:
        return CLEAN
    wanted = stems(asked[1]) - {"numb", "inte", "stat", "foll"}
    for part in re.split(r"(?<=[.!?])\s+|\n|,?\s+because\b", case.text):
        if wanted and wanted <= stems(part) and not _NOT_PLAIN.search(part):
            denied = re.search(r"\b(?:not|never|cannot)\b|n't\b", part) is not None
            subject = re.findall(r"\d+", asked[1])
            figures = re.findall(r"\d+", part)
            if denied is not side and (not subject or not figures or set(subject) & set(figures)):
                return Leak("words", evidence=part[:60])
    return CLEAN
