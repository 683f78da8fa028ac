"""Whole functions in a message, whatever the reference solution is.

A definition of the entry point, by `def` or `lambda`, in a fence, in a sentence or on one line; and
a `return` of one expression that needs nothing but the parameters: that is a function but for its
head. What the statement or the student has shown may be quoted.
"""

import re
from collections.abc import Iterator

from tutelage.answers.tables import outermost
from tutelage.leaks.tokens import KEPT, Gram, grams, tokens

_HEAD = re.compile(
    r"\bdef[ \t]+(\w+)[ \t]*\(((?:[^()]|\([^()]{0,40}\)){0,300})\)\s*(?:->[^:\n]{1,60})?:[ \t]*"
)
_LAMBDA = re.compile(r"\b(\w+)[ \t]*=[ \t]*lambda\b([^:\n]{0,80}):[ \t]*([^`\n]+)")
_UNDONE = re.compile(r"\.\.\.|\bpass\b|…|your code|TODO|fill in|___", re.IGNORECASE)
_LINES_AT_MOST = 60
_RETURN = re.compile(r"\breturn[ \t]+([^\n`]{4,200})")
_BRANCH = re.compile(
    r"(?:\b(?:if|elif|else|for|while|try|except|with)\b[^\n]{0,120}:\s*|\w\s*=[^\n]{1,120}\n\s*)$"
)
_DOUBTED = re.compile(
    r"\b(?:not|never|wrong|incorrect|instead\s+of|why|fails?|would|avoid|if\s+you|rather\s+than)\b|n't\b|\?",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\b(?:whole|full|complete|entire|final)\s+(?:\w+\s+)?(?:solution|answer|function|body|code|thing|"
    r"program)\b|\b(?:solution|answer)\s*(?:is\b|:)",
    re.IGNORECASE,
)
_INLINE = re.compile(r"(?<!`)`([^`\n]{6,200})`(?!`)|(?:\bis|:)[ \t]+([^\n`]{6,200})$", re.MULTILINE)
_CALLED = re.compile(r"\b(\w+)\(((?:[^()]|\([^()]{0,40}\)){0,120})\)")
_NAME = re.compile(r"(?<![\w.'\"])[^\W\d]\w*(?![\w'\"])(?!\s*=(?!=))")
_BOUND = re.compile(r"\b(?:for|lambda)\s+([\w\s,()*]+?)\s*(?:\bin\b|:)")
_STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_ENDS = re.compile(r"\bif\b.*\belse\b")
_WORKS = re.compile(r"\w\(|[-+*/%<>=]|\bfor\b")
_LEAST = 7
"""Tokens of an expression that is more than a name, a constant or one plain call."""


def whole(names: frozenset[str], program: str, public: tuple[str, ...], message: str) -> str:
    """The whole function that `message` shows, in words; empty where it shows none."""
    if "return" not in message and "lambda" not in message and "`" not in message:
        return "" if not _ANNOUNCED.search(message) else _bare(names, program, public, message)
    for name, inside in _definitions(message):
        if name in names and not _UNDONE.search(inside) and _new(inside, public):
            return f"a full definition of {name}"
    return _bare(names, program, public, message)


def _definitions(message: str) -> Iterator[tuple[str, str]]:
    """Name and body of each function that `message` defines and that returns something."""
    for head in outermost(_HEAD.finditer(message)):
        line = message[head.end() : head.end() + 400].split("\n", 1)[0].split("`")[0]
        if line.strip() and not line.lstrip().startswith("#"):
            inside = line
        else:
            inside = _block(message, head.end())
        if re.search(r"\b(?:return|yield)\b", inside):
            yield head[1], inside
    for match in outermost(_LAMBDA.finditer(message)):
        yield match[1], match[3]


def _block(message: str, start: int) -> str:
    """The indented lines after a head; all up to a blank one where the indentation was lost."""
    lines = message[start : start + 80 * _LINES_AT_MOST].split("\n")[1 : 1 + _LINES_AT_MOST]
    indented = bool(lines) and lines[0][:1].isspace()
    end = next(
        (
            number
            for number, line in enumerate(lines)
            if line.startswith("```") or (line[:1].strip() if indented else not line.strip())
        ),
        len(lines),
    )
    return "\n".join(lines[:end])


def _new(inside: str, public: tuple[str, ...]) -> bool:
    """Whether more than a fifth of some code was not public."""
    inner = grams(inside)
    known: frozenset[Gram] = frozenset().union(*(grams(text) for text in public))
    return len(inner) >= 3 and len(inner - known) > 0.2 * len(inner)


def _bare(names: frozenset[str], program: str, public: tuple[str, ...], message: str) -> str:
    """`return sum(x * x for x in xs)`, or the expression alone where it is called the solution."""
    parameters: frozenset[str] | None = None
    for expression, start, end in _expressions(message):
        if len(tokens(expression)) < _LEAST or not _new("return " + expression, public):
            continue
        if _DOUBTED.search(message[max(0, start - 60) : start] + message[end : end + 40]):
            continue
        if parameters is None:
            parameters = _parameters(names, (program, *public))
        # What calls itself needs a way to end as well.
        known = parameters | names if _ENDS.search(expression) else parameters
        if _WORKS.search(expression) and _needs_only(expression, known):
            return f"a whole body: {expression[:60]}"
    return ""


def _expressions(message: str) -> Iterator[tuple[str, int, int]]:
    for match in outermost(_RETURN.finditer(message)):
        before = message[max(0, match.start() - 160) : match.start()]
        within = re.search(r"\n[ \t]+$", before) and "def " in message[: match.start()]
        if not within and not _BRANCH.search(before):
            yield match[1].rstrip(" .;"), match.start(), match.end()
    if _ANNOUNCED.search(message):
        for match in outermost(_INLINE.finditer(message)):
            yield (match[1] or match[2]).rstrip(" .;"), match.start(), match.end()


def _parameters(names: frozenset[str], texts: tuple[str, ...]) -> frozenset[str]:
    """What the entry point's parameters are called, in the reference and in what is public."""
    parameters: set[str] = set()
    for text in texts:
        for called in outermost(_CALLED.finditer(text)):
            if called[1] in names:
                parts = (
                    part.split(":")[0].split("=")[0].strip(" *") for part in called[2].split(",")
                )
                parameters |= {part for part in parts if part.isidentifier()}
    return frozenset(parameters)


def _needs_only(expression: str, known: frozenset[str]) -> bool:
    """Whether every name of an expression is known, a builtin, or bound in it; and one is known."""
    bare = _STRING.sub('""', expression)
    bound = set(re.findall(r"\w+", " ".join(_BOUND.findall(bare))))
    used = {match[0] for match in _NAME.finditer(bare)} - bound
    return bool(used & known) and all(name in known or name in KEPT for name in used)
