"""The rule for yes and no: the question turned into a statement, or into its denial.

To "Is 91 prime?" the sentence "91 is not prime" says no without the word. Only a plain sentence
counts, in the question's own words; what is asked, supposed or ascribed to the student is no answer.
"""

import re

from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.lexicon import stems
from tutelage.leaks.statements import sentences
from tutelage.records import Leak

_SIDES = {"yes": True, "true": True, "no": False, "false": False}
_ASKED = re.compile(
    r"(?:^|[,:]\s)(?:is|are|was|were|does|do|did|can|could|has|have|will|would)\s+([^?]+)\?"
)
_PLAIN = re.compile(
    r"^\W*(?:(?:so|no|yes|indeed|actually|well|but|thus|therefore|hence|in\s+fact)\b,?\s+)*"
    r"((?:[\w'-]+\s+){0,5}?)(?:is|are|was|were|does|do|did|can|could|has|have|will)(?:n't|\s+not|not)?\s",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:not|never|cannot|no)\b|n't\b", re.IGNORECASE)
_HELD = re.compile(
    r"\b(?:if|whether|because|since|suppose|assume|you|claim\w*|said|say|think|why|how|check|test|prove|"
    r"show|when|what|only|or|unless|must|would|every|all|any|an?\s+(?:number|integer))\b",
    re.IGNORECASE,
)
_GENERIC = {"numb", "inte", "stat", "foll", "it"}
"""Stems that a short answer leaves out: of `number`, `integer`, `statement`, `following`."""
_OPPOSITE = re.compile(
    r"\bopposite\s+(?:of\s+)?(?:what\s+you|your|is\s+(?:true|the\s+case|right))", re.I
)


def verdict(case: Case) -> Leak:
    """`91 is not prime` where the answer is no."""
    side = _SIDES.get(case.answer.words)
    if side is None:
        return CLEAN
    opposite = _OPPOSITE.search(case.text)
    if opposite and case.turns:
        return case.leak("hidden", *opposite.span())
    asked = _ASKED.search(case.answer.question)
    if not asked:
        return CLEAN
    words = [stem for word in asked[1].split() for stem in stems(word) if stem not in _GENERIC]
    wanted, last = set(words), set(words[-1:])
    for sentence in sentences(case.text):
        told = _PLAIN.match(sentence)
        if not told or sentence.endswith("?") or _HELD.search(sentence):
            continue
        subject, said = told[1].lower().strip(), stems(sentence)
        by_name = wanted <= said and subject not in ("it", "that", "this")
        by_pronoun = subject in ("it", "they") and bool(last) and last <= said
        affirmed = not _NEGATED.search(re.sub(r"^\W*no\b", "", sentence, flags=re.IGNORECASE))
        if (by_name or by_pronoun) and affirmed is side:
            start = max(0, case.text.find(sentence))
            return case.leak("words", start, start + len(sentence))
    return CLEAN
