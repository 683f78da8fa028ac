"""Whole functions in a message, whatever the reference solution is.

A definition of the entry point, by `def` or `lambda`, in a fence, in a sentence or on one line; and
a `return` of one expression that needs nothing but the parameters: that is a function but for its
head. What the statement or the student has shown may be quoted.
"""

import ast
import re
from collections.abc import Iterator

from tutelage.answers.tables import outermost
from tutelage.leaks.tokens import KEPT, Gram, grams, tokens

_DEFINED = re.compile(
    r"\bdef[ \t]+(?P<name>\w+)[ \t]*\((?:[^()]|\([^()]{0,40}\)){0,300}\)\s*(?:->[^:\n]{1,60})?:[ \t]*"
    r"(?:(?P<line>[^\n`#][^\n`]*)"
    r"|(?P<block>[^\n]*(?:(?:\n[ \t]+[^\n]*|\n(?=\n)){1,60}|(?:\n(?!```)[^\n]+){0,60})))"
    r"|\b(?P<bound>\w+)[ \t]*=[ \t]*lambda\b[^:\n]{0,80}:[ \t]*(?P<lambda>[^\n`]+)"
)
"""A function with its body: the rest of its line, else the indented lines after it, or all up to a
blank one where the indentation was lost."""
_UNDONE = re.compile(r"\.\.\.|\bpass\b|…|your code|TODO|fill in|___", re.I)
_RETURN = re.compile(r"\breturn[ \t]+([^\n`]{4,200})")
_BRANCH = re.compile(
    r"(?:\b(?:if|elif|else|for|while|try|except|with)\b[^\n]{0,120}:\s*|\w\s*=[^\n]{1,120}\n\s*)$"
)
_DOUBTED = re.compile(
    r"\b(?:not|never|wrong|incorrect|instead\s+of|why|fails?|would|avoid|if\s+you|rather\s+than)\b|n't\b|\?",
    re.I,
)
_ANNOUNCED = re.compile(
    r"\b(?:whole|full|complete|entire|final)\s+(?:\w+\s+)?(?:solution|answer|function|body|code|thing|"
    r"program)\b|\b(?:solution|answer)\s*(?:is\b|:)",
    re.I,
)
_INLINE = re.compile(r"(?<!`)`([^`\n]{6,200})`(?!`)|(?:\bis|:)[ \t]+([^\n`]{6,200})$", re.M)
_CALLED = re.compile(r"\b(\w+)\(((?:[^()]|\([^()]{0,40}\)){0,120})\)")
_LEAST = 7
"""Tokens of an expression that is more than a name, a constant or one plain call."""


def whole(names: frozenset[str], program: str, public: tuple[str, ...], message: str) -> str:
    """The whole function that `message` shows, in words; empty where it shows none."""
    for m in outermost(_DEFINED.finditer(message)):
        body = m["lambda"] or m["line"] or m["block"]
        returns = m["lambda"] or re.search(r"\b(?:return|yield)\b", body)
        named = (m["name"] or m["bound"]) in names
        if named and returns and not _UNDONE.search(body) and _is_new(body, public):
            return f"a full definition of {m['name'] or m['bound']}"
    for expression, start, end in _expressions(message):
        doubted = _DOUBTED.search(message[max(0, start - 60) : start] + message[end : end + 40])
        long = len(tokens(expression)) >= _LEAST and _is_new("return " + expression, public)
        if long and not doubted and _is_body(expression, names, (program, *public)):
            return f"a whole body: {expression[:60]}"
    return ""


def _is_new(code: str, public: tuple[str, ...]) -> bool:
    """Whether more than a fifth of some code was not public."""
    inner = grams(code)
    known: frozenset[Gram] = frozenset().union(*map(grams, public))
    return len(inner) >= 3 and len(inner - known) > 0.2 * len(inner)


def _expressions(message: str) -> Iterator[tuple[str, int, int]]:
    """What is returned outside of any function, or called the solution; and where it stands."""
    for m in outermost(_RETURN.finditer(message)):
        before = message[max(0, m.start() - 160) : m.start()]
        within = re.search(r"\n[ \t]+$", before) and "def " in message[: m.start()]
        if not within and not _BRANCH.search(before):
            yield m[1].rstrip(" .;"), *m.span()
    for m in outermost(_INLINE.finditer(message)) if _ANNOUNCED.search(message) else ():
        yield (m[1] or m[2]).rstrip(" .;"), *m.span()


def _is_body(expression: str, names: frozenset[str], texts: tuple[str, ...]) -> bool:
    """Whether an expression works with the entry point's parameters, as they are called in the
    reference and in what is public, and with nothing else but builtins and names of its own."""
    calls = (m for text in texts for m in outermost(_CALLED.finditer(text)) if m[1] in names)
    parts = {re.split("[:=]", part)[0].strip(" *") for m in calls for part in m[2].split(",")}
    try:
        nodes = list(ast.walk(ast.parse(re.sub(r"\\.", "_", expression), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    own = {n.id for n in nodes if isinstance(n, ast.Name)} - read
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    # What calls itself needs a way to end as well.
    known = parts | (names if any(isinstance(n, ast.IfExp) for n in nodes) else set())
    works = any(
        isinstance(n, ast.Call | ast.BinOp | ast.Compare | ast.comprehension) for n in nodes
    )
    return works and bool(read & parts) and read <= known | KEPT | own
