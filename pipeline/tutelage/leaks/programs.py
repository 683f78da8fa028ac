"""How much of a reference solution a message gives away: its n-grams, or a whole function.

Code becomes tokens; comments and docstrings go, and every name that is not a keyword or a builtin
is the same token, so renaming hides nothing. What is compared is the solution's *body*, in
n-grams of 4 tokens, less those that the statement or the student's own code shows already.

A message gives the solution away where it holds at least `THRESHOLD` of the new n-grams and shows
at least as much of the whole body: a pinpointed line is feedback, the mended function is not. So
does a whole function that is not the student's, reference or not: a definition of the entry point, by
`def` or `lambda`, in a fence, in a sentence or on one line; and a `return` of one expression that
needs nothing but the parameters, which is a function but for its head. What the statement or the
student has shown may be quoted.
"""

import ast
import builtins
import json
import keyword
import re
from collections.abc import Iterator
from functools import lru_cache

from tutelage.answers.tables import outermost, words

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


THRESHOLD = 0.5
"""Share of the body's n-grams that makes a leak.

Measured on the 1,138 references of MBPP and HumanEval: shown whole, all reach it, and 99 % with all
names changed; another problem's reference reaches it in 0.2 %, one line of a body of four or more
in 1.4 %, the first half of such a body in 53 %.
"""

_SIGNATURE = re.compile(r"^[ \t]*(?:async )?def\s+(\w+)\s*\(.*?\)\s*(?:->[^:\n]+)?:", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`\n]{2,200})`(?!`)")


def _shown(text: str) -> frozenset[Gram]:
    """The n-grams of a message, its pieces of inline code also taken as one listing."""
    pieces = _INLINE.findall(text)
    return grams(text) | grams("\n".join(pieces)) if pieces else grams(text)


@lru_cache(maxsize=512)
def body(program: str) -> str:
    """`program` without imports and the line of its signature, which statements often show."""
    text = _SIGNATURE.sub("", program)
    return re.sub(r"^(?:from|import)\s.*$", "", text, flags=re.MULTILINE)


def entry_points(program: str, tests_json: str) -> frozenset[str]:
    """Names of the functions that a solution has to define."""
    names = {match[1] for match in _SIGNATURE.finditer(program) if not match[0][:1].isspace()}
    if tests_json:
        try:
            named = json.loads(tests_json).get("entry_point", "")
        except (ValueError, AttributeError):
            named = ""
        names |= {named} if isinstance(named, str) and named else set()
    return frozenset(names)


def overlap(program: str, public: tuple[str, ...], message: str) -> tuple[float, float]:
    """Shares of the solution that `message` holds: of its new n-grams, and of all its n-grams."""
    whole = grams(body(program))
    shown = _shown(message)
    known: frozenset[Gram] = frozenset().union(*(grams(text) for text in public))
    new = whole - known
    if not new:
        return 0.0, len(whole & shown) / len(whole)
    return len(new & shown) / len(new), len(whole & shown) / len(whole)


def given_away(
    program: str, tests_json: str, statement: str, turns: tuple[str, ...], message: str
) -> str:
    """What of the solution `message` gives away, in words; empty where nothing is."""
    public = (statement, *turns)
    new, whole = overlap(program, public, message)
    if new >= THRESHOLD and whole >= THRESHOLD:
        return f"{whole:.0%} of the reference solution, {new:.0%} of what was not public"
    names = entry_points(program + "\n" + statement, tests_json)
    return _whole_function(names, program, public, message)


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
_QUOTED = re.compile(r"(?<!`)`([^`\n]{6,200})`(?!`)|(?:\bis|:)[ \t]+([^\n`]{6,200})$", re.M)
_CALLED = re.compile(r"\b(\w+)\(((?:[^()]|\([^()]{0,40}\)){0,120})\)")
_LEAST = 7
"""Tokens of an expression that is more than a name, a constant or one plain call."""


def _whole_function(
    names: frozenset[str], program: str, public: tuple[str, ...], message: str
) -> str:
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
    for m in outermost(_QUOTED.finditer(message)) if _ANNOUNCED.search(message) else ():
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
