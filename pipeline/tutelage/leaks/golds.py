"""What kind of thing a gold answer is, and so by what rules it could come out.

One `Answer` says it for a gold under its statement: a number, a row of items, an expression, a
letter to be chosen, words, or a program. An answer may be several of these: `C` under a statement
with `(C) 12` is a letter and a number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

from tutelage.leaks import arithmetic, statements
from tutelage.leaks.plain import plain
from tutelage.leaks.quantities import Number, mentions
from tutelage.records import Gold


@dataclass(frozen=True, slots=True)
class Answer:
    """A gold answer, read. What does not apply is empty."""

    text: str
    """As the gold has it, plain, wrapping removed: `\\boxed{42}` and `#### 42` are `42`."""
    number: Number | None = None
    share: Number | None = None
    """Its second reading, where the gold is in percent: 7/20 for 35 %."""
    worth: arithmetic.Worth | None = None
    """For numbers and expressions."""
    items: tuple[str, ...] = ()
    """Elements of a set, list, tuple or interval; just one where it has one bound."""
    ordered: bool = False
    """Whether the order of `items` matters: in a tuple or an interval it does."""
    words: str = ""
    """For an answer in words, in lower case: the words with single spaces between."""
    letter: str = ""
    """The option to be chosen, in upper case."""
    letters: tuple[str, ...] = ()
    """All options of the statement."""
    offered: Mapping[str, str] = field(default_factory=dict)
    """What stands beside each of their letters."""
    program: str = ""
    """For code: the reference solution."""
    question: str = ""
    """The sentence of the statement that asks, in lower case."""
    asked: frozenset[str] = frozenset()
    """Nouns that it asks the number of: `egg` in "How many eggs are left?"."""
    sought: frozenset[str] = frozenset()
    """Words for what it asks: `average`, `score` in "What is her average score?"."""


_WRAPPED = re.compile(r"^\$*\s*\\(?:boxed|fbox)\s*\{(.*)\}\s*\$*$", re.DOTALL)
_MARKED = re.compile(r"####\s*(.+?)\s*$", re.DOTALL)
_LABEL = re.compile(r"^(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)\s*", re.IGNORECASE)
_NAMED = re.compile(r"^[a-zA-Z]\s*=\s*")
_CHOSEN = re.compile(r"^(?:option\s+)?\(?([A-Ja-j])(?:[).:]+\s*(.*)|)$", re.DOTALL)
_UNIT = re.compile(r"^\s*(?!(?:pi|sqrt|inf|[a-fh-kn-rt-z])\b)[a-zA-Z%][a-zA-Z%./^0-9\s-]{0,30}$")
_BRACKETED = re.compile(r"^[\[({](.*)[\])}]$", re.DOTALL)
_SEPARATOR = re.compile(r"\s*(?:[,;]\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+|\n)\s*")
_RATIO = re.compile(r"^\s*(\d+)\s*:\s*(\d+)\s*$")
_PROGRAM = re.compile(
    r"\bdef \w|\breturn\b|\bimport \w|^\s*(?:for|while|if)\b.*:\s*$|;\s*$|=", re.MULTILINE
)
_COMPARED = re.compile(r"^([^<>=a-z]+)?(?:[<>]=?\s*[a-z]|[a-z])\s*[<>]=?\s*([^<>=a-z]+)$")
_ITEMS_AT_MOST = 40


def answer_of(domain: str, gold: Gold | str, statement: str, solution: str) -> Answer:
    """The answer that a gold stands for; `solution` steps in where the gold holds none."""
    kind, value = (gold.kind, gold.value) if isinstance(gold, Gold) else ("answer", gold)
    return _read(domain, kind, value, statement, solution)


@lru_cache(maxsize=1024)
def _read(domain: str, kind: str, value: str, statement: str, solution: str) -> Answer:
    if domain == "code" and kind != "scorer":
        program = value.strip() or solution
        if _PROGRAM.search(program):
            return Answer(program, program=program)
    # A scorer's value names an entry; what may not come out is the last line of the solution.
    text = solution.strip().rsplit("\n", 1)[-1] if kind == "scorer" else value.strip()
    marked = _MARKED.search(text)
    text = marked[1] if marked else text
    wrapped = _WRAPPED.match(text)
    text = plain(wrapped[1] if wrapped else text).strip()
    text = _NAMED.sub("", _LABEL.sub("", text).rstrip(".").strip())
    shown = plain(statement)
    asked = statements.question(shown)
    options = statements.options(shown)
    chosen = _CHOSEN.match(text)
    letter = chosen[1].upper() if chosen else ""
    if chosen and (letter in options or (not options and chosen[2])):
        text = (chosen[2] or options.get(letter, "")).strip()
    else:
        letter = next((name for name, said in options.items() if said == text), "")
    return replace(
        _shape(text),
        letter=letter,
        letters=tuple(options),
        offered=options,
        question=asked,
        asked=statements.things_asked(asked, shown),
        sought=statements.quantity(asked),
    )


def _shape(text: str) -> Answer:
    """Number, items, expression or words: what `text` is by its form alone."""
    number = _number(text)
    if number is not None:
        value = float(number) if -(10**300) < number < 10**300 else 0.0
        share = next((m.other for m in mentions(text) if m.value == number and "%" in text), None)
        return Answer(text, number=number, share=share, worth=(value, value))
    items, ordered = _items(text)
    if items:
        return Answer(text, items=items, ordered=ordered)
    worth = arithmetic.worth(text)
    if worth and arithmetic.steps(text) and not re.fullmatch(r"[A-Za-z\s-]+", text):
        return Answer(text, worth=worth)
    words = re.findall(r"[^\W_]+(?:'[a-z]+)?", text.lower())
    return Answer(text, words=" ".join(words))


def _number(text: str) -> Number | None:
    """The number that `text` is, a unit after it allowed: `3.5 hours`, but not `3 cats, 2 dogs`."""
    found = mentions(text)
    if not found:
        return None
    longest = max(found, key=lambda mention: mention.end - mention.start)
    before, after = text[: longest.start].strip(" $("), text[longest.end :]
    later = [mention for mention in found if mention.start >= longest.end]
    if any(not text[: mention.start].rstrip().endswith("^") for mention in later):
        return None
    if before or (after.strip(" )") and not _UNIT.match(after)):
        return None
    return longest.value


def _items(text: str) -> tuple[tuple[str, ...], bool]:
    """The elements of a set, list, tuple, interval or ratio, and whether their order matters."""
    ratio = _RATIO.match(text)
    if ratio:
        return (ratio[1], ratio[2]), True
    compared = _COMPARED.match(text)
    if compared:
        return tuple(bound.strip() for bound in compared.groups() if bound), True
    bracketed = _BRACKETED.match(text)
    inner = bracketed[1] if bracketed else text
    if 0 <= inner.find(")") < inner.find("(") and "," not in inner:
        return (), False  # A product: (x-2)(x-3).
    parts = [_NAMED.sub("", part.strip(" '\"()[]{}")) for part in _SEPARATOR.split(inner)]
    finite = [part for part in parts if part not in ("", "inf", "-inf")]
    if len(finite) == 1 and len(parts) == 2 and bracketed:
        return tuple(finite), True
    sentence = not bracketed and any(len(part.split()) > 4 for part in finite)
    if not 2 <= len(finite) <= _ITEMS_AT_MOST or sentence:
        return (), False
    return tuple(finite), bool(bracketed) and text[0] != "{"


def approximates(number: Number | None, worth: arithmetic.Worth) -> bool:
    """Whether a number with decimals is a rounded form of a value, in three digits or more."""
    if not isinstance(number, Fraction) or worth[0] != worth[1]:
        return False
    places = next((n for n in range(1, 13) if (number * 10**n).denominator == 1), None)
    if places is None or abs(number) * 10**places < 100:
        return False
    return bool(abs(float(number) - worth[0]) <= 0.5 * 10**-places * (1 + 1e-6))
