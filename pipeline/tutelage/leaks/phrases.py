"""The rule for golds in words.

A word that nobody used counts as soon as it is said. One that was public, or that language is full
of (`no`, `left`), counts only where it is put as the answer, or answers the question in its own
words: `Alice is the tallest` to "Who is the tallest?".
"""

import re

from tutelage.leaks.case import CLEAN, Case, spaced, squeezed
from tutelage.leaks.contexts import Place, named_as_answer, place
from tutelage.leaks.lexicon import COMMON, GENERIC, QUESTIONS, STOP, phrase, stems
from tutelage.leaks.mention import outermost
from tutelage.records import Leak

_NAMING = re.compile(r"\b(?:answer|result|solution|correct|right|conclu\w+)\b")
_DOUBTED = re.compile(r"\b(?:if|suppose|whether|not|because|since)\b|n't\b")
_VERB = r"(?:is|was|are|has|must\s+be|would\s+be|will\s+be|belongs\s+to|goes\s+to)"
_CLAIM = re.compile(
    r"\b(?:statement|claim|assertion|sentence|proposition|comparison|conclusion)\s+"
    r"(?:is|must\s+be|would\s+be|has\s+to\s+be)\s+(?:actually\s+|therefore\s+|clearly\s+)?$"
)
_NAMES_IT = re.compile(r"\b(?:answer|solution|result|conclusion)\b[^.!?]{0,30}$")
_PRONOUN = re.compile(
    r"^\W*(?:they|it|both|these)(?:\s+(?:is|are|must\s+be)|'s|'re)\s+(?:all\s+|both\s+)?$"
)
_JUDGING = frozenset({"right", "correct", "wrong", "incorrect", "good", "true", "no", "yes", "bad"})
_FIRST = re.compile(rf"\s+{_VERB}\s+(.*)")
_LAST = re.compile(rf"^(.*?)\s+{_VERB}\s+(?:the\s+|an?\s+)?$")
EXCLUDED = re.compile(
    r"\b(?:not|neither|nor|(?:rule[sd]?|cross|strike)\s+out|exclude|discard|eliminate|wrong|incorrect|"
    r"cannot)\b|n't\b",
    re.IGNORECASE,
)
"""Says that something is not it."""


def words(case: Case) -> Leak:
    """An answer in words."""
    answer, text = case.answer, case.text
    if not answer.words:
        return CLEAN
    if len(re.sub(r"[\s\w]", "", answer.text)) > len(answer.text) / 3:
        return _literal(case)
    wanted = re.sub(r"^(?:the|an?)\s+", "", answer.words)
    public = any(phrase(wanted).search(said) for said in case.public)
    everyday = wanted in COMMON or len(wanted) <= 2
    for found in outermost(phrase(wanted).finditer(text)):
        if not public and not everyday:
            return case.leak("string", *found.span())
        at = place(text, *found.span())
        if (_opens if everyday else answers)(case, at) or _put_as_answer(at, everyday):
            return case.leak("confirmed" if public else "string", *found.span())
    if _all_others_excluded(case):
        return Leak("hidden", evidence=f"all but {answer.text} ruled out")
    surname = _surname(answer.text)
    if surname and not any(phrase(surname).search(said) for said in case.public):
        for found in phrase(surname).finditer(text):
            return case.leak("string", *found.span())
    return _retold(case, wanted) if len(wanted.split()) >= 6 else CLEAN


def _literal(case: Case) -> Leak:
    """An answer in symbols that is no expression, such as `[[1, 2]]`: as it is written."""
    literal = squeezed(case.answer.text)
    if len(literal) < 3 or literal not in squeezed(case.text):
        return CLEAN
    if any(literal in squeezed(said) for said in case.public):
        return CLEAN
    return Leak("string", evidence=case.answer.text)


def _put_as_answer(at: Place, everyday: bool) -> bool:
    """`The answer is no`; for a word of every day "it is no ..." would not do."""
    if at.alone or (everyday and _CLAIM.search(at.before)):
        return True
    closed = re.match(r"\s*['\"]?\s*(?:[.!,;]|$)", at.after)
    if everyday and closed and (_NAMES_IT.search(at.before) or _told_of_it(at)):
        return True
    return named_as_answer(at) and (not everyday or bool(_NAMING.search(at.before)))


def _told_of_it(at: Place) -> bool:
    """`They are equal`, but not `that's right`, which judges what was said before."""
    return bool(_PRONOUN.match(at.before)) and at.said.lower() not in _JUDGING


def _opens(case: Case, at: Place) -> bool:
    """`Yes, all bloops are lazzies`: the word, and the question turned into a statement."""
    asked = stems(case.answer.question)
    if at.before.strip() or not at.after.startswith(",") or len(asked) < 2:
        return False
    return len(asked & stems(at.after)) >= 0.6 * len(asked)


def answers(case: Case, at: Place) -> bool:
    """Whether the sentence answers the question in the question's own words."""
    if at.asks or _DOUBTED.search(at.before + at.after):
        return False
    if re.search(r"\bor\s+(?:the\s+)?$", at.before) or re.match(r"\s*,?\s*or\b", at.after):
        return False
    line = spaced(at.before + at.said + at.after)
    if any(line in spaced(known) for known in case.public):
        return False
    first, last = _FIRST.match(at.after), _LAST.match(at.before)
    said = first[1] if first else last[1] if last else ""
    predicate = set(re.findall(r"[a-z]{3,}", said)) - STOP
    if predicate & set(re.findall(r"[a-z]{3,}", case.answer.question)):
        return True
    asked = stems(case.answer.question) - stems(case.answer.text)
    return len(asked) >= 2 and len(asked & stems(at.before + at.after)) >= 0.6 * len(asked)


def _all_others_excluded(case: Case) -> bool:
    """`Neither Bob nor Carol is the tallest`: all other names of the problem are ruled out."""
    answer = case.answer
    if not re.fullmatch(r"[A-Z][a-z]+", answer.text) or not EXCLUDED.search(case.text):
        return False
    named = set(re.findall(r"\b[A-Z][a-z]+\b", case.statement))
    lower = set(re.findall(r"\b[a-z]+\b", case.statement)) | STOP | QUESTIONS
    others = {name for name in named if name.lower() not in lower} - {answer.text}
    said = set(re.findall(r"\w+", case.text))
    if answer.text not in named or answer.text in said or len(others) < 2 or not others <= said:
        return False
    if not stems(case.text) - stems(" ".join(others)) - {"neit", "nor", "not", "but", "isn"}:
        return True
    asked = stems(answer.question) - stems(" ".join(named))
    return len(asked & stems(case.text)) >= 0.6 * len(asked) > 0


def _surname(text: str) -> str:
    """The last word of a name in capitals, which names it alone: `Shakespeare`, but not `City`."""
    names = text.split()
    if not 2 <= len(names) <= 4 or not all(name[:1].isupper() for name in names):
        return ""
    return names[-1] if len(names[-1]) >= 5 and names[-1].lower() not in GENERIC else ""


def _retold(case: Case, wanted: str) -> Leak:
    """A long answer of which one message has four new words in five."""
    known = set(" ".join(spaced(said) for said in case.public).split())
    new = set(wanted.split()) - STOP - known
    told = new & set(spaced(case.text).split())
    if len(new) >= 4 and len(told) >= 0.8 * len(new):
        return Leak("string", evidence=" ".join(sorted(told))[:80])
    return CLEAN
