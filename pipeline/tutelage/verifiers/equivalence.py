"""Whether two formulas say the same, by math-verify and sympy: for what `answers.formulas` leaves
open.

Importing sympy takes seconds and a formula may take for ever: only a process that can be killed
should import this module. What math-verify says is believed only where numbers do not speak against
it: it compares to a fixed number of decimals, so that to it every tiny number is every other.
"""

import logging
from typing import Any

import sympy
from math_verify import verify

from tutelage.answers.formulas import Tree, exact

logging.getLogger("math_verify").setLevel(logging.CRITICAL)
_DIGITS = 80
"""Significant digits of the numeric check; formulas that agree in so many are not told apart."""
_POINTS = tuple(sympy.Rational(n, 1000003) for n in (1234577, -1618033, 2236068))
_FUNCTIONS: dict[str, Any] = {
    "ln": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot,
    "sec": sympy.sec, "csc": sympy.csc, "arcsin": sympy.asin, "arccos": sympy.acos,
    "arctan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    "abs": sympy.Abs, "floor": sympy.floor, "ceil": sympy.ceiling, "binom": sympy.binomial,
    "gcd": sympy.gcd, "lcm": sympy.lcm, "min": sympy.Min, "max": sympy.Max,
    "log": lambda x: sympy.log(x, 10), "factorial": sympy.factorial,
}  # fmt: skip
_CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo}


def equal(one: Tree, other: Tree) -> bool | None:
    """Whether two formulas are equal; None where they cannot be compared."""
    try:
        left, right = expression(one), expression(other)
        agree = _agree(left, right)
        if agree is False:
            return False
        if agree and not (left.free_symbols | right.free_symbols):
            return True
        if agree and sympy.simplify(sympy.gammasimp(left - right)) == 0:
            return True
        exactly = {"float_rounding": 15, "numeric_precision": 50, "strict": True}
        return bool(verify([left], [right], timeout_seconds=None, **exactly))
    except MemoryError:
        raise
    except Exception:  # sympy raises all sorts at what cannot be compared
        return None


def expression(tree: Tree) -> Any:
    """A formula's tree as sympy has it."""
    kind = tree[0]
    if kind == "n":
        return sympy.Rational(tree[1].numerator, tree[1].denominator)
    if kind == "v":
        return _CONSTANTS.get(tree[1]) or sympy.Symbol(tree[1])
    if kind == "f":
        return _FUNCTIONS[tree[1]](*map(expression, tree[2:]))
    a = expression(tree[1])
    if kind == "neg":
        return -a
    power = exact(tree[2]) if kind == "^" else None
    if power is not None and power.denominator % 2 and a.is_negative:
        return sympy.real_root(a, power.denominator) ** power.numerator
    b = expression(tree[2])
    return a + b if kind == "+" else a * b if kind == "*" else a / b if kind == "/" else a**b


def _agree(left: Any, right: Any) -> bool | None:
    """Whether both come to the same number, letters at fixed points; None where to none."""
    letters = sorted(left.free_symbols | right.free_symbols, key=str)
    for point in _POINTS:
        places = {letter: point + n for n, letter in enumerate(letters)}
        a, b = (sympy.N(side.subs(places), _DIGITS + 20) for side in (left, right))
        if not (a.is_number and b.is_number and a.is_finite and b.is_finite):
            return None
        size = max(abs(a), abs(b))
        if size and abs(a - b) > size * sympy.Float(10) ** -_DIGITS:
            return False
        if not letters:
            break
    return True
