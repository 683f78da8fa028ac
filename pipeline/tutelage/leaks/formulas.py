"""The rule for expressions: those that come to a number, and golds that are expressions themselves.

For a gold of 22 a hint may name the operation, `work out 27 - 5`; put as the answer, `the answer is
27 - 5`, it is a leak. For a gold such as `3x^2+2` any form as simple as the gold is one.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from tutelage.leaks import arithmetic
from tutelage.leaks.assertions import asserted
from tutelage.leaks.case import CLEAN, Case, squeezed
from tutelage.leaks.contexts import Place, named_as_answer, place
from tutelage.leaks.golds import Answer, approximates
from tutelage.leaks.lexicon import phrase
from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import mentions, values
from tutelage.leaks.wording import in_symbols
from tutelage.records import Leak


def expression(case: Case) -> Leak:
    """An expression that comes to the gold's value, in symbols or in words."""
    if case.answer.worth is None:
        return CLEAN
    check = _unevaluated if case.answer.number is not None else _symbolic
    found = check(case, case.text)
    return found if found.kind else check(case, in_symbols(case.text))


def _equals(case: Case, text: str) -> Iterator[tuple[int, int]]:
    for start, end in arithmetic.runs(text, letters=case.answer.number is None):
        if arithmetic.same(arithmetic.worth(text[start:end]), case.answer.worth):
            yield start, end


def _leak(kind: str, text: str, start: int, end: int) -> Leak:
    return Leak(kind, evidence=" ".join(text[max(0, start - 24) : end].split()))


def _unevaluated(case: Case, text: str) -> Leak:
    """For a number: `the answer is 27 - 5`, but not `work out 27 - 5`."""
    for start, end in _equals(case, text):
        at = place(text, start, end)
        if arithmetic.steps(at.said) and (
            asserted(at, case.answer.question, case.answer.sought)
            or (at.alone and _in_places(text))
        ):
            return _leak("expression", text, start, end)
    return CLEAN


def _in_places(text: str) -> bool:
    """`600 + 24`: a number said place by place rather than a sum to be worked out."""
    if not re.fullmatch(r"\W*\d{1,18}(?:\s*\+\s*\d{1,18})+\W*", text):
        return False
    terms = [int(term) for term in re.findall(r"\d+", text)]
    return all(a % 10 ** len(str(b)) == 0 < b for a, b in pairwise(terms))


def _symbolic(case: Case, text: str) -> Leak:
    """For an expression: the same form, or another that is as simple and was not public."""
    answer = case.answer
    worth = answer.worth
    if worth is None:
        return CLEAN
    form = _signs(answer.text)
    public: set[str] | None = None
    """Forms of the gold that are known; `3x + 6` is none of `x + 6`."""
    for start, end in _equals(case, text):
        part = text[start:end]
        if public is None:
            public = {squeezed(said[a:b]) for said in case.public for a, b in _equals(case, said)}
        if squeezed(part) in public:
            continue
        if _signs(part) == form:
            return _leak("string", text, start, end)
        # Where the problem is to rewrite an expression, any other form of it is on the way.
        simple = arithmetic.steps(part) <= arithmetic.steps(answer.text)
        simple = simple and (not public or worth[0] == worth[1])
        at = place(text, start, end)
        if simple or named_as_answer(at) or (not public and _final(answer, at, part)):
            return _leak("expression", text, start, end)
    if re.fullmatch(r"\w+", answer.text):
        found = _written(case, text)
        if found:
            return _leak("string", text, *found.span())
    for mention in outermost(m for m in mentions(text) if approximates(m.value, worth)):
        if not any(mention.value in values(said) for said in case.public):
            return _leak("number", text, mention.start, mention.end)
    return CLEAN


def _final(answer: Answer, at: Place, part: str) -> bool:
    """Whether a form with more steps than the gold's is put as the answer, or stands for itself."""
    if asserted(at, answer.question, answer.sought):
        return True
    return at.alone and arithmetic.steps(part) <= arithmetic.steps(answer.text) + 1


def _written(case: Case, text: str) -> re.Match[str] | None:
    """A gold without operators, such as `3x` or `H2O`, where it is no part of something larger."""
    if any(phrase(case.answer.text).search(said) for said in case.public):
        return None
    for found in outermost(phrase(case.answer.text).finditer(text)):
        before = text[max(0, found.start() - 8) : found.start()].rstrip()[-1:]
        after = text[found.end() : found.end() + 8].lstrip()[:1]
        if before not in tuple("+-*/^(") and after not in tuple("+-*/^)"):
            return found
    return None


_SQUARE = re.compile(r"\b([a-z])\s*\*\s*\1\b(?!\s*\^)")


def _signs(text: str) -> str:
    """The signs of an expression in a fixed order: `(x-3)(x-2)` and `(x - 2)*(x - 3)` are alike."""
    powers = _SQUARE.sub(r"\1^2", text.replace("**", "^"))
    return "".join(sorted(re.sub(r"[\s*{}()\\$]", "", powers)))
