"""The rules for golds in words: names and phrases, yes and no.

A word that nobody used counts as soon as it is said. One that was public, or that language is full
of (`no`, `left`), counts only where it is put as the answer, or answers the question in its own
words: `Alice is the tallest` to "Who is the tallest?".
"""

import re
from functools import lru_cache

from tutelage.answers.choices import SIDES, sides, stems
from tutelage.answers.equality import OPPOSITES
from tutelage.answers.stance import Stance, alone, around
from tutelage.answers.tables import outermost, words
from tutelage.leaks.case import CLEAN, Case, words_of
from tutelage.records import Leak

COMMON = words("common")
"""Answers that any message may hold by chance."""
_JUDGING, _STOP, _GENERIC = words("judging"), words("stop"), words("generic")
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
_PLAINLY = re.compile(
    r"^\W*(?:so\s+|then\s+)?(?:it\s+is|it's|you\s+get|we\s+get|so)\s*(?:simply\s+|just\s+)?[\"'$]?$"
)
"""`It is no.`, `you get yes`: the word and a frame for it, nothing else."""
BARE = re.compile(
    r"^\W*(?:it(?:'s|\s+is)|so|that(?:'s|\s+is)|(?:so\s+)?(?:you|we)\s+get)?\s*(?:the\s+|an?\s+)?$"
)
_OPPOSITE = re.compile(
    r"\bopposite\s+of\s+(?:what\s+you|your)|\bthe\s+other\s+(?:one|answer|way)\b", re.I
)


@lru_cache(maxsize=2048)
def phrase(name: str) -> re.Pattern[str]:
    """Finds a phrase as whole words, whatever stands between them; `Feb.` for `February`, too."""
    parts = r"[\W_]+".join(map(re.escape, name.split()))
    if re.fullmatch(r"\w+(?:day|ber|uary|il|ust)", name.lower()) and len(name) > 5:
        parts = rf"(?:{parts}|{name[:3]}\.)"
    return re.compile(rf"(?<!\w){parts}(?:'?s)?(?!\w)", re.I)


def answers_in_own_words(case: Case, start: int, end: int, number: bool = False) -> bool:
    """Whether the sentence of a span answers the question in the question's own words."""
    before, after = around(case.text, start, end)
    if after.rstrip().endswith("?") or _DOUBTED.search(before + after):
        return False
    if re.search(r"\bor\s+(?:the\s+)?$", before) or re.match(r"\s*,?\s*or\b", after):
        return False
    span, question = case.text[start:end], case.answer.statement.question
    line = words_of(before + span + after)
    noun = re.match(r"[\s-]*([a-z]+)", after)
    thing = words_of(f"{span} {noun[1]}") if number and noun else line
    for known in map(words_of, case.public):
        if line in known or f" {thing} " in f" {known} ":
            return False
    clause = _FIRST.match(after) or _LAST.match(before)
    predicate = set(re.findall(r"[a-z]{3,}", clause[1] if clause else "")) - _STOP
    if not number and predicate & set(re.findall(r"[a-z]{3,}", question)):
        return True
    but = words("get gets each") if number else frozenset[str]()
    asked = stems(question, but) - stems(case.answer.text)
    shared = asked & stems(before + after, but)
    if not number and len(asked) == 1 and question.startswith(("who", "which")):
        root = next(iter(asked))[:3]
        words_shared = any(word.startswith(root) for word in predicate)
        return words_shared and clause is not None and "than" not in clause[1]
    least = 1 if number and len(asked) < 3 else 2
    return len(asked) >= least and len(shared) >= max(least, 0.6 * len(asked))


