"""What formulas come to, and whether two of them say the same.

Rational values are fractions, compared exactly. All else is evaluated to 300 digits by mpmath, each
letter at a point that nobody can guess: formulas that agree there are the same. Where a formula has
an absolute value, also at negative points, so that |x| is not x; otherwise letters are positive, so
that ln(xy) is ln x + ln y. A value rounded up or down is a point for each value of its argument.
Towers such as 2^(2^100) have no value, and cannot be compared.
"""

import hashlib
import math
import operator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mpmath.ctx_mp import MPContext

from tutelage.answers.formulas import FUNCTIONS, Tree, names
from tutelage.answers.values import Formula, Number, Value

_MP = MPContext()
"""Of its own: mpmath's is everybody's, and others change its precision."""
_MP.dps = 300
_INFINITE = _MP.mpc(_MP.inf)
_NEARLY = _MP.mpf(10) ** -250
"""Relative difference of values that are the same."""
_LARGEST = 4096
"""Bits of an exact value."""


def value(tree: Tree, text: str) -> Formula | Number:
    """A tree as a value: a number where it is nothing but one and its sign."""
    plainly = tree[0] == "n" or (tree[0] == "neg" and tree[1][0] == "n")
    return Number(exact(tree) or Fraction(0)) if plainly else Formula(tree, text)


def is_work(tree: Tree) -> bool:
    """Whether it is a sum, difference or product of plain numbers, or a quotient of one, left to be
    worked out."""
    tree = tree[1] if tree[0] == "neg" else tree
    if tree[0] == "/":
        return exact(tree) is not None and (is_work(tree[1]) or is_work(tree[2]))
    return tree[0] in ("+", "*") and not names(tree) and exact(tree) is not None


@lru_cache(maxsize=8192)
def exact(tree: Tree) -> Fraction | None:
    """The value as a fraction; None where it is not rational, has letters, or is too large."""
    kind = tree[0]
    if kind in "nv":
        return Fraction(tree[1]) if kind == "n" else None
    parts = [exact(part) for part in tree[1:] if isinstance(part, tuple)]
    try:
        return None if None in parts else _rational(tree[1] if kind == "f" else kind, parts)  # type: ignore[arg-type]
    except (ArithmeticError, RecursionError, TypeError):
        return None


def approximate(tree: Tree, negative: bool = False) -> Any:
    """The value as a complex number of mpmath, letters at fixed points, infinite for a tower of
    powers; None where it has none."""
    try:
        return _number(tree, negative)
    except (ZeroDivisionError, OverflowError):
        return _INFINITE
    except (ArithmeticError, ValueError, KeyError, RecursionError, TypeError):
        return None


def real(tree: Tree) -> Any:
    """The value as a real number of mpmath; None where it has none, or none that is finite."""
    number = approximate(tree)
    finite = number is not None and abs(number) < _MP.inf
    return number.real if finite and abs(number.imag) < 1e-12 else None


def equal(one: Tree, other: Tree) -> bool | None:
    """Whether two formulas say the same; None where one has no value, or both are too large."""
    a, b = exact(one), exact(other)
    if a is not None and b is not None:
        return a == b
    if 0 in (a, b):
        return _vanishes(other if a == 0 else one)
    signs = (False, True) if "abs" in names(one) | names(other) else (False,)
    pairs = [(approximate(one, sign), approximate(other, sign)) for sign in signs]
    known = [_same(*pair) for pair in pairs if None not in pair and pair != (_INFINITE, _INFINITE)]
    return all(known) if known else None


def _vanishes(tree: Tree) -> bool | None:
    """Whether a formula is zero; None where it has no value. Only what is left of larger terms is
    nothing but rounding: e^-1000 is small, and not zero."""
    number = approximate(tree)
    if tree[0] == "+":
        terms = [approximate(part) for part in tree[1:]]
        size = max(abs(term) for term in terms) if None not in terms else 0
        return None if number is None else _same(number + size, size)
    if tree[0] in ("neg", "*", "/", "^"):
        parts = [_vanishes(part) for part in tree[1 : None if tree[0] == "*" else 2]]
        return None if number is None else any(parts)
    return None if number is None else _same(number, 0)


def multiple(one: Tree, other: Tree) -> bool:
    """Whether one formula is a constant times the other, as the sides of one equation are: then
    their quotient is the same wherever the letters stand."""
    values = [approximate(tree, sign) for sign in (False, True) for tree in (one, other)]
    known = None not in values and all(values)
    return known and _same(values[0] * values[3], values[1] * values[2])


def _same(a: Any, b: Any) -> bool:
    one, other = complex(a), complex(b)  # which are quick to tell apart
    if 1e-200 < abs(one) < 1e200 and abs(one - other) > 1e-6 * abs(one):
        return False
    size = max(abs(a), abs(b))
    return size < _MP.inf and bool(abs(a - b) <= _NEARLY * (1 if 0 in (a, b) else size))


