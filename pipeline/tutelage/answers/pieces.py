"""Where values stand in a running text: numbers, and formulas that are more than a number.

`pieces("So 3x + 2 = 12/4 + 5")` gives the formulas `3x + 2` and `12/4 + 5`. A formula ends where
prose begins; what it may not end with, or leaves open, is left out of it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from tutelage.answers import evaluation, formulas
from tutelage.answers.numbers import numbers
from tutelage.answers.units import unit
from tutelage.answers.values import Formula, Value


class Piece(NamedTuple):
    """A value and where it stands."""

    start: int
    end: int
    value: Value
    form: str
    """As in `NumberSpan`, or `formula`."""
    loose: bool = False


_FN = "|".join(sorted(formulas.FUNCTIONS, key=len, reverse=True))
_WORD = (
    rf"\b(?!(?:{_FN}|root|binom|gcd|lcm|min|max|pi|inf|theta|alpha|beta|lambda|times|plus|minus|squared|cubed)"
    r"(?![a-z]))[A-Za-z]{2,}(?!\w)"
)
_TOKEN = re.compile(
    rf"(?:[\s,:;?\"'=<>]|{_WORD})+"
    rf"|(?P<num>(?<![\w.])(?:\d{{1,3}}(?:,\d{{3}})+(?![\d,]*\d)|\d+)(?:\.\d+)?|(?<![\w.])\.\d+)"
    rf"|(?P<call>\b(?:root|binom|gcd|lcm|min|max)\([^()]*\))"
    rf"|(?P<fn>\b(?:{_FN})(?:_\(?\w+\)?)?(?=[\s(^\d|]))|(?P<const>\b(?:pi|inf|theta|alpha|beta|lambda|[ei])\b)"
    r"|(?P<var>(?<=\d)[abcnkxyz]{2,3}(?![A-Za-z'])|(?<=\d)[a-zA-Z](?:_\w+)?(?![A-Za-z'])"
    r"|(?<![\w'])(?:[b-hj-zB-HJ-Z]|[aAI](?=\s?[-+*/^=)]))(?:_\w+)?(?![A-Za-z']))"
    r"|(?P<op>[-+*/^]|!(?=\s?[-+*/^=)\]}])|(?<=\d)%|\b(?:times|plus|minus|squared|cubed)\b)"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<bar>\|)"
)
_QUICK = re.compile(
    r"[-+*/^|(]|\d[a-zA-Z]|\b(?:sqrt|pi|squared|plus|minus|times|log|ln|sin|cos|tan|root|[ei])\b"
)
_OPERAND = frozenset({"num", "call", "const", "var", "close"})
Tokens = list[re.Match[str]]


def _joins(left: re.Match[str], right: re.Match[str], gap: str) -> bool:
    """Whether two neighbouring tokens are of one formula."""
    one, two = left.lastgroup, right.lastgroup
    if gap not in ("", " ") or (one == "open" and two == "close"):
        return False
    if one not in _OPERAND or two in ("op", "close", "bar"):
        return True
    if two in ("const", "fn", "call"):
        return one != "var" or gap == ""
    return two != "num" and gap == ""


def _trimmed(tokens: Tokens) -> Tokens:
    """Without brackets that have no partner, and signs that want an operand."""
    begin, opened = 0, []
    for at, token in enumerate(tokens):
        if token.lastgroup == "open":
            opened.append(at)
        elif token.lastgroup == "close" and opened:
            opened.pop()
        elif token.lastgroup == "close":
            begin = at + 1
    begin = max([begin, *(n + 1 for n in opened)])
    tokens = tokens[begin:] if begin < len(tokens) or not opened else tokens[: opened[0]]
    while tokens and tokens[-1].lastgroup in ("op", "open", "fn") and (
        tokens[-1][0] not in ("!", "%", "squared", "cubed")
    ):  # fmt: skip
        tokens = tokens[:-1]
    while tokens and tokens[0].lastgroup in ("op", "close"):
        if tokens[0][0] in "-+" and len(tokens) > 1 and tokens[1].start() == tokens[0].end():
            break  # a sign
        tokens = tokens[1:]
    return tokens


@lru_cache(maxsize=2048)
def runs(text: str) -> tuple[tuple[int, int], ...]:
    """Where formulas with an operation, a letter or a function stand."""
    if not _QUICK.search(text):
        return ()
    spans: list[tuple[int, int]] = []
    run: Tokens = []
    for token in (*_TOKEN.finditer(text), None):
        if token is not None and token.lastgroup is None:
            continue  # a word, or what stands between
        if run and (
            token is None or not _joins(run[-1], token, text[run[-1].end() : token.start()])
        ):
            kept = _trimmed(run)
            if len(kept) > 1 or (kept and (kept[0]["call"] or kept[0][0] in ("pi", "inf"))):
                spans.append((kept[0].start(), kept[-1].end()))
            run = []
        if token is not None:
            run.append(token)
    return tuple(spans)


@lru_cache(maxsize=2048)
def pieces(text: str) -> tuple[Piece, ...]:
    """The numbers and formulas of a plain text, in order, none within another."""
    every = [Piece(s.start, s.end, s.number, s.form, s.loose) for s in numbers(text)]
    kept = [piece for piece in every if piece.form != "comma"]
    for start, end in runs(text):
        inside = [p for p in kept if p.start < end and start < p.end]
        if any(p.start <= start and end <= p.end for p in inside):
            continue
        raw = text[start:end]
        tail = re.search(r"(?<=\d) ?([a-zA-Z]+)$", raw)
        tree = formulas.parse(raw) if not (tail and unit(tail[1]) and len(inside) == 1) else None
        if tree is None or (tree[0] == "v" and tree[1] not in formulas.CONSTANTS):
            continue
        value = evaluation.value(tree, raw)
        if isinstance(value, Formula) or not inside:
            kept = [p for p in kept if p not in inside]
            kept.append(Piece(start, max([end, *(p.end for p in inside)]), value, "formula"))
    return tuple(sorted(kept, key=lambda piece: (piece.start, piece.end)))