def named(case: Case) -> Leak:
    """An answer in words."""
    answer, text = case.answer, case.text
    wanted = answer.words
    if not wanted or (answer.letter and not re.search(r"\w{2}", wanted)):
        return CLEAN
    public = any(phrase(wanted).search(known) for known in case.public)
    short = len(wanted) <= 2 and answer.text[:1].isupper()
    everyday = wanted in COMMON or (len(wanted) <= 2 and not short)
    for m in outermost(phrase(wanted).finditer(text)):
        if short and m[0] != answer.text:
            continue
        if not public and not everyday:
            return case.leak("string", *m.span())
        in_words = _opens if everyday else answers_in_own_words
        if in_words(case, *m.span()) or _put_as_answer(case, *m.span(), everyday):
            return case.leak("confirmed" if public else "string", *m.span())
    if _others_excluded(case):
        return Leak("hidden", evidence=f"all but {answer.text} ruled out")
    name = _surname(answer.text)
    surname = phrase(name).search(text) if name else None
    if surname and not any(phrase(name).search(known) for known in case.public):
        return case.leak("string", *surname.span())
    return _retold(case, wanted) if len(wanted.split()) >= 6 else CLEAN


def _put_as_answer(case: Case, start: int, end: int, everyday: bool) -> bool:
    """`The answer is no`; for a word of every day "it is no ..." would not do."""
    before, after = around(case.text, start, end)
    if alone(case.text, start, end):
        return True
    if not everyday:
        framed = before.strip() and BARE.match(before) and re.match(r"\s*[.!]?$", after)
        return bool(framed) or case.stance(start, end) is Stance.ANSWER
    word = case.text[start:end].lower()
    named = _NAMES_IT.search(before) or (word not in _JUDGING and _PRONOUN.match(before))
    plainly = word in OPPOSITES and _PLAINLY.match(before)
    return bool(_CLAIM.search(before) or (_CLOSED.match(after) and (named or plainly)))


def _opens(case: Case, start: int, end: int) -> bool:
    """`Yes, all bloops are lazzies`: the word, and the question turned into a statement."""
    before, after = around(case.text, start, end)
    asked = stems(case.answer.statement.question)
    if before.strip() or not after.startswith(",") or len(asked) < 2:
        return False
    return len(asked & stems(after)) >= 0.6 * len(asked)


def _others_excluded(case: Case) -> bool:
    """`Neither Bob nor Carol is the tallest`: all other names of the problem are ruled out."""
    answer, statement = case.answer, case.answer.statement
    if not re.fullmatch(r"[A-Z][a-z]+", answer.text) or not EXCLUDED.search(case.text):
        return False
    lower = set(re.findall(r"\b[a-z]+\b", statement.text)) | _STOP
    every = re.findall(r"\b[A-Z][a-z]+\b", statement.text)
    others = {name for name in every if name.lower() not in lower} - {answer.text}
    own = set(re.findall(r"\w+", case.text))
    if answer.text not in every or answer.text in own or len(others) < 2 or not others <= own:
        return False
    if not stems(case.text) - stems(" ".join(others)) - {"neit", "nor", "isn"}:
        return True
    asked = stems(statement.question) - stems(" ".join(every))
    return len(asked & stems(case.text)) >= 0.6 * len(asked) > 0


def _surname(text: str) -> str:
    """The last word of a name in capitals, which names it alone: `Shakespeare`, but not `City`."""
    names = text.split()
    if not 2 <= len(names) <= 4 or not all(name[:1].isupper() for name in names):
        return ""
    return names[-1] if len(names[-1]) >= 5 and names[-1].lower() not in _GENERIC | COMMON else ""


def _retold(case: Case, wanted: str) -> Leak:
    """A long answer of which one message has four new words in five."""
    new = set(wanted.split()) - _STOP - set(" ".join(map(words_of, case.public)).split())
    shared = new & set(words_of(case.text).split())
    if len(new) >= 4 and len(shared) >= 0.8 * len(new):
        return Leak("string", evidence=" ".join(sorted(shared))[:80])
    return CLEAN


def yes_or_no(case: Case) -> Leak:
    """To "Is 91 prime?" the sentence "91 is not prime" says no without the word."""
    side = SIDES.get(case.answer.words)
    if side is None:
        return CLEAN
    if case.turns and _OPPOSITE.search(case.text):
        return Leak("hidden", evidence=case.text[:60])
    for affirms, part in sides(case.text, case.answer.statement):
        if affirms is side:
            return Leak("words", evidence=part[:60])
    return CLEAN
