"""A gold, read once: an `Answer` to compare with, the `Tests` of a program, or a data set's
`Scorer`."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from tutelage.answers import fields
from tutelage.answers.equality import NOT_WORKED_OUT, Decide, difference, restates, squeezed
from tutelage.answers.plain import BOX, BOX_END, plain
from tutelage.answers.reading import bare, folded, read_plain
from tutelage.answers.reading import read as read
from tutelage.answers.statement import Statement, statement
from tutelage.answers.values import Items, Number, Value, Words
from tutelage.records import Gold


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer. What does not apply is empty."""

    text: str
    """Plain and bare: of `\\\\boxed{42}` and `#### 42` it is `42`. For a choice what stands beside
    it."""
    value: Value
    statement: Statement
    letter: str = ""
    """The option to be chosen, in upper case."""

    @property
    def literal(self) -> str:
        """The text without spaces and layout."""
        return _literal(self.text)

    @property
    def words(self) -> str:
        """For an answer in words, those; else empty."""
        return self.value.text if isinstance(self.value, Words) else ""


@lru_cache(maxsize=4096)
def _literal(text: str) -> str:
    return squeezed(text)


@dataclass(frozen=True, slots=True)
class Tests:
    """A program is wanted."""

    program: str
    """The reference, or empty."""
    tests_json: str


@dataclass(frozen=True, slots=True)
class Scorer:
    """An entry of a data set that brings its own scorer."""

    entry: str
    """JSON."""
    answer: Answer
    """What may not come out: the entry's own answer, or the last line of the solution."""


def compare(gold: Answer, text: str, value: Value, decide: Decide = fields.equal) -> str | None:
    """Empty where `text`, which reads as `value`, is the answer; the reason where not; None where
    only algebra can tell."""
    if gold.letter:
        if text.strip("() .") == gold.letter:
            return ""
        if re.fullmatch(r"[A-J]", text) or gold.text == gold.letter:
            return "another choice"
    if squeezed(text) == gold.literal:
        return ""
    reason = difference(gold.value, value, gold.statement, decide)
    if (
        reason == ""
        and isinstance(value, Number)
        and value.quotient
        and restates(text, gold.statement)
    ):
        return NOT_WORKED_OUT
    return reason


_MARKED = re.compile(r"####\s*(.+?)\s*$", re.S)
_CHOSEN = re.compile(r"^(?:option\s+)?\(?([A-Ja-j])(?:[).:]+\s*(.*)|)$", re.S)
_PROGRAM = re.compile(
    r"\bdef \w|\breturn\b|\bimport \w|^\s*(?:for|while|if)\b.*:\s*$|;\s*$|=", re.M
)


def gold_of(
    domain: str, gold: Gold | str, stated: str, solution: str = ""
) -> Answer | Tests | Scorer:
    """What a gold is, under its statement."""
    record = gold if isinstance(gold, Gold) else Gold("answer", gold)
    return _gold(domain, record, stated, solution)


@lru_cache(maxsize=4096)
def _gold(domain: str, gold: Gold, stated: str, solution: str) -> Answer | Tests | Scorer:
    if gold.kind == "scorer":
        last = solution.strip().rsplit("\n", 1)[-1]
        if not last:
            try:
                last = str(json.loads(gold.value).get("answer") or "")
            except (ValueError, AttributeError, RecursionError):
                last = ""
        return Scorer(gold.value, answer_of(last, stated))
    program = gold.value.strip() or solution
    if gold.kind == "tests" or (domain == "code" and _PROGRAM.search(program)):
        return Tests(program, gold.tests_json)
    return answer_of(gold.value, stated)


@lru_cache(maxsize=4096)
def answer_of(value: str, stated: str) -> Answer:
    """The answer that a text is: bare, or a solution that ends in `#### x` or `\\boxed{x}`."""
    shown = statement(stated)
    text = value.strip()
    marked = _MARKED.search(text)
    text = plain(marked[1].splitlines()[0] if marked else text)
    boxed = text.rfind(BOX_END)
    if BOX in text[: max(boxed, 0)]:
        text = text[_opening(text, boxed) + 1 : boxed]
    text = bare(text)
    chosen = _CHOSEN.match(text)
    letter = chosen[1].upper() if chosen else ""
    if chosen and (
        letter in shown.options or (not shown.options and (chosen[2] or chosen[1].isupper()))
    ):
        text = (chosen[2] or shown.options.get(letter, "") or letter).strip()
    else:
        letter = next((n for n, said in shown.options.items() if folded(said) == folded(text)), "")
    listed = read(value) if value.lstrip()[:2] in ('["', "['") else None
    inner = listed if isinstance(listed, Items) else read_plain(text)
    return Answer(text, inner, shown, letter)


def _opening(text: str, end: int) -> int:
    depth = 0
    for at in range(end, -1, -1):
        depth += (text[at] == BOX_END) - (text[at] == BOX)
        if not depth:
            return at
    return 0
