"""A gold, read once: an `Answer` to compare with, or a program's `Tests`."""

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from tutelage.answers.equality import NOT_WORKED_OUT, difference, squeezed
from tutelage.answers.plain import boxes, plain
from tutelage.answers.reading import bare, folded, read
from tutelage.answers.statement import Statement, statement
from tutelage.answers.values import Formula, Number, Relation, Value, Words
from tutelage.records import Gold


@dataclass(frozen=True)
class Answer:
    """A final answer, the same for all messages of a problem. What does not apply is empty."""

    text: str
    """Plain and bare: of `\\\\boxed{42}` and `#### 42` it is `42`. For a choice what stands beside
    it."""
    value: Value
    statement: Statement
    letter: str = ""
    """The option to be chosen, in upper case."""

    @cached_property
    def literal(self) -> str:
        """The text without spaces and layout."""
        return squeezed(self.text)

    @cached_property
    def words(self) -> str:
        """For an answer in words, those; else empty."""
        return self.value.text if isinstance(self.value, Words) else ""

    @cached_property
    def result(self) -> Value:
        """The value without a name: of `x = 7` it is 7."""
        value = self.value
        named = (
            isinstance(value, Relation) and value.sign == "=" and isinstance(value.left, Formula)
        )
        return value.right if named and isinstance(value.right, Number) else value  # type: ignore[union-attr]

    @cached_property
    def number(self) -> Fraction | None:
        """The number that the result is; of 35 % it is 35."""
        result = self.result
        return result.value if isinstance(result, Number) and not result.ordinal else None

    @cached_property
    def whole(self) -> str:
        """The figures of a result that is a whole number; else empty."""
        figures = str(self.number)
        return figures if figures.isdigit() else ""

    @cached_property
    def counts(self) -> bool:
        """Whether the result is a whole number and no more: no other number is the same."""
        number = self.number
        return number is not None and number.denominator == 1 and self.result == Number(number)

    @cached_property
    def size(self) -> float:
        """The number without its sign; infinite where it is too large, or there is none."""
        try:
            return abs(float(self.number or 0)) if self.number is not None else math.inf
        except OverflowError:
            return math.inf

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of what the problem asks for."""
        own = re.findall(r"[a-z]{3,}", self.text.lower()) if self.number is not None else ()
        nouns = {word.removesuffix("s") for word in own}
        return self.statement.sought | self.statement.counted | nouns


@dataclass(frozen=True, slots=True)
class Tests:
    """A program is wanted."""

    program: str
    """The reference, or empty."""
    tests_json: str


def compare(gold: Answer, text: str, value: Value) -> str:
    """Why `text`, which reads as `value`, is not the answer; empty where it is."""
    chooses = gold.letter and text.strip("() .") == gold.letter
    priced = isinstance(value, Number) and "$" in text and "$" not in gold.text
    priced = priced and _COUNTS.search(gold.statement.question) is not None
    if chooses or (squeezed(text) == gold.literal and not priced):
        return ""
    if gold.letter and (re.fullmatch(r"[A-J]", text) or gold.text == gold.letter):
        return "another choice"
    reason = difference(gold.value, value, gold.statement) or _other_form(text, gold)
    quotient = reason == "" and isinstance(value, Number) and value.quotient
    return NOT_WORKED_OUT if quotient else reason


_ASKS_LOWEST = re.compile(r"\b(?:lowest|simplest|reduced|simplified)\b")
_FRACTION = re.compile(r"(?:^|[\s=])(-?\d+)/(\d+)\W*$")
_MANTISSA = re.compile(r"-?(\d+)(?:\.\d+)?\s*\*\s*10\^")
_SOLVED = re.compile(r"(?<![\w)^])(?:y|f\(x\))\s*=")


def _figures(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def _other_form(text: str, gold: Answer) -> str:
    """Why a text, which has the right value, is not in the form asked for; empty where it is."""
    question = gold.statement.question
    if "as a fraction" in question and "/" not in text and squeezed(text) in question:
        return "no fraction"
    if fraction := _FRACTION.search(text) if _ASKS_LOWEST.search(question) else None:
        return "not in lowest terms" if math.gcd(int(fraction[1]), int(fraction[2])) > 1 else ""
    if "prime factor" in question and not _figures(text) <= _figures(gold.text):
        return "not prime factors"
    if "slope-intercept" in question and "=" in text and not _SOLVED.search(text):
        return "not solved for y"
    if mantissa := _MANTISSA.match(text) if "scientific" in question else None:
        return "" if len(mantissa[1]) == 1 and mantissa[1] != "0" else "not in scientific notation"
    return ""


_MARKED = re.compile(r"####\s*(.+?)\s*$", re.S)
_NEARLY = re.compile(r"(?<![\w)][a-z])(?<=[a-z])\s*≈")
_SEVERAL = re.compile(r"[,;]|[a-z]{3,} [a-z]{3,}")
_CHOSEN = re.compile(r"^(?:option\s+)?\(?([A-Ja-j])(?:[).:]+\s*(.*)|)$", re.S)
_COUNTS = re.compile(r"\bhow many (?!\w*\s?(?:dollars|cents|bucks))")
_PROGRAM = re.compile(
    r"\bdef \w|\breturn\b|\bimport \w|^\s*(?:for|while|if)\b.*:\s*$|;\s*$|=", re.M
)


@lru_cache(maxsize=4096)
def gold_of(domain: str, gold: Gold | str, stated: str, solution: str = "") -> Answer | Tests:
    """What a gold is, under its statement. Of an entry that a scorer of its own judges it is the
    entry's answer, or the last line of the solution."""
    gold = gold if isinstance(gold, Gold) else Gold("answer", gold)
    if gold.kind == "scorer":
        entry = _json(gold.value)
        own = entry.get("answer") if isinstance(entry, dict) else ""
        last = solution.strip().rsplit("\n", 1)[-1] or str(own or "")
        return answer_of(last, stated)
    program = gold.value.strip() or solution
    if gold.kind == "tests" or (domain == "code" and _PROGRAM.search(program)):
        return Tests(program, gold.tests_json)
    return answer_of(gold.value, stated)


@lru_cache(maxsize=4096)
def answer_of(value: str, stated: str) -> Answer:
    """The answer that a text is: bare, or a solution that ends in `#### x` or `\\boxed{x}`."""
    shown, text = statement(stated), _listed(value.strip())
    marked = _MARKED.search(text)
    text = plain(marked[1].splitlines()[0] if marked else text)
    if spans := boxes(text):
        text = text[spans[-1][0] + 1 : spans[-1][1] - 1]
    text = bare(_NEARLY.sub("=", text)) if "≈" in text else bare(text)
    exact, _, near = text.rpartition("≈")
    if exact and not _SEVERAL.search(exact) and isinstance(read(bare(near)), Number):
        text = bare(near)
    chosen = _CHOSEN.match(text)
    letter = chosen[1].upper() if chosen else ""
    offered = shown.options
    if chosen and (letter in offered or (not offered and (chosen[2] or chosen[1].isupper()))):
        text = (chosen[2] or offered.get(letter, "") or letter).strip()
    else:
        letter = next((n for n, option in offered.items() if folded(option) == folded(text)), "")
    return Answer(text, read(text), shown, letter)


def _listed(text: str) -> str:
    """A JSON list of texts, `["1", "2"]`, as `1, 2`; anything else as it is."""
    items: Any = _json(text if '"' in text else text.replace("'", '"')) if text[:1] == "[" else None
    listed = isinstance(items, list) and items != [] and all(isinstance(i, str) for i in items)
    return ", ".join(items) if listed else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
