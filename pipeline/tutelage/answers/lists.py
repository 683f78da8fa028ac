"""Lists that a message gives as its answer: by lines, one by one, or as all numbers of a sentence."""

import re

from tutelage.answers.marks import Final, Reading
from tutelage.answers.pieces import pieces
from tutelage.answers.prose import refused
from tutelage.answers.reading import read
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Formula, Items, Number, Value

ITEM = re.compile(r"^\s*(?:\d+[.)]|[-•+])\s+(?=\S)", re.M)
"""What begins a line of a list."""
_ITEMISED = re.compile(
    r"(?:^|:[ *_]*\n)\n*((?:[ \t]*(?:\d+[.)]|[-•+*])[ \t]+\S.*(?:\n+|$)){2,})\s*$"
)
"""What a message lists line by line at its end."""


def itemised(text: str) -> str:
    """What a message lists line by line at its end, as one list; empty where it does not."""
    listed = _ITEMISED.search(text)
    items = [ITEM.sub("", line).strip() for line in listed[1].splitlines()] if listed else []
    short = all(len(item.split()) < 4 for item in items)
    return ", ".join(filter(None, items)) if short else ""


_IN_WORDS = re.compile(
    r"\s+(?:(?:is|are|must be)\s+)?(?:strictly\s+)?(?:(greater|larger|more|bigger)|(?:less|smaller))"
    r"\s+than(\s+or\s+equal\s+to)?\s+(?=[-\d])",
    re.I,
)
"""`x is greater than 4`."""


def in_signs(text: str) -> str:
    """`text` with signs for comparisons in words."""
    return _IN_WORDS.sub(lambda m: f" {'>' if m[1] else '<'}{'=' if m[2] else ''} ", text)


_ASSIGNS = re.compile(
    r"(?<![\w.)+*/^-])([a-z])\s*=\s*(?=[-\d.])(?:[^=,;\na-zA-Z]*=\s*)*(-?[\d./]*\d)(?=\s*(?:[.,;)$]|\s|$))"
)
_ALTERNATIVES = re.compile(r"\bor\b|\bif\b|\bcases?\b|±")


def assigned(text: str, gold: Items) -> tuple[Final, str] | None:
    """A point whose coordinates are given one by one: `x = 4. Then y = 7 - 4 = 3.`; and what stands
    after them."""
    letters = sorted(gold.names) if gold.names else list("xyz"[: len(gold.items)])
    values: dict[str, set[Value]] = {}
    end = 0
    for m in _ASSIGNS.finditer(text):
        values.setdefault(m[1], set()).add(read(m[2]))
        end = m.end()
    named = gold.names or gold.brackets == "()"
    wanted = len(letters) == len(gold.items) > 1 and named
    if not wanted or sorted(values) != letters or max(map(len, values.values())) > 1:
        return None
    doubted = any(TABLES[name].search(text, 0, end) for name in ("denies", "doubts"))
    if doubted or _ALTERNATIVES.search(text):
        return None
    items = tuple(values[letter].pop() for letter in letters)
    return Final(((text[:end], Items("", items, tuple(letters))),)), text[end:]


_GIVES = re.compile(r"(?<![\w.)+*/^-])([a-z])\s*=\s*(?=[-\d.])")


def all_numbers(text: str, gold: Items) -> Reading | None:
    """All numbers of a sentence as the list that is asked for: `the smaller is 27, the larger 29`;
    where a letter is solved for, what it is: `x - 3 = 5 gives x = 8, x - 3 = -5 gives x = -2`.
    """
    numbers = len(gold.items) > 1 and all(isinstance(item, Number) for item in gold.items)
    if not numbers or gold.brackets not in ("", "{}", "by") or len(text) > 1000:
        return None
    every = [p for p in pieces(text) if not (isinstance(p.value, Formula) and "=" in text)]
    if solved := {m.end() for m in _GIVES.finditer(text)}:
        every = [p for p in every if p.start in solved]
    plainly = all(isinstance(p.value, Number) and not p.loose for p in every)
    if not plainly or any(refused(text, p.start, p.end) for p in every):
        return None
    return text, Items(gold.brackets, tuple(p.value for p in every))
