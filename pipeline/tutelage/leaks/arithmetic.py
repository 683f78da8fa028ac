"""What an expression is worth, without a computer algebra system.

An expression is evaluated in floating point with a fixed number put in for each variable, twice.
Two expressions that agree at both points are taken as equal, which is right but for freak cases and
takes microseconds. This is *no* verifier: whether an answer is correct, `verifiers` says.
"""

import math
import re
from functools import lru_cache

Worth = tuple[float, float]
"""Values at two points; the same value twice where there is no variable."""

_TOKEN = re.compile(
    r"\s*(?:((?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"|(sqrt|sin|cos|tan|log|ln|exp|pi|inf)|([a-zA-Z])|(\S))"
)
_LENGTH = 160
_DEPTH = 24
_FUNCTIONS = {
    "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "log": math.log10, "ln": math.log, "exp": math.exp,
}  # fmt: skip
_OPENING = {"(": ")", "{": "}", "[": "]"}


class _Reader:
    """Recursive descent over the tokens of one expression.

    sum     := product (("+" | "-") product)*
    product := power (("*" | "/")? power)*
    power   := atom "!"? (("^" | "**") "-"? power)?
    """

    def __init__(self, tokens: list[tuple[str, str]], point: int) -> None:
        self.tokens = tokens
        self.point = point
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")
        self.at += 1
        return token

    def sum(self) -> float:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ValueError("nested too deeply")
        sign = 1.0
        while self.peek() in ("+", "-"):
            sign = -sign if self.take()[1] == "-" else sign
        total = sign * self.product()
        while self.peek() in ("+", "-"):
            sign = -1.0 if self.take()[1] == "-" else 1.0
            total += sign * self.product()
        self.depth -= 1
        return total

    def product(self) -> float:
        total = self.power()
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            if text in ("*", "/"):
                self.take()
                sign = 1.0
                if self.peek() == "-":
                    self.take()
                    sign = -1.0
                factor = sign * self.power()
                total = total / factor if text == "/" else total * factor
            elif kind in ("number", "name", "letter") or text in _OPENING:
                total *= self.power()
            else:
                break
        return total

    def power(self) -> float:
        root = self.atom()
        if self.peek() == "!":
            self.take()
            if root != int(root) or not 0 <= root <= 100:
                raise ValueError("no factorial")
            root = float(math.factorial(int(root)))
        if self.peek() != "^":
            return root
        self.take()
        sign = 1.0
        if self.peek() == "-":
            self.take()
            sign = -1.0
        self.depth += 1
        if self.depth > _DEPTH:
            raise ValueError("nested too deeply")
        result = math.pow(root, sign * self.power())
        self.depth -= 1
        return result

    def atom(self) -> float:
        kind, text = self.take()
        if kind == "number":
            return float(text.replace(",", ""))
        if kind == "letter":
            if text == "e":
                return math.e
            return 0.73 + 0.1931 * (ord(text) % 32) + 0.577 * self.point
        if kind == "name":
            if text in ("pi", "inf"):
                return math.pi if text == "pi" else math.inf
            return _FUNCTIONS[text](self.atom())
        if text in _OPENING:
            inner = self.sum()
            if self.take()[1] != _OPENING[text]:
                raise ValueError("bracket left open")
            return inner
        raise ValueError("no value here")


@lru_cache(maxsize=4096)
def worth(expression: str) -> Worth | None:
    """The value of `expression` at two points, or `None` where it is none that this room reads.

    >>> worth("6*7")
    (42.0, 42.0)
    """
    if not expression or len(expression) > _LENGTH:
        return None
    kinds = ("number", "name", "letter", "sign")
    tokens = [
        next((kind, text) for kind, text in zip(kinds, found.groups(), strict=True) if text)
        for found in _TOKEN.finditer(expression.strip().replace("**", "^"))
    ]
    results: list[float] = []
    for point in (0, 1):
        reader = _Reader(tokens, point)
        try:
            result = reader.sum()
        except (ValueError, ArithmeticError):
            return None
        if reader.at < len(tokens) or not math.isfinite(result):
            return None
        results.append(result)
    return results[0], results[1]


def same(left: Worth | None, right: Worth | None) -> bool:
    """Whether two expressions agree at both points."""
    return (
        left is not None
        and right is not None
        and all(
            math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-11)
            for a, b in zip(left, right, strict=True)
        )
    )


_OPERATION = re.compile(r"[-+*/^!]|sqrt|(?<=[\d)])\s*(?=[(a-zA-Z])")


def steps(expression: str) -> int:
    """How many operations are written in `expression`; how far it is from a result.

    `6*7` has one, `42` none: the first names work to be done, the second is its outcome.
    """
    return len(_OPERATION.findall(expression.strip().lstrip("+-").replace("**", "^")))


_RUN = re.compile(
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?|\.\d+"
    r"|(?<![a-zA-Z])(?:sqrt|pi|sin|cos|tan|log|ln|exp)(?![a-z])|(?<![a-zA-Z'])[a-zA-Z](?![a-zA-Z'])"
    r"|[-+*/^(){}!]|[ ](?=\S))+"
)
_EDGE = re.compile(r"^(?:[aAI](?= )|[ *^/!+)}]|-(?= ))+|(?:(?<= )[aAI]|[ *^/+({,.-])+$")


_SUM = re.compile(
    r"(?:-?\s?\({1,8}\s?)?-?(?:\d|\.\d|sqrt\b)(?:[\d.()*/+^! -]|,(?=\d\d\d)|sqrt|\bpi\b)+"
)


def runs(text: str, letters: bool = True) -> list[tuple[int, int]]:
    """Where `text` may hold expressions with an operation in them, as (start, end) pairs.

    Without `letters` only those that are made of figures, which is faster.
    """
    found: list[tuple[int, int]] = []
    for run in (_RUN if letters else _SUM).finditer(text):
        if len(run[0]) < 3 or not any(c in "+-*/^(tp!" for c in run[0]):
            continue
        start, end = run.span()
        edge = _EDGE.match(run[0])
        if edge:
            start += edge.end()
        tail = _EDGE.search(text[start:end].rstrip() + " ", 1) if start < end else None
        if tail and tail.end() >= len(text[start:end].rstrip()):
            end = start + tail.start()
        start, end = _balanced(text, start, end)
        if end - start >= 3:
            found.append((start, end))
        if len(found) == 40:
            break
    return found


def _balanced(text: str, start: int, end: int) -> tuple[int, int]:
    """Drops a bracket at either edge that has no partner: `(27 - 5` or `6*7)`."""
    part = text[start:end]
    if part.count("(") > part.count(")") and part[:1] == "(":
        start += 1
    elif part.count(")") > part.count("(") and part[-1:] == ")":
        end -= 1
    return start, end
