"""Compares lists, sets, tuples and intervals, item by item.

- `{1, 2}` and a bare list `1, 2` have no order; `(1, 2)`, `[1, 2)` and the like have, and their
  brackets must agree. `1 and 2` is a bare list, too.
- `x = 1, y = 2` is the point (1, 2): by its names, in the order that the statement or else the
  alphabet gives them.
"""

import re
from itertools import permutations

from tutelage.verifiers.quantity import read, same


def compare(
    gold: tuple[str, tuple[str, ...]], text: str, statement: str, has_names: bool
) -> str | None:
    """Empty where equal, the reason where not, None where only algebra can tell.

    `gold` is what `split` gives; `has_names` says whether it has names of its own (`x = 1`).
    """
    wanted_brackets, wanted_items = gold
    brackets, items = split(text)
    if not items or not brackets:
        brackets, items = split(_AND.sub(", ", text))
    ordered = wanted_brackets not in ("", "{}")
    names = [match[0].rstrip("= ") if (match := NAME.match(item)) else "" for item in items]
    unknowns = {name.partition("_")[0] for name in names}
    if not has_names and all(names) and (ordered or len(unknowns) == 1):
        items = tuple(NAME.sub("", item).strip() for item in items)
        if wanted_brackets == "()" and len(set(names)) == len(names) > 1 and not brackets:
            order = _order(names, statement)
            items = tuple(items[names.index(name)] for name in order)
            brackets = wanted_brackets
    if ordered and items and brackets != wanted_brackets:
        return "other brackets"
    if not ordered and items and brackets not in ("", "{}"):
        return "other brackets"
    if not items and not ordered and len(wanted_items) > 1:
        items = (text,)
    wanted, given = [read(item) for item in wanted_items], [read(item) for item in items]
    if None in wanted or None in given or not given:
        return None
    if len(wanted) != len(given):
        return "another number of answers"
    if len(given) > 6 and not ordered:
        return None
    orders = permutations(given) if not ordered else [tuple(given)]
    equal = any(
        all(w and g and not same(w, g) for w, g in zip(wanted, order, strict=True))
        for order in orders
    )
    return "" if equal else "not equal"


def _order(names: list[str], statement: str) -> list[str]:
    """`names` as a tuple of the statement's has them, or else the alphabet."""
    for found in re.findall(r"\(([^()]{1,60})\)", statement):
        told = [name.strip() for name in found.split(",")]
        if sorted(told) == sorted(names):
            return told
    return sorted(names)


def split(text: str) -> tuple[str, tuple[str, ...]]:
    """Brackets and elements of a list, set, tuple or interval; no elements where it is none.

    `[1, 2)` gives `("[)", ("1", "2"))`, `1, 2` gives `("", ("1", "2"))`, `x^2` gives `("", ())`.
    """
    text = text.replace("\\{", "\x01").replace("\\}", "\x02").strip()
    brackets = ""
    if len(text) > 1 and text[0] in "([\x01{" and text[-1] in ")]\x02}":
        inner = text[1:-1]
        if _balanced(inner):
            brackets = text[0] + text[-1]
            brackets = brackets.replace("\x01", "{").replace("\x02", "}")
            text = inner
    items, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{\x01") - (char in ")]}\x02")
        if char in ",;" and depth == 0:
            items.append(text[start:at].strip())
            start = at + 1
    items.append(text[start:].strip())
    if (len(items) == 1 and brackets != "{}") or not all(items) or depth:
        return "", ()
    return brackets, tuple(i.replace("\x01", "\\{").replace("\x02", "\\}") for i in items)


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in "([{\x01") - (char in ")]}\x02")
        if depth < 0:
            return False
    return depth == 0


NAME = re.compile(
    r"(?:\\(?:angle|triangle)\s*)?[A-Za-z]{1,3}'?(?:_\{?\w+\}?)?(?:\(\w\))?\s*=(?!=)\s*"
)
"""What is before a value that has a name: `x = `, `f(2) = `, `AB = `."""
_AND = re.compile(r"\s*,?\s+(?:and|or|\\(?:lor|vee|land|wedge))\s+")
