"""Sums that are written out in a text, such as `27 - 5 = 22`, and whether they hold.

For the worked-solution teacher, which points at steps; for the row, which says whether a solved turn
holds a false one; and for an answer that a false one comes to. Cautious: an equation that might be
misread (a mixed number, an unknown, a percentage added, units that would have to be converted) is not
read, or is taken to hold. The text stays as it was written, so that it can be quoted.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from tutelage.answers import evaluation, formulas

_NUMBER = r"(?<![\w.])-?\d(?:[\d,]*\d)?(?:\.\d+)?"
_FIGURE = r"\$?(?:\d(?:[\d,]*\d)?(?:\.\d+)?|(?<![\w.])\.\d+)%?"
_NO_UNIT = (
    r"(?:is|are|equals?|makes?|gives?|x|times|plus|minus|and|or|of|to|from|by|divided|multiplied)\b"
)
_THING = rf"\s(?!{_NO_UNIT})([a-z]{{2,}})"
_TERM = rf"{_FIGURE}(?:\^\d{{1,2}}(?!\d)|\s(?!{_NO_UNIT})[a-z]{{2,}})?"
_SIGNS = {
    "+": r"\+|\bplus\b",
    "-": r"[-−]|\bminus\b",
    "*": r"\\times|\\cdot|[*x×·]|\btimes\b|\bmultiplied\s+by\b",
    "/": r"\\div|[/÷]|\bdivided\s+by\b",
}
_OPERATIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_SIGN = f"(?:{'|'.join(_SIGNS.values())})"
_SUM = rf"(?=[$.\d]){_TERM}(?:\s*{_SIGN}\s*\(?{_TERM}\)?)+"
_EQUATION = re.compile(
    rf"({_SUM})\s*(?:=|\b(?:is|are|equals?|makes?|gives?)\b)\s*(-?{_FIGURE})", re.IGNORECASE
)
_PART_OF_BEFORE = re.compile(
    rf"(?:[\w.)]|(?:{_SIGN}|[(^√|])\s*|\d\s+|\b(?:sqrt|log|ln|sin|cos|tan)\s+"
    r"|(?:[\d%]|\b(?:half|thirds?|quarters?|twice|double|\w+ths?|percent))\s+of\s+)$",
    re.I,
)
_PART_OF_AFTER = re.compile(r"\s*/\s*\d|\s+\d+/\d|\.\d|\d|\s*\^|[²³⁰¹⁴-⁹]|!\s*[-+*/=]")
_GOES_ON = re.compile(rf"(?:\s[a-z]{{2,}})?((?:\s*{_SIGN}\s*{_TERM})+)", re.IGNORECASE)
_PAIR = re.compile(
    rf"^\s*({_FIGURE})[^-+*/×÷−\\\d]*?({_SIGN})\s*({_FIGURE})(?:\s[a-z]{{2,}})?\s*$", re.I
)
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
        return (match[1], _OPERATIONS[_symbol(match[2])], match[3]) if match else None

    def asks_what(self, other: "Equation") -> bool:
        """Whether both sides have the same two numbers and the same operation."""
        if self.pair is None or other.pair is None or self.pair[1] != other.pair[1]:
            return False
        own, others = (sorted(map(value, pair[::2])) for pair in (self.pair, other.pair))
        return own == others


def equations(text: str) -> list[Equation]:
    """Every equation in `text` whose left side is arithmetic on plain numbers, in order.

    What is only a part of a longer expression is none: `(8*4)-5 = 27` has no equation `4)-5 = 27`.

    >>> [(e.expression, e.holds) for e in equations("27 - 5 = 22, then 22 * 2 = 40.")]
    [('27 - 5', True), ('22 * 2', False)]
    """
    spans = []
    for m in _EQUATION.finditer(text):
        expression, written = " ".join(m[1].split()), " ".join(m[0].split())
        is_part = _PART_OF_BEFORE.search(text[: m.start()]) or _PART_OF_AFTER.match(text, m.end())
        is_share = " is " in m[0] and "/" in expression  # 3/4 is ...
        if not is_part and not is_share and expression.count("(") == expression.count(")"):
            more = _GOES_ON.match(text, m.end())
            holds = _holds(m[1], m[2]) or (more is not None and _holds(m[1], m[2] + more[1]))
            spans.append(Equation(expression, value(m[2]), written, holds))
    return spans


def spelled_out(text: str) -> Fraction | None:
    """What the last sum in `text` comes to, whether its result is written or not; None without one.

    >>> spelled_out("Not yet. Here you have to subtract 5 from 27: work out 27 - 5.")
    Fraction(22, 1)
    """
    sums = [
        m for m in re.finditer(_SUM, text, re.I) if not _PART_OF_BEFORE.search(text[: m.start()])
    ]
    results = (_worth(m[0]) for m in reversed(sums))
    return next((result for result in results if result is not None), None)


def values(text: str) -> set[float]:
    """Every number in `text`."""
    return {value(number) for number in re.findall(_NUMBER, text)}


def value(number: str) -> float:
    """A number as it is written: `$1,200` is 1200, `20%` is 20."""
    return float(re.sub(r"[^\d.-]", "", number).rstrip(".") or "nan")


def _symbol(sign: str) -> str:
    return next(symbol for symbol, words in _SIGNS.items() if re.fullmatch(words, sign, re.I))


def _holds(left: str, right: str) -> bool:
    both = f"{left} {right}"
    units = {m[1].lower().rstrip("s") for m in re.finditer(_FIGURE + _THING, both, re.I)}
    is_sum = re.search(r"[-+−]|plus|minus", left.lstrip("-"))
    if len(both) > _TOO_LONG or (is_sum and ("%" in both or len(units) > 1)):
        return True
    exact, written = _worth(left), _worth(right)
    if exact is None or written is None or len(re.findall(r"[/÷]", left)) > 1:
        return True  # 25 / 1/3 may mean either
    if "%" in right and "%" not in left and exact == 100 * written:
        return True  # 45 / 250 * 100 = 18%
    decimals = len(re.sub(r"[^\d.]", "", right).partition(".")[2])
    unit = Fraction(1, 10**decimals)
    is_cut = abs(written) <= abs(exact) < abs(written) + unit and exact * written >= 0
    return exact == written or bool(decimals and (is_cut or abs(exact - written) <= unit / 2))


def _worth(expression: str) -> Fraction | None:
    """The exact value of an expression; None where it has none."""
    plain = re.sub(rf"({_FIGURE}){_THING}", r"\1", expression, flags=re.I)
    plain = re.sub(_SIGN, lambda m: f" {_symbol(m[0])} ", re.sub(r"[$,]", "", plain), flags=re.I)
    tree = formulas.parse(re.sub(r"([\d.]+)%", r"(\1 / 100)", plain))
    return evaluation.exact(tree) if tree else None
