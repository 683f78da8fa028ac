"""Exact comparison of formulas without a computer algebra system.

A formula is evaluated in two finite fields, at points that nobody can guess: equal formulas agree,
and formulas that differ do not (the chance is below 1e-35). Powers as large as 2^(2^100) cost
nothing.

The fields have q^2 elements, so that there is an i. The primes q are safe primes, 23 modulo 24, for
which every prime below 100 is a square: so all odd roots and the square roots of ordinary integers
are unique and multiply as they should (sqrt 8 is 2 sqrt 2). pi, e and each letter are a point; a
function that has no rational value is a point for each value of its argument, so that sin(x + x) is
sin(2x) but not 2 sin x cos x: there, and for nested roots, a difference is not certain.
"""

from fractions import Fraction
from functools import lru_cache

from tutelage.answers.formulas import Tree, approximate, exact, point

PRIMES = (5423782807921767988542772958605795477079, 15171927998684551603768205121910155608879)
Point = tuple[int, int]
"""a + bi in a field."""


class _Undecided(Exception):
    """The field has no one value for this."""


class _Field:
    """Evaluates trees in the field of `p` squared elements."""

    def __init__(self, p: int) -> None:
        self.p = p
        self.certain = True
        """Whether formulas that differ here are known to differ."""

    def value(self, tree: Tree) -> Point:
        kind, p = tree[0], self.p
        known = exact(tree)
        if known is not None:
            return (known.numerator * pow(known.denominator, -1, p) % p, 0)
        if kind == "v":
            return (0, 1) if tree[1] == "i" else (point(tree[1]), 0)
        if kind == "f":
            if tree[1] in ("factorial", "binom"):
                raise _Undecided
            self.certain = False
            return (point(f"{tree[1]}{[self.value(part) for part in tree[2:]]}"), 0)
        if kind == "^":
            return self._power(tree[1], tree[2])
        a = self.value(tree[1])
        if kind == "neg":
            return (-a[0] % p, -a[1] % p)
        b = self.value(tree[2])
        if kind == "+":
            return ((a[0] + b[0]) % p, (a[1] + b[1]) % p)
        return self._times(a, b if kind == "*" else self._inverse(b))

    def _times(self, a: Point, b: Point) -> Point:
        return ((a[0] * b[0] - a[1] * b[1]) % self.p, (a[0] * b[1] + a[1] * b[0]) % self.p)

    def _inverse(self, a: Point) -> Point:
        norm = (a[0] * a[0] + a[1] * a[1]) % self.p
        if not norm:
            raise _Undecided
        inverse = pow(norm, -1, self.p)
        return (a[0] * inverse % self.p, -a[1] * inverse % self.p)

    def _power(self, base: Tree, exponent: Tree) -> Point:
        power, a = exact(exponent), self.value(base)
        if power is not None and power.denominator % 2 == 0 and power.denominator < 64:
            root = self._square_root(a, exact(base))
            return self._raised(root, power * 2) if power.denominator == 2 else self._uncertain()
        if power is not None:
            return self._raised(a, power)
        if a[1]:
            raise _Undecided
        return (pow(a[0], self._modular(exponent), self.p), 0)

    def _uncertain(self) -> Point:
        raise _Undecided

    def _raised(self, a: Point, power: Fraction) -> Point:
        """A power with an odd denominator: its root is unique."""
        if not a[1]:
            if not a[0] and power <= 0:
                raise _Undecided
            order = self.p - 1
            return (
                pow(a[0], power.numerator * pow(power.denominator, -1, order) % order, self.p),
                0,
            )
        if power.denominator > 1 or abs(power) > 10**4:
            raise _Undecided
        result, factor = (1, 0), a if power >= 0 else self._inverse(a)
        for bit in bin(abs(power.numerator))[2:]:
            result = self._times(result, result)
            result = self._times(result, factor) if bit == "1" else result
        return result

    def _square_root(self, a: Point, known: Fraction | None) -> Point:
        if a[1]:
            raise _Undecided
        square = pow(a[0], (self.p - 1) // 2, self.p) <= 1
        if known is None or (known > 0) is not square:
            self.certain = False  # the other of the two roots may be meant
        root = pow(a[0] if square else -a[0], (self.p + 1) // 4, self.p)
        return (root, 0) if square else (0, root)

    def _modular(self, exponent: Tree) -> int:
        """An exponent with letters or of great size, modulo the order of the field's numbers."""
        kind, order = exponent[0], self.p - 1
        known = exact(exponent)
        if known is not None and known.denominator == 1:
            return int(known) % order
        if kind == "v" and exponent[1] not in ("i", "pi", "e"):
            return point(exponent[1])
        if kind == "neg":
            return -self._modular(exponent[1]) % order
        if kind in ("+", "*"):
            a, b = self._modular(exponent[1]), self._modular(exponent[2])
            return (a + b if kind == "+" else a * b) % order
        power = exact(exponent[2]) if kind == "^" else None
        if power is not None and power.denominator == 1 and power >= 0:
            return pow(self._modular(exponent[1]), int(power), order)
        raise _Undecided


@lru_cache(maxsize=8192)
def fingerprint(tree: Tree) -> tuple[tuple[Point, ...], bool] | None:
    """Its values in both fields, and whether a difference is certain; None where there are none."""
    points, certain = [], True
    try:
        for prime in PRIMES:
            field = _Field(prime)
            points.append(field.value(tree))
            certain = certain and field.certain
    except (_Undecided, ValueError, RecursionError, OverflowError):
        return None
    return tuple(points), certain


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
    if left[0] == right[0]:
        return True
    return False if left[1] and right[1] else None


def agrees(one: Tree, other: Tree) -> bool | None:
    """`equal`, and where that cannot tell: whether the values agree as floats."""
    known = equal(one, other)
    if known is not None:
        return known
    a, b = approximate(one), approximate(other)
    return None if a is None or b is None else abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def multiple(one: Tree, other: Tree) -> bool | None:
    """Whether one formula is the other times a rational number, as the sides of one equation
    are."""
    left, right = fingerprint(one), fingerprint(other)
    if left is None or right is None or not all(a[0] and not a[1] for a in (*left[0], *right[0])):
        return None
    ratios = [
        a[0] * pow(b[0], -1, p) % p for a, b, p in zip(left[0], right[0], PRIMES, strict=True)
    ]
    factor, q = _rational(ratios[0], PRIMES[0]), PRIMES[1]
    if factor and factor.numerator * pow(factor.denominator, -1, q) % q == ratios[1]:
        return True
    return False if left[1] and right[1] else None


def _rational(residue: int, prime: int) -> Fraction | None:
    """The fraction of small numbers that `residue` stands for, by Euclid's algorithm."""
    a, b, x, y = prime, residue, 0, 1
    while b > 10**15:
        a, b, x, y = b, a % b, y, x - a // b * y
    return Fraction(b, y) if b and 0 < abs(y) < 10**15 else None
