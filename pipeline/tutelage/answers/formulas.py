"""Formulas: linear text (`plain` has made it of LaTeX) read into a tree of tuples.

Nodes: `("n", Fraction)`, `("v", name)`, `("neg", a)`, `("+", a, b)`, `("*", a, b)`, `("/", a, b)`,
`("^", a, b)`, `("f", name, argument...)`. A difference is a sum with `neg`, a root a power. What they
come to is `evaluation`'s to say.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tutelage.answers.tables import words

LONGEST = 600
"""Characters of a formula that are read."""
Tree = tuple[Any, ...]
FUNCTIONS = words("functions")
CONSTANTS = frozenset({"pi", "e", "i", "inf"})
_NAMES = "|".join(("pi", "inf", *sorted(words("greek"), key=len, reverse=True)))
_NO_PRODUCT = words("no_product")
_TOKEN = re.compile(
    rf"""\s*(?:(?P<num>(?:\d{{1,3}}(?:,\d{{3}})+(?![\d,]*\d)|\d+)(?:\.\d+)?|\.\d+)
    (?:[eE](?P<exp>[-+]?\d{{1,3}})(?!\w)|_\(?(?P<base>\d\d?)\)?(?!\w))?
    |(?P<fn>{"|".join(sorted(FUNCTIONS, key=len, reverse=True))})(?![a-zA-Z])
    |(?P<name>(?:{_NAMES})(?![a-zA-Z])|[a-zA-Z](?![a-zA-Z]))(?P<sub>_(?:\w+|\([^()]*\)))?(?P<dash>'*)
    |(?P<letters>[a-zA-Z]{{2,3}}(?![a-zA-Z]))|(?P<op>[-+*/^])|(?P<open>[(\[])|(?P<close>[)\]])
    |(?P<mark>[!%])|(?P<comma>[,;]))""",
    re.X,
)
_BARE = rf"(?<![a-zA-Z])({'|'.join(sorted(FUNCTIONS, key=len, reverse=True))})(?![a-zA-Z])"
_IN_BRACKETS = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_SPELLINGS = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\btimes\b", "*"), (r"\bplus\b", "+"), (r"\bminus\b", "-"),
        (r"\b(?:the )?square root of (?=[\d(a-z])", "sqrt "),
        (r"\bsquared\b", "^2"), (r"\bcubed\b", "^3"), (r"\binfinity\b", "inf"),
        (rf"\b((?:sin|cos|tan)h?|sec|csc|cot|ln|log)\^(\d+)\s*({_IN_BRACKETS}|\w+)", r"(\1(\3))^\2"),
        (rf"\blog_\(?(\w+)\)?\s*({_IN_BRACKETS}|[\w.]+)", r"logb(\2; \1)"),
        (r"\|([^|]*)\|", r"(abs(\1))"),
        (r"(?<![A-Za-z])([A-Za-z])\(0\)", r"\1_0"),
        (rf"{_BARE}\s*(?![(\[\s])((?:(?!{_BARE})[^-+*/()\[\],;])+)", r"\1(\2)"),
    )
)  # fmt: skip
"""Other ways to write; and the argument of a function that has no brackets."""
_SPELLED = re.compile(r"[_^|]|[a-z]{2}|\(0")
_LETTER = re.compile(r"[^()]*[a-zA-Z]")
_SYMBOLIC = re.compile(r"[-+*/^\d]")
"""With one of these, letters side by side are a product: `80 x y`."""
_SIGNS: dict[str, tuple[Tree | str, ...]] = {
    "[": ("(",), "]": (")",), ";": (",",), "%": ("/", ("n", Fraction(100))),
}  # fmt: skip


class NoFormula(ValueError):
    """The text is no formula, or one that is not read."""


def _tokens(text: str) -> list[Tree | str]:
    """Atoms, and signs and functions as text, products written out; the first of them last."""
    out: list[Tree | str] = []
    at, kind, symbolic = 0, "", _SYMBOLIC.search(text) is not None
    while at < len(text):
        m = _TOKEN.match(text, at)
        if not m:
            raise NoFormula(text)
        before, own = kind, _atoms(m)
        kind = "num" if m["num"] else "name" if m["name"] else m.lastgroup or ""
        word, apart, at = m[0].strip(), m[0][:1].isspace(), m.end()
        if (own or kind in ("fn", "open")) and before in ("num", "name", "close", "mark"):
            prose = kind == before == "name" and word not in CONSTANTS and not symbolic
            explains = (before, kind) == ("num", "open") and not _LETTER.match(text, at)
            if (kind == "num" and before != "close") or (apart and (prose or explains)):
                raise NoFormula(word)  # 145 (168 - 23): the bracket explains
            out.append("*")
        out += own or _SIGNS.get(word, (word,))
        kind = "name" if kind == "letters" else kind
    return out[::-1]


def _atoms(m: re.Match[str]) -> list[Tree | str]:
    if m["letters"]:
        if m["letters"].lower() in _NO_PRODUCT:
            raise NoFormula(m["letters"])
        return [part for letter in m["letters"] for part in (("v", letter), "*")][:-1]
    if m["name"]:
        return [("v", m["name"] + re.sub(r"[()]", "", m["sub"] or "") + m["dash"])]
    if not m["num"]:
        return []
    digits = m["num"].replace(",", "")
    number = Fraction(
        int(digits, int(m["base"] or 10)) if m["base"] or digits.isdigit() else digits
    )
    return [("n", number * Fraction(10) ** int(m["exp"]) if m["exp"] else number)]


_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
"""How strongly; a sign before a number does with 3."""


def _formula(tokens: list[Tree | str], least: int = 1) -> Tree:
    """The tree of what `tokens` begin with, up to a sign that binds less than `least`."""
    left = _operand(tokens)
    while tokens and isinstance(sign := tokens[-1], str) and (own := _BINDS.get(sign, 0)) >= least:
        tokens.pop()
        right = _formula(tokens, own if sign == "^" else own + 1)
        left = ("+", left, ("neg", right)) if sign == "-" else (sign, left, right)
    return left


def _operand(tokens: list[Tree | str]) -> Tree:
    token = tokens.pop()
    if isinstance(token, tuple):
        tree = token
    elif token in "+-":
        inner = _formula(tokens, 3)
        return ("neg", inner) if token == "-" else inner
    elif token == "(":
        tree = _bracketed(tokens)[0]
    elif token in FUNCTIONS and tokens.pop() == "(":
        tree = _called(token, _bracketed(tokens, ","))
    else:
        raise NoFormula(token)
    while tokens and tokens[-1] == "!":
        tokens.pop()
        tree = ("f", "factorial", tree)
    return tree


def _bracketed(tokens: list[Tree | str], separator: str = ")") -> list[Tree]:
    """What stands in a bracket that is open."""
    parts = [_formula(tokens)]
    while (sign := tokens.pop()) != ")":
        if sign != separator:
            raise NoFormula(sign)
        parts.append(_formula(tokens))
    return parts


def _called(name: str, arguments: list[Tree]) -> Tree:
    first, one = arguments[0], ("n", Fraction(1))
    if name in ("sqrt", "cbrt"):
        return ("^", first, ("n", Fraction(1, 2 if name == "sqrt" else 3)))
    if name == "root" and len(arguments) == 2:
        return ("^", arguments[1], ("/", one, first))
    if name == "logb" and len(arguments) == 2:
        return ("/", ("f", "ln", first), ("f", "ln", arguments[1]))
    return ("^", ("v", "e"), first) if name == "exp" else ("f", name, *arguments)


@lru_cache(maxsize=8192)
def parse(text: str) -> Tree | None:
    """The tree of a formula; None where the text is none."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    for pattern, put in _SPELLINGS if _SPELLED.search(text) else ():
        text = pattern.sub(put, text)
    try:
        tokens = _tokens(text)
        tree = _formula(tokens)
    except (ValueError, IndexError, RecursionError):
        return None
    return None if tokens else tree


def names(tree: Tree) -> frozenset[str]:
    """The letters and functions of a formula."""
    own = frozenset({tree[1]}) if tree[0] in ("v", "f") else frozenset()
    return own.union(*(names(part) for part in tree[1:] if isinstance(part, tuple)))


def steps(tree: Tree) -> int:
    """How many operations a formula has; the sign of a number is none."""
    below = sum(steps(part) for part in tree[1:] if isinstance(part, tuple))
    return below + (tree[0] not in ("n", "v", "neg"))
