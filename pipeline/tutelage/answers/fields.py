"""Exact comparison of formulas without a computer algebra system.

A formula is evaluated in a finite field, at points that nobody can guess: equal formulas agree, and
formulas that differ do not (the chance is below 1e-35). Powers as large as 2^(2^100) cost nothing.

The field has p^2 elements, so that there is an i. The prime p is a safe prime, 23 modulo 24, for
which every prime below 100 is a square: so all odd roots and the square roots of ordinary integers
are unique and multiply as they should (sqrt 8 is 2 sqrt 2). pi, e and each letter are a point; a
function that has no rational value is a point for each value of its argument, so that sin(x + x) is
sin(2x) but not 2 sin x cos x: there, and for nested roots, a difference is not certain.
"""

from fractions import Fraction
from functools import lru_cache, reduce

from tutelage.answers.formulas import Tree, approximate, exact, point

PRIME = 5423782807921767988542772958605795477079
_ORDER = PRIME - 1
Point = tuple[int, int]
"""a + bi in the field."""


class _Undecided(Exception):
    """The field has no one value for this."""


class _Field:
    """Evaluates trees; another salt puts every letter at another point."""

    def __init__(self, salt: str) -> None:
        self.salt = salt
        self.certain = True
        """Whether formulas that differ here are known to differ."""

    def value(self, tree: Tree) -> Point:
        kind, known = tree[0], exact(tree)
        if known is not None:
            return (known.numerator * pow(known.denominator, -1, PRIME) % PRIME, 0)
        if kind == "v":
            return (0, 1) if tree[1] == "i" else (point(self.salt + tree[1]), 0)
        if kind == "f":
            if tree[1] in ("factorial", "binom"):
                raise _Undecided
            self.certain = False
            return (point(f"{self.salt}{tree[1]}{[self.value(part) for part in tree[2:]]}"), 0)
        if kind == "^":
            return self._power(tree[1], tree[2])
        a = self.value(tree[1])
        if kind == "neg":
            return (-a[0] % PRIME, -a[1] % PRIME)
        b = self.value(tree[2])
        if kind == "+":
            return ((a[0] + b[0]) % PRIME, (a[1] + b[1]) % PRIME)
        return _times(a, b if kind == "*" else _inverse(b))

    def _power(self, base: Tree, exponent: Tree) -> Point:
        power, a = exact(exponent), self.value(base)
        if power is not None and power.denominator == 2:
            power, a = power * 2, self._square_root(a, exact(base))
        if not a[1]:
            own = self._modular(exponent) if power is None else _residue(power)
            if not a[0] and (power is None or power <= 0):
                raise _Undecided
            return (pow(a[0], own, PRIME), 0)
        if power is None or power.denominator > 1 or abs(power) > 10**4:
            raise _Undecided
        factor = a if power > 0 else _inverse(a)
        return reduce(_times, [factor] * abs(power.numerator), (1, 0))

    def _square_root(self, a: Point, known: Fraction | None) -> Point:
        if a[1]:
            raise _Undecided
        square = pow(a[0], _ORDER // 2, PRIME) <= 1
        if known is None or (known > 0) is not square:
            self.certain = False  # the other of the two roots may be meant
        root = pow(a[0] if square else -a[0], (PRIME + 1) // 4, PRIME)
        return (root, 0) if square else (0, root)

    def _modular(self, exponent: Tree) -> int:
        """An exponent with letters or of great size, modulo the order of the field's numbers."""
        kind, known = exponent[0], exact(exponent)
        if known is not None:
            return _residue(known)
        if kind == "v" and exponent[1] not in ("i", "pi", "e"):
            return point(self.salt + exponent[1])
        if kind == "neg":
            return -self._modular(exponent[1]) % _ORDER
        power = exact(exponent[2]) if kind == "^" else None
        if power is not None and power.denominator == 1 and power >= 0:
            return pow(self._modular(exponent[1]), int(power), _ORDER)
        if kind not in ("+", "*"):
            raise _Undecided
        a, b = self._modular(exponent[1]), self._modular(exponent[2])
        return (a + b if kind == "+" else a * b) % _ORDER


def _residue(power: Fraction) -> int:
    """An exponent modulo the field's order; an odd root is unique, an even one raises ValueError."""
    return power.numerator * pow(power.denominator, -1, _ORDER) % _ORDER


def _times(a: Point, b: Point) -> Point:
    return ((a[0] * b[0] - a[1] * b[1]) % PRIME, (a[0] * b[1] + a[1] * b[0]) % PRIME)


def _inverse(a: Point) -> Point:
    norm = pow(a[0] * a[0] + a[1] * a[1], -1, PRIME)
    return (a[0] * norm % PRIME, -a[1] * norm % PRIME)


@lru_cache(maxsize=8192)
def fingerprint(tree: Tree, salt: str = "") -> tuple[Point, bool] | None:
    """Its value, and whether a difference is certain; None where there is none."""
    field = _Field(salt)
    try:
        return field.value(tree), field.certain
    except (_Undecided, ValueError, RecursionError, OverflowError):
        return None


def equal(one: Tree, other: Tree) -> bool | None:
    """Whether two formulas say the same; None where only algebra can tell."""
    a, b = exact(one), exact(other)
    if a is not None and b is not None:
        return a == b
    x, y = approximate(one), approximate(other)
    if x is not None and y is not None and abs(x - y) > 1e-6 * max(abs(x), abs(y)):
        return False
    left, right = fingerprint(one), fingerprint(other)
    if left is None or right is None:
        return None
    return True if left[0] == right[0] else False if left[1] and right[1] else None


def agrees(one: Tree, other: Tree) -> bool | None:
    """`equal`, and where that cannot tell: whether the values agree as floats."""
    known = equal(one, other)
    if known is not None:
        return known
    a, b = approximate(one), approximate(other)
    return None if a is None or b is None else abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def multiple(one: Tree, other: Tree) -> bool | None:
    """Whether one formula is a constant times the other, as the sides of one equation are: then
    their quotient is the same wherever the letters stand."""
    values = [fingerprint(tree, salt) for salt in ("", "elsewhere ") for tree in (one, other)]
    points = [value[0] for value in values if value]
    if len(points) < 4 or (0, 0) in points:
        return None
    if _times(points[0], points[3]) == _times(points[1], points[2]):
        return True
    return False if all(value[1] for value in values if value) else None
