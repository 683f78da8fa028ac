"""How much of a reference solution a message gives away: overlap of code n-grams.

Code becomes tokens; comments and docstrings go, and every name that is not a keyword or a builtin
is the same token, so renaming hides nothing. What is compared is the solution's *body*, in
n-grams of 4 tokens, less those that the statement or the student's own code shows already.

A message gives the solution away where it holds at least `THRESHOLD` of the new n-grams and shows
at least as much of the whole body: a pinpointed line is feedback, the mended function is not. So
does a whole function that is not the student's, reference or not (`definitions`).
"""

import json
import re
from functools import lru_cache

from tutelage.leaks import definitions
from tutelage.leaks.tokens import Gram, grams, tokens

__all__ = ["body", "entry_points", "given_away", "grams", "overlap", "tokens"]

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
    return definitions.whole(names, program, public, message)