@lru_cache(maxsize=8192)
def _number(tree: Tree, negative: bool) -> Any:
    """Raises: OverflowError for a tower of powers; ValueError or the like where there is no value."""
    kind, known = tree[0], exact(tree)
    if known is not None:
        return _MP.mpc(_MP.mpf(known.numerator) / known.denominator)
    if kind == "v":
        return _CONSTANTS.get(tree[1]) or _point(tree[1], negative)
    parts = [_number(part, negative) for part in tree[1:] if isinstance(part, tuple)]
    if kind == "^":
        return _power(parts[0], parts[1], exact(tree[2]))
    name = tree[1] if kind == "f" else kind
    if name in ("floor", "ceil") and names(tree) - FUNCTIONS - _CONSTANTS.keys():
        return _point(f"{name} {_MP.nstr(parts[0], 250)}", False)  # no point tells for others
    if kind == "f" and abs(parts[0]) > 10**6:
        raise ValueError
    return _MP.mpc(_FUNCTIONS[name](*parts))


def _power(base: Any, exponent: Any, known: Fraction | None) -> Any:
    if abs(exponent) > 10**6:
        raise OverflowError
    if known is not None and known.denominator % 2 and base.imag == 0 and base.real < 0:
        return _MP.mpc(abs(base.real) ** exponent * (-1) ** known.numerator)  # the real root
    return base**exponent


def _bits(number: Fraction) -> int:
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _raised(a: Fraction, b: Fraction) -> Fraction | None:
    if b.denominator == 1:
        fits = abs(b) * _bits(a) <= _LARGEST and (a != 0 or b > 0)
        return a ** int(b) if fits else None
    if b.denominator > 12 or (a < 0 and b.denominator % 2 == 0) or _bits(a) > 900:
        return None
    top, low = (_root(abs(n), b.denominator) for n in (a.numerator, a.denominator))
    if top is None or low is None:
        return None
    return _raised(Fraction(-top if a < 0 else top, low), Fraction(b.numerator))


def _root(number: int, degree: int) -> int | None:
    near = math.isqrt(number) if degree == 2 else round(number ** (1 / degree))
    return next((r for r in (near - 1, near, near + 1) if r >= 0 and r**degree == number), None)


def _rational(name: str, values: list[Fraction]) -> Fraction | None:
    """An operation or function on fractions, where its value is a fraction of bounded size."""
    first = values[0]
    if name == "neg":
        return -first
    if name in _OPERATIONS:
        fits = max(_bits(value) for value in values) <= _LARGEST and (name != "/" or values[1])
        return _OPERATIONS[name](*values) if fits else None
    if name in ("abs", "floor", "ceil"):
        return Fraction(getattr(math, name, abs)(first))
    if name == "log" and first > 0 and _bits(first) < 900:
        power = round(math.log10(first))
        return Fraction(power) if Fraction(10) ** power == first else None
    whole = [int(v) for v in values if v.denominator == 1]
    if len(whole) < len(values):
        return None
    if name == "factorial":
        return Fraction(math.factorial(whole[0])) if 0 <= whole[0] <= 400 else None
    if name == "binom" and len(whole) == 2:
        return Fraction(math.comb(*whole)) if 0 <= whole[1] <= whole[0] <= 2000 else None
    known: dict[str, Any] = {"gcd": math.gcd, "lcm": math.lcm, "min": min, "max": max}
    return Fraction(known[name](*whole)) if name in known and len(whole) > 1 else None


def _point(name: str, negative: bool) -> Any:
    """A number from 1 to 2, or from -2 to -1, that nobody can guess for each letter."""
    digest = hashlib.sha256(f"{name}{negative}".encode()).digest()
    return _MP.mpc(1 + _MP.mpf(int.from_bytes(digest, "big")) / 2**256) * (-1 if negative else 1)


_OPERATIONS: dict[str, Any] = {
    "+": operator.add, "*": operator.mul, "/": operator.truediv, "^": _raised,
}  # fmt: skip
_FUNCTIONS: dict[str, Any] = {
    **_OPERATIONS, "neg": operator.neg, "abs": abs, "ln": _MP.ln,
    "log": lambda z: _MP.ln(z) / _MP.ln(10),
    "sin": _MP.sin, "cos": _MP.cos, "tan": _MP.tan, "arcsin": _MP.asin, "arccos": _MP.acos,
    "arctan": _MP.atan, "sinh": _MP.sinh, "cosh": _MP.cosh, "tanh": _MP.tanh,
    "cot": lambda z: 1 / _MP.tan(z), "sec": lambda z: 1 / _MP.cos(z), "csc": lambda z: 1 / _MP.sin(z),
    "floor": lambda z: _MP.floor(z.real), "ceil": lambda z: _MP.ceil(z.real),
    "factorial": lambda z: _MP.gamma(z + 1),
}  # fmt: skip
_CONSTANTS = {
    "pi": _MP.mpc(_MP.pi), "e": _MP.mpc(_MP.e), "i": _MP.mpc(0, 1), "inf": _MP.mpc(10) ** 1000
}  # fmt: skip


def in_radians(value: Value) -> bool:
    """Whether a value is a formula with pi."""
    return isinstance(value, Formula) and "pi" in names(value.tree)


def radians(value: Value) -> Value:
    """30 degrees as pi/6; anything else as it is."""
    if not isinstance(value, Number) or value.unit is None or value.unit.name != "degree":
        return value
    return Formula(("*", ("n", value.value / 180), ("v", "pi")), f"{value.value}/180 pi")
