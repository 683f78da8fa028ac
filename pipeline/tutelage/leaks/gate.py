"""The gate itself: one message against one gold answer, rule after rule, the plainest first."""

import re
from collections.abc import Callable, Iterator, Sequence

from tutelage.leaks import arithmetic, corrections, programs, relations
from tutelage.leaks.case import CLEAN, Case, spaced, squeezed
from tutelage.leaks.choices import choice
from tutelage.leaks.encodings import as_quotient, disguised, in_digits
from tutelage.leaks.formulas import expression
from tutelage.leaks.golds import Answer, answer_of
from tutelage.leaks.numeric import number
from tutelage.leaks.phrases import words
from tutelage.leaks.plain import plain
from tutelage.leaks.quantities import mentions, values
from tutelage.leaks.rows import items, rows
from tutelage.leaks.verdicts import verdict
from tutelage.records import Gold, Leak

_STUDENT = ("assistant", "student")


def find_leak(
    domain: str,
    gold: Gold | str,
    statement: str,
    history: Sequence[tuple[str, str]],
    message: str,
    solution: str = "",
) -> Leak:
    """Whether `message` lets the gold answer out: by which rule, and the words that do it.

    `history` is the public dialogue so far as (role, content): what the student wrote (`assistant`
    or `student`) is public, what the teacher said before is not. `kind` is empty where the message
    is clean. Never raises, whatever the texts are.
    """
    answer = answer_of(domain, gold, statement, solution)
    turns = tuple(content for role, content in history if role in _STUDENT)
    if answer.program:
        tests = gold.tests_json if isinstance(gold, Gold) else ""
        told = programs.given_away(answer.program, tests, statement, turns, message)
        return Leak("code", evidence=told) if told else CLEAN
    if not answer.text and not answer.letter:
        return CLEAN
    case = Case(answer, plain(message), message, plain(statement), tuple(map(plain, turns)))
    for rule in _RULES:
        found = rule(case)
        if found.kind:
            return found
    return CLEAN


_BOX_AT_MOST = 400
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def _boxes(text: str) -> Iterator[tuple[str, int, int]]:
    """What stands in each `\\boxed{}`, brackets matched, and where the box is."""
    for found in _BOX.finditer(text):
        depth, at = 1, found.end()
        while at < min(len(text), found.end() + _BOX_AT_MOST) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield text[found.end() : at - (depth == 0)].strip(), found.start(), at


def _boxed(case: Case) -> Leak:
    """The gold in a box, whether it was public or not: a box says that it is the answer."""
    answer = case.answer
    for inner, start, end in _boxes(case.text):
        if (
            arithmetic.same(arithmetic.worth(inner), answer.worth)
            or (answer.number is not None and any(m.means(answer.number) for m in mentions(inner)))
            or (answer.letter and inner.strip("(). ") == answer.letter)
            or (answer.text and squeezed(inner) == squeezed(answer.text))
            or (answer.items and any(rows(inner, answer, answer.ordered)))
        ):
            return case.leak("boxed", start, end)
    return CLEAN


def _hidden(case: Case) -> Leak:
    """The gold without being written: encoded, or told by its distance from another number."""
    answer, text = case.answer, case.text
    told = ""
    if answer.number is not None:
        if answer.number == int(answer.number) and -(10**12) < answer.number < 10**12:
            whole = int(answer.number)
            told = in_digits(text, whole)
            if told and whole in case.numbers:
                told = ""
            told = told or relations.neighbour(text, whole, case.numbers, answer)
        else:
            told = as_quotient(text, answer.number)
        said = [m.value for m in mentions(case.turns[-1])] if case.turns else []
        if said and not told:
            told = corrections.from_last(text, said[-1], answer.number, case.numbers)
    if not told and len(answer.text) <= 60:
        told = disguised(case.raw, answer.text, answer.number)
    return Leak("hidden", evidence=told) if told else CLEAN


_YES = re.compile(
    r"^\W*(?:yes|yep|yeah|correct|exactly|right|indeed|that is right|that's right|you got it)\b"
    r"(?!\s+(?:idea|track|direction|approach|operation|numbers?|step|method|start|formula))",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"\byour\s+(?:very\s+)?(?:first|earlier|previous|initial|original|second|last|other)\s+(?:one|"
    r"thought|guess|idea|answer|attempt|result|number|value|choice)[^.?!]{0,24}?"
    r"\b(?:is|was|were)\s+(?:already\s+|actually\s+)?(?:right|correct)\b",
    re.IGNORECASE,
)


def _confirmed(case: Case) -> Leak:
    """`Yes, exactly` to a student who asked "is it 42?"; `your first answer was right`."""
    if not case.turns:
        return CLEAN
    sentences = re.split(r"(?<=[.?!])\s+|\n", case.turns[-1])
    asked = [part for part in sentences if part.rstrip().endswith("?")]
    if asked and _YES.match(case.text) and _holds(asked[-1], case.answer):
        return Leak("confirmed", evidence=case.text[:40])
    earlier = _EARLIER.search(case.text)
    if earlier and any(_holds(turn, case.answer) for turn in case.turns):
        return Leak("confirmed", evidence=earlier[0])
    return CLEAN


def _holds(text: str, answer: Answer) -> bool:
    if answer.number is not None:
        return answer.number in values(text)
    if answer.letter:
        return bool(re.search(rf"(?<![\w']){answer.letter}(?![\w'])", text))
    return bool(answer.words) and f" {answer.words} " in f" {spaced(text)} "


_RULES: tuple[Callable[[Case], Leak], ...] = (
    _boxed,
    number,
    items,
    expression,
    choice,
    words,
    verdict,
    _hidden,
    _confirmed,
)
