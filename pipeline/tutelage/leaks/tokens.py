"""Code as tokens and n-grams: comments and docstrings gone, names that an author chose all
alike."""

import builtins
import keyword
import re
from functools import lru_cache

from tutelage.answers.tables import words

N = 4

_TOKEN = re.compile(
    r"(?P<skip>\s+|\#[^\n]*|//(?=\s)[^\n]*)"
    r"|(?P<string>[rbfRBF]{0,2}(?:\"[^\"\n]*\"|'[^'\n]*'))"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\d\w*(?:\.\d\w*)?)"
    r"|(?P<sign>\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^<>=!:]=|->|&&|\|\||\+\+|--|[^\s\w])"
)
_TRIPLE = re.compile(r"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''")
_OWN = frozenset(keyword.kwlist) | frozenset(
    name for name in dir(builtins) if name.islower() and not name.startswith("_")
)
KEPT = _OWN | words("library")
"""Names that no author of a solution chose."""

Gram = tuple[str, ...]


def tokens(code: str) -> list[str]:
    """The tokens of `code`, names that its author chose all alike."""
    items: list[str] = []
    for token in _TOKEN.finditer(code):
        kind, text = token.lastgroup, token[0]
        if kind == "skip":
            continue
        if kind == "string":
            text = repr(text.lstrip("rbfRBF")[1:-1])
        elif kind == "name" and text not in KEPT:
            text = "name"
        items.append(text)
    return items


@lru_cache(maxsize=1024)
def grams(code: str) -> frozenset[Gram]:
    """The n-grams of `code`; one shorter gram where there are fewer than `N` tokens."""
    items = tokens(_TRIPLE.sub("", code))
    return frozenset(tuple(items[i : i + N]) for i in range(max(1, len(items) - N + 1)))
