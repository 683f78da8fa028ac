"""How much of a reference solution a message gives away: overlap of code n-grams.

Code becomes tokens; comments and docstrings go, and every name that is not a keyword or a builtin
is the same token, so renaming hides nothing. What is compared is the solution's *body*, in
n-grams of 4 tokens, less those that the statement or the student's own code shows already.

A message gives the solution away where it holds at least `THRESHOLD` of the new n-grams and shows
at least as much of the whole body: a pinpointed line is feedback, the mended function is not. So
does a full definition of the entry point that is not the student's, reference or not. A solution
written quite differently and without the entry point's name is not found.
"""

import builtins
import json
import keyword
import re
from functools import lru_cache

from tutelage.leaks.lexicon import vocabulary

THRESHOLD = 0.5
"""Share of the body's n-grams that makes a leak.

Measured on the 1,138 references of MBPP and HumanEval: shown whole, all reach it, and 99 % with all
names changed; another problem's reference reaches it in 0.2 %, one line of a body of four or more in
1.4 %, the first half of such a body in 53 %.
"""
N = 4

_TOKEN = re.compile(
    r"(?P<skip>\s+|\#[^\n]*|//(?=\s)[^\n]*)"
    r"|(?P<string>[rbfRBF]{0,2}(?:\"[^\"\n]*\"|'[^'\n]*'))"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)"
    r"|(?P<sign>\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^<>=!:]=|->|&&|\|\||\+\+|--|[^\s\w])"
)
_TRIPLE = re.compile(r"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''")
_KEPT = frozenset(keyword.kwlist) | frozenset(
    name for name in dir(builtins) if name.islower() and not name.startswith("_")
)
_LIBRARY = vocabulary(
    """append extend insert remove pop sort join split strip lower upper replace find count index keys
    items get update add startswith endswith isdigit isalpha format Counter defaultdict deque heapq
    heappush heappop bisect itertools combinations permutations product accumulate math gcd sqrt ceil
    floor reduce lru_cache re sub match search findall int float string vector size length push_back
    new public static void function const let var"""
)
"""Names of methods and of other languages that say what a line does; kept like builtins."""
_SIGNATURE = re.compile(r"^[ \t]*(?:async )?def\s+(\w+)\s*\(.*?\)\s*(?:->[^:\n]+)?:", re.M | re.S)
_UNDONE = re.compile(r"\.\.\.|\bpass\b|…|your code|TODO|fill in|___", re.IGNORECASE)
_FENCE = re.compile(r"```[\w+-]*\n(.*?)(?:```|\Z)", re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]{2,200})`(?!`)")

Gram = tuple[str, ...]


def tokens(code: str) -> list[str]:
    """The tokens of `code`, names that its author chose all alike."""
    found: list[str] = []
    for token in _TOKEN.finditer(code):
        kind, text = token.lastgroup, token[0]
        if kind == "skip":
            continue
        if kind == "string":
            text = repr(text.lstrip("rbfRBF")[1:-1])
        elif kind == "name" and text not in _KEPT and text not in _LIBRARY:
            text = "name"
        found.append(text)
    return found


@lru_cache(maxsize=1024)
def grams(code: str) -> frozenset[Gram]:
    """The n-grams of `code`; one shorter gram where there are fewer than `N` tokens."""
    found = tokens(_TRIPLE.sub("", code))
    return frozenset(tuple(found[i : i + N]) for i in range(max(1, len(found) - N + 1)))


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
    names = {found[1] for found in _SIGNATURE.finditer(program) if not found[0][:1].isspace()}
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
    return _definition(entry_points(program + "\n" + statement, tests_json), public, message)


def _definition(names: frozenset[str], public: tuple[str, ...], message: str) -> str:
    """A whole function of the wanted name in a fence that the student did not write."""
    for fence in _FENCE.findall(message):
        for found in _SIGNATURE.finditer(fence):
            inside = fence[found.end() :]
            if found[1] not in names or _UNDONE.search(inside) or "return" not in inside:
                continue
            inner = grams(inside)
            known: frozenset[Gram] = frozenset().union(*(grams(text) for text in public))
            if len(inner) >= 3 and len(inner - known) > 0.2 * len(inner):
                return f"a full definition of {found[1]}"
    return ""
