"""Reads sums that are written out in a text, such as `27 - 5 = 22`, and says whether they hold.

For the worked-solution teacher, which points at steps, and for the row, which says whether a solved
turn holds a false one. Cautious: an equation that might be misread (a mixed number, an unknown, a
percentage added, units that would have to be converted) is not read, or is taken to hold. No
algebra, and no answers: what a message puts forward as its answer is read elsewhere.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = r"(?<![\w.])-?\d(?:[\d,]*\d)?(?:\.\d+)?"
_FIGURE = r"\$?\d(?:[\d,]*\d)?(?:\.\d+)?%?"
_NO_UNIT = (
    r"(?:is|are|equals?|makes?|gives?|x|times|plus|minus|and|or|of|to|from|by|divided|multiplied)\b"
)
_TERM = rf"{_FIGURE}(?:\s(?!{_NO_UNIT})[a-z]{{2,}})?"
_SIGN = r"(?:\\times|\\cdot|\\div|[-+*/x×÷−]|\b(?:plus|minus|times|divided\s+by|multiplied\s+by)\b)"
_SUM = rf"{_TERM}(?:\s*{_SIGN}\s*\(?{_TERM}\)?)+"
_EQUATION = re.compile(
    rf"({_SUM})\s*(?:=|\b(?:is|are|equals?|makes?|gives?)\b)\s*(-?{_FIGURE})", re.IGNORECASE
)
_PART_OF_BEFORE = re.compile(r"(?:[\w.)]|[-+*/x×÷−(]\s*|\d\s+)$")
_PART_OF_AFTER = re.compile(r"\s*/\s*\d|\s+\d+/\d|\.\d|\d")
_GOES_ON = re.compile(rf"(?:\s[a-z]{{2,}})?((?:\s*{_SIGN}\s*{_TERM})+)", re.IGNORECASE)
_PAIR = re.compile(
    rf"^\s*({_FIGURE})[^-+*/×÷−\\\d]*?({_SIGN})\s*({_FIGURE})(?:\s[a-z]{{2,}})?\s*$", re.I
)
_UNIT = re.compile(rf"{_FIGURE}\s(?!{_NO_UNIT})([a-z]{{2,}})", re.IGNORECASE)
_OPERATIONS = {
    "+": "add", "plus": "add", "-": "subtract", "−": "subtract", "minus": "subtract",
    "*": "multiply", "x": "multiply", "×": "multiply", "times": "multiply", "multiplied": "multiply",
    "\\times": "multiply", "\\cdot": "multiply",
    "/": "divide", "÷": "divide", "divided": "divide", "\\div": "divide",
}  # fmt: skip
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_TOO_LONG = 200


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation: `27 - 5` and `22`."""

    expression: str
    result: float
    text: str
    """The equation as it was written."""
    holds: bool
    """Whether it is true; one that might be misread is taken to be."""

    @property
    def pair(self) -> tuple[str, str, str] | None:
        """(left, operation, right) where the expression is one operation on two numbers."""
        match = _PAIR.match(self.expression)
        return (match[1], _operation(match[2]), match[3]) if match else None

    def asks_what(self, other: "Equation") -> bool:
        """Whether both sides have the same two numbers and the same operation."""
        if self.pair is None or other.pair is None or self.pair[1] != other.pair[1]:
            return False
        own, others = (self.pair[0], self.pair[2]), (other.pair[0], other.pair[2])
        return sorted(map(value, own)) == sorted(map(value, others))


def equations(text: str) -> list[Equation]:
    """Every equation in `text` whose left side is arithmetic on plain numbers, in order.

    What is only a part of a longer expression is none: `(8*4)-5 = 27` has no equation `4)-5 = 27`.

    >>> [(e.expression, e.holds) for e in equations("27 - 5 = 22, then 22 * 2 = 40.")]
    [('27 - 5', True), ('22 * 2', False)]
    """
    spans = []
    for match in _EQUATION.finditer(text):
        expression = " ".join(match[1].split())
        is_part = _PART_OF_BEFORE.search(text[: match.start()]) or _PART_OF_AFTER.match(
            text, match.end()
        )
        is_share = " is " in match[0] and "/" in expression  # 3/4 is ...
        if not is_part and not is_share and expression.count("(") == expression.count(")"):
            written = " ".join(match[0].split())
            goes_on = _GOES_ON.match(text, match.end())
            right = match[2] + (goes_on[1] if goes_on else "")
            holds = _holds(match[1], match[2]) or (bool(goes_on) and _holds(match[1], right))
            spans.append(Equation(expression, value(match[2]), written, holds))
    return spans


def spelled_out(text: str) -> Fraction | None:
    """What the last sum in `text` comes to, whether its result is written or not; None without one.

    >>> spelled_out("Not yet. Here you have to subtract 5 from 27: work out 27 - 5.")
    Fraction(22, 1)
    """
    for match in reversed(list(re.finditer(_SUM, text, re.IGNORECASE))):
        if not _PART_OF_BEFORE.search(text[: match.start()]):
            try:
                return _worth(match[0])
            except (SyntaxError, ValueError, ZeroDivisionError):
                continue
    return None


def values(text: str) -> set[float]:
    """Every number in `text`."""
    return {value(number) for number in re.findall(_NUMBER, text)}


def value(number: str) -> float:
    """A number as it is written: `$1,200` is 1200, `20%` is 20."""
    return float(re.sub(r"[^\d.-]", "", number).rstrip(".") or "nan")


def _operation(sign: str) -> str:
    return _OPERATIONS[sign.lower().split()[0]]


def _holds(left: str, right: str) -> bool:
    if len(left) + len(right) > _TOO_LONG:
        return True
    both = f"{left} {right}"
    is_sum = bool(re.search(r"[-+−]|plus|minus", left.lstrip("-")))
    units = {unit.lower().rstrip("s") for unit in _UNIT.findall(both)}
    if is_sum and ("%" in both or len(units) > 1):
        return True
    if len(re.findall(r"[/÷]", left)) > 1:  # 25 / 1/3 may mean either
        return True
    try:
        exact, written = _worth(left), _worth(right)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return True
    if "%" in right and "%" not in left and exact == 100 * written:
        return True  # 45 / 250 * 100 = 18%
    decimals = len(re.sub(r"[^\d.]", "", right).partition(".")[2])
    if not decimals:
        return exact == written
    unit = Fraction(1, 10**decimals)
    is_cut = abs(written) <= abs(exact) < abs(written) + unit and exact * written >= 0
    return is_cut or abs(exact - written) <= unit / 2


def _worth(expression: str) -> Fraction:
    """The exact value of an expression.

    Raises:
        ValueError: it is none on plain numbers.
        SyntaxError: the same.
        ZeroDivisionError: it divides by zero.
    """
    plain = re.sub(_UNIT, lambda found: found[0].rpartition(found[1])[0], expression)
    plain = re.sub(_SIGN, lambda found: f" {_SIGNS[_operation(found[0])]} ", plain, flags=re.I)
    plain = re.sub(r"([\d.]+)%", r"(\1 / 100)", re.sub(r"[$,]", "", plain))
    plain = re.sub(r"(?<![\d.])0+(?=\d)", "", plain)
    return _evaluated(ast.parse(plain.strip(), mode="eval").body)


_EVALUATED: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def _evaluated(node: ast.expr) -> Fraction:
    if isinstance(node, ast.BinOp) and type(node.op) in _EVALUATED:
        return _EVALUATED[type(node.op)](_evaluated(node.left), _evaluated(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluated(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    raise ValueError(ast.dump(node)[:80])
