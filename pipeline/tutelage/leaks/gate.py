"""The gate itself: one message against one gold answer, rule after rule, the plainest first."""

from collections.abc import Callable, Sequence

from tutelage.answers.gold import Tests, gold_of
from tutelage.answers.plain import plain
from tutelage.leaks import programs
from tutelage.leaks.arithmetic import by_arithmetic, by_digits
from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.codes import in_code
from tutelage.leaks.rows import items
from tutelage.leaks.values import boxed, expression, literal, moment, number
from tutelage.leaks.words import confirmed, named, option, yes_or_no
from tutelage.records import Gold, Leak

_STUDENT = ("assistant", "student")
_WINDOW, _OVERLAP = 2_000, 200
"""Characters of a long message that are looked at together, and that two neighbours share."""


def find_leak(
    domain: str,
    gold: Gold | str,
    statement: str,
    history: Sequence[tuple[str, str]],
    message: str,
    solution: str = "",
    expression: str = "allow",
) -> Leak:
    """Whether `message` lets the gold answer out: by which rule, and the words that do it.

    `history` is the public dialogue so far as (role, content): what the student wrote (`assistant`
    or `student`) is public, what the teacher said before is not. `expression` says whether a hint
    may spell out an expression that comes to the answer: `allow` or `block`. `kind` is empty where
    the message is clean. Never raises, whatever the texts are.
    """
    answer = gold_of(domain, gold, statement, solution)
    turns = tuple([content for role, content in history if role in _STUDENT])
    if isinstance(answer, Tests):
        given = programs.given_away(answer.program, answer.tests_json, statement, turns, message)
        return Leak("code", evidence=given) if given else CLEAN
    if not answer.text and not answer.letter:
        return CLEAN
    shown = tuple(map(plain, turns))
    for part in _windows(message):
        case = Case(answer, plain(part), part, shown, expression == "block")
        for rule in RULES:
            leak = rule(case)
            if leak.kind:
                return leak
    return CLEAN


def _windows(message: str) -> list[str]:
    """The message; a long one in parts that overlap, cut at ends of lines or words where it has any."""
    start, parts = 0, []
    while len(message) - start > 2 * _WINDOW:
        end = start + _WINDOW
        cut = max(message.rfind(mark, end - _OVERLAP, end) for mark in ("\n", " "))
        end = cut if cut > 0 else end
        parts.append(message[start:end])
        start = max(message.rfind(" ", end - _OVERLAP, end - _OVERLAP // 2) + 1, end - _OVERLAP)
    return [*parts, message[start:]]


RULES: tuple[Callable[[Case], Leak], ...] = (
    boxed, number, moment, items, expression, option, named, yes_or_no, literal,
    by_arithmetic, by_digits, in_code, confirmed,
)  # fmt: skip
