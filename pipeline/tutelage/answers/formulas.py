r"""Formulas: read into a tree, and compared without a computer algebra system.

`parse` reads linear text (`plain` has made it of LaTeX) into a tree of tuples. A tree is evaluated
three ways:

    exact        a fraction, where there is one of bounded size
    fingerprint  in two finite fields, at points that nobody can guess: equal formulas agree, and
                 formulas that differ do not (the chance is below 1e-35). Powers as large as
                 2^(2^100) cost nothing
    approximate  a complex float, for decimals that round an irrational value

The fields have q^2 elements, so that there is an i. The primes q are safe primes, 3 mod 4, for which
every prime below 100 is a square: so all odd roots and the square roots of ordinary integers are
unique and multiply as they should (sqrt 8 is 2 sqrt 2). pi, e, and each letter are a random point;
a function that is not known (sin of x) is a random point for each value of its argument.
"""

import cmath
import hashlib
import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

PRIMES = (5423782807921767988542772958605795477079, 15171927998684551603768205121910155608879)
"""Safe primes that are 23 modulo 24, and modulo which all primes below 100 are squares."""
LONGEST = 600
"""Characters of a formula that are read."""
DEEPEST = 60
Tree = tuple[Any, ...]
_FUNCTIONS = """sqrt cbrt root log ln lg exp sin cos tan cot sec csc arcsin arccos arctan asin acos atan
    sinh cosh tanh abs floor ceil binom gcd lcm min max"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
_GREEK = """alpha beta gamma delta epsilon varepsilon theta lambda mu nu rho sigma tau phi varphi chi psi
    omega xi eta zeta kappa"""
_NAMES = frozenset((*_GREEK.split(), "pi", "inf"))
_WORD_SIGNS = {"times": "*", "plus": "+", "minus": "-", "squared": "^2", "cubed": "^3", "over": "/"}
_NO_PRODUCT = frozenset(
    """mod is in of to or and the for not no an as at be by if it so we he us am are was has had you her his
    can but yes one two six ten all any too now how let per out off its she who why did do does go get got
    cm mm km kg ml mg lb oz ft yd sec min hr mph left red big old new day""".split()
)
"""Short words that are no product of letters."""
_TOKEN = re.compile(
    rf"\s*(?:(?P<num>(?:\d{{1,3}}(?:,\d{{3}})+(?![\d,]*\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{{1,4}}(?![\w]))?|\.\d+)"
    rf"|(?P<fn>{'|'.join(sorted(FUNCTIONS, key=len, reverse=True))})(?![a-zA-Z])"
    rf"|(?P<name>(?:{'|'.join(sorted(_NAMES, key=len, reverse=True))})(?![a-zA-Z])|[a-zA-Z](?![a-zA-Z]))"
    rf"|(?P<letters>[a-zA-Z]{{2,3}}(?![a-zA-Z]))"
    rf"|(?P<op>[-+*/^!|()\[\]{{}},;%√θ'_]))"
)


class NoFormula(Exception):
    """The text is no formula, or one that is not read."""


class _Parser:
    """Recursive descent over tokens; juxtaposition multiplies."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            m = _TOKEN.match(text, at)
            if not m or not m.lastgroup:
                raise NoFormula(text)
            kind, word = m.lastgroup, m[m.lastgroup]
            if kind in ("letters", "name") and self.tokens and text[at].isspace():
                if self.tokens[-1][0] == "name" and word not in _NAMES | {"i", "e"}:
                    raise NoFormula(word)
            if kind == "letters":
                if word.lower() in _NO_PRODUCT:
                    raise NoFormula(word)
                self.tokens += [("name", letter) for letter in word]
            else:
                self.tokens.append((kind, word))
            at = m.end()
        self.at = self.depth = self.bars = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at][1] in words:
            self.at += 1
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            raise NoFormula(word)

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NoFormula("too deep")
        sign = self._sign()
        tree = self.product()
        tree = ("neg", tree) if sign < 0 else tree
        while self.peek() in ("+", "-"):
            operator = self.peek()
            self.at += 1
            sign = self._sign()
            right = self.product()
            tree = ("+", tree, ("neg", right) if (operator == "-") is (sign > 0) else right)
        self.depth -= 1
        return tree

    def _sign(self) -> int:
        sign = 1
        while self.peek() in ("+", "-"):
            sign = -sign if self.peek() == "-" else sign
            self.at += 1
        return sign

    def product(self) -> Tree:
        tree = self.power()
        while True:
            if self.take("*"):
                tree = ("*", tree, self._signed())
            elif self.take("/"):
                tree = ("/", tree, self._signed())
            elif self._begins():
                tree = ("*", tree, self.power())
            else:
                return tree

    def _signed(self) -> Tree:
        sign = self._sign()
        tree = self.power()
        return ("neg", tree) if sign < 0 else tree

    def _begins(self) -> bool:
        if self.at >= len(self.tokens):
            return False
        kind, word = self.tokens[self.at]
        if word == "|":
            return not self.bars
        return kind in ("name", "fn") or word in ("(", "[") or (
            kind == "num" and self.tokens[self.at - 1][1] in (")", "]")
        )

    def power(self) -> Tree:
        tree = self.atom()
        while True:
            if self.take("!"):
                tree = ("!", tree)
            elif self.take("%"):
                tree = ("/", tree, ("n", Fraction(100)))
            elif self.take("^"):
                tree = ("^", tree, self._signed_power())
            else:
                return tree

    def _signed_power(self) -> Tree:
        sign = self._sign()
        tree = self.power()
        return ("neg", tree) if sign < 0 else tree

    def atom(self) -> Tree:
        if self.at >= len(self.tokens):
            raise NoFormula("ends early")
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "num":
            mantissa = word.replace(",", "")
            exponent = re.search(r"[eE]([-+]?\d+)", mantissa)
            if len(mantissa) > 400 or (exponent and abs(int(exponent[1])) > 400):
                raise NoFormula(word)
            value = Fraction(mantissa)
            base = self._base(word)
            return ("n", value) if base is None else ("n", base)
        if kind == "name":
            return self._named(word)
        if kind == "fn":
            return self._call(word)
        for opening, closing in (("(", ")"), ("[", "]")):
            if word == opening:
                bars, self.bars = self.bars, 0
                tree = self.sum()
                self.bars = bars
                self.need(closing)
                return tree
        if word == "|":
            self.bars += 1
            tree = self.sum()
            self.bars -= 1
            self.need("|")
            return ("f", "abs", tree)
        raise NoFormula(word)

    def _base(self, digits: str) -> Fraction | None:
        if self.peek() != "_" or not digits.isdigit() or self.at + 1 >= len(self.tokens):
            return None
        kind, word = self.tokens[self.at + 1]
        if kind != "num" or not word.isdigit() or not 2 <= int(word) <= 36:
            raise NoFormula("subscript")
        self.at += 2
        try:
            return Fraction(int(digits, int(word)))
        except ValueError:
            raise NoFormula(digits) from None

    def _named(self, word: str) -> Tree:
        name = word
        if self.take("_"):
            if self.take("("):
                inside = []
                while not self.take(")"):
                    inside.append(self.peek())
                    self.at += 1
                    if self.at > len(self.tokens):
                        raise NoFormula(word)
                name += "_" + "".join(inside)
            else:
                name += "_" + self.peek()
                self.at += 1
        while self.take("'"):
            name += "'"
        return ("v", name)

    def _call(self, name: str) -> Tree:
        name = {"lg": "log", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name)
        power: Tree | None = None
        base: Tree | None = None
        if name == "log" and self.take("_"):
            base = self.atom()
        if self.take("^"):
            power = self._signed_power()
        if self.take("("):
            arguments = [self.sum()]
            while self.take(",", ";"):
                arguments.append(self.sum())
            self.need(")")
        elif name in ("root", "binom", "gcd", "lcm", "min", "max"):
            raise NoFormula(name)
        else:
            argument = self._signed_power()
            while name not in ("sqrt", "cbrt") and self.at < len(self.tokens) and (
                self.tokens[self.at][0] == "name"
            ):
                argument = ("*", argument, self.power())
            arguments = [argument]
        tree = _called(name, arguments, base)
        return ("^", tree, power) if power else tree


def _called(name: str, arguments: list[Tree], base: Tree | None) -> Tree:
    two = ("n", Fraction(2))
    if name == "sqrt" and len(arguments) == 1:
        return ("^", arguments[0], ("/", ("n", Fraction(1)), two))
    if name == "cbrt":
        return ("^", arguments[0], ("/", ("n", Fraction(1)), ("n", Fraction(3))))
    if name == "root" and len(arguments) == 2:
        return ("^", arguments[1], ("/", ("n", Fraction(1)), arguments[0]))
    if name == "exp":
        return ("^", ("v", "e"), arguments[0])
    if base is not None:
        return ("/", ("f", "ln", arguments[0]), ("f", "ln", base))
    return ("f", name, *arguments)


@lru_cache(maxsize=8192)
def parse(text: str) -> Tree | None:
    """The tree of a formula; None where the text is none.

    Nodes: `("n", Fraction)`, `("v", name)`, `("neg", a)`, `("+", a, b)`, `("*", a, b)`, `("/", a, b)`,
    `("^", a, b)`, `("!", a)`, `("f", name, argument...)`.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    if re.search(r"[a-zA-Z]{4}", text) or " " in text:
        text = _SIGN_WORDS.sub(lambda m: _WORD_SIGNS[m[1]], text)
    text = _MIXED.sub(r"(\1+\2)", text) if "/" in text else text
    try:
        parser = _Parser(text)
        tree = parser.sum()
        return tree if parser.at == len(parser.tokens) else None
    except (NoFormula, RecursionError, ZeroDivisionError):
        return None


_SIGN_WORDS = re.compile(rf"\b({'|'.join(_WORD_SIGNS)})\b")
_MIXED = re.compile(r"(?<![\w.)^/])(\d+) (\d+/\d+)(?![\d/.])")


def names(tree: Tree) -> frozenset[str]:
    """The letters of a formula, constants included."""
    if tree[0] == "v":
        return frozenset({tree[1]})
    parts = [names(part) for part in tree[1:] if isinstance(part, tuple)]
    return frozenset().union(*parts) | ({tree[1]} if tree[0] == "f" else frozenset())


def steps(tree: Tree) -> int:
    """How many operations a formula has; the sign of a number is none."""
    if tree[0] in ("n", "v"):
        return 0
    below = sum(steps(part) for part in tree[1:] if isinstance(part, tuple))
    return below + (tree[0] != "neg")


def is_work(tree: Tree) -> bool:
    """Whether it is a sum, difference or product of plain numbers, left to be worked out."""
    return tree[0] in ("+", "*") and _plain_numbers(tree)


def _plain_numbers(tree: Tree) -> bool:
    if tree[0] == "^":
        return exact(tree) is not None and _plain_numbers(tree[1])
    return tree[0] == "n" or (
        tree[0] in ("+", "*", "/", "neg") and all(_plain_numbers(part) for part in tree[1:])
    )


_LARGEST = 4096
"""Bits of an exact value."""


@lru_cache(maxsize=8192)
def exact(tree: Tree) -> Fraction | None:
    """The value as a fraction; None where it is not rational, has letters, or is too large."""
    kind = tree[0]
    if kind == "n":
        return tree[1]  # type: ignore[no-any-return]
    if kind in ("v", "f"):
        return _known(tree) if kind == "f" else None
    values = [exact(part) for part in tree[1:]]
    if None in values:
        return None
    a = values[0]
    b = values[1] if len(values) > 1 else None
    assert a is not None
    if kind == "neg":
        return -a
    if kind == "!":
        return Fraction(math.factorial(int(a))) if a.denominator == 1 and 0 <= a <= 400 else None
    assert b is not None
    if max(a.numerator.bit_length(), b.numerator.bit_length(), a.denominator.bit_length()) > _LARGEST:
        return None
    if kind == "+":
        return a + b
    if kind == "*":
        return a * b
    if kind == "/":
        return a / b if b else None
    return _raised(a, b)


def _raised(a: Fraction, b: Fraction) -> Fraction | None:
    if b.denominator == 1:
        size = max(a.numerator.bit_length(), a.denominator.bit_length())
        if abs(b) * size > _LARGEST or (a == 0 and b <= 0):
            return None
        return a ** int(b)
    if b.denominator > 12 or (a < 0 and b.denominator % 2 == 0):
        return None
    tops = [_integer_root(abs(n), b.denominator) for n in (a.numerator, a.denominator)]
    if None in tops:
        return None
    root = Fraction(tops[0] or 0, tops[1] or 1) * (-1 if a < 0 else 1)
    return _raised(root, Fraction(b.numerator))


def _integer_root(number: int, degree: int) -> int | None:
    root = math.isqrt(number) if degree == 2 else round(number ** (1 / degree)) if number < 2**900 else -1
    return next((r for r in (root - 1, root, root + 1) if r >= 0 and r**degree == number), None)


def _known(tree: Tree) -> Fraction | None:
    """The functions whose value at rational numbers is rational."""
    name, values = tree[1], [exact(part) for part in tree[2:]]
    if None in values or not values:
        return None
    first = values[0]
    assert first is not None
    if name == "abs":
        return abs(first)
    if name in ("floor", "ceil"):
        return Fraction(math.floor(first) if name == "floor" else math.ceil(first))
    whole = [int(v) for v in values if v is not None and v.denominator == 1]
    if len(whole) == len(values) > 1:
        if name == "binom" and 0 <= whole[1] <= whole[0] <= 2000:
            return Fraction(math.comb(*whole[:2]))
        if name in ("gcd", "lcm", "min", "max"):
            return Fraction({"gcd": math.gcd, "lcm": math.lcm, "min": min, "max": max}[name](*whole))
    if name == "log" and first > 0:
        power = round(math.log10(first)) if first.numerator < 10**300 else 0
        return Fraction(power) if Fraction(10) ** power == first else None
    return None


class _Undecided(Exception):
    """The field has no one value for this."""


Point = tuple[int, int]
"""a + bi in a field."""


@lru_cache(maxsize=4096)
def _random(name: str, prime: int) -> int:
    digest = hashlib.sha256(f"{name}|{prime % 99991}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


class _Field:
    """Evaluates trees in the field of `prime` squared elements."""

    def __init__(self, prime: int) -> None:
        self.p = prime
        self.certain = True
        """Whether formulas that differ here are known to differ."""

    def value(self, tree: Tree) -> Point:
        kind, p = tree[0], self.p
        if kind == "n":
            return (tree[1].numerator * pow(tree[1].denominator, -1, p) % p, 0)
        if kind == "v":
            return (0, 1) if tree[1] == "i" else (_random(tree[1], p) % p, 0)
        if kind == "f":
            return self._function(tree)
        if kind == "^":
            return self._power(tree[1], tree[2])
        if kind == "!":
            whole = exact(tree[1])
            if whole is not None and whole.denominator == 1 and 0 <= whole <= 3000:
                return (math.factorial(int(whole)) % p, 0)
            return self._gamma(tree[1])
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
        rational = exact(exponent)
        a = self.value(base)
        if rational is None:
            if a[1]:
                raise _Undecided
            return (pow(a[0], self._modular(exponent), self.p), 0)
        whole, root = rational.numerator, rational.denominator
        twos = 0
        while root % 2 == 0:
            root, twos = root // 2, twos + 1
        if root > 1 or twos:
            if a[1]:
                raise _Undecided
            number = a[0]
            if root > 1:
                number = pow(number, pow(root, -1, self.p - 1), self.p)
            a = (number, 0)
            for _ in range(twos):
                a = self._square_root(a, exact(base))
        if abs(whole) > 10**6 and a[1]:
            raise _Undecided
        if not a[1]:
            if not a[0] and whole <= 0:
                raise _Undecided
            return (pow(a[0], whole, self.p), 0)
        result, factor = (1, 0), a if whole >= 0 else self._inverse(a)
        for bit in bin(abs(whole))[2:]:
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
        if kind == "n" and exponent[1].denominator == 1:
            return int(exponent[1]) % order
        if kind == "v" and exponent[1] not in ("i", "pi", "e"):
            return _random(exponent[1], self.p)
        if kind == "neg":
            return -self._modular(exponent[1]) % order
        if kind in ("+", "*"):
            a, b = self._modular(exponent[1]), self._modular(exponent[2])
            return (a + b if kind == "+" else a * b) % order
        if kind == "^":
            power = exact(exponent[2])
            if power is not None and power.denominator == 1 and power >= 0:
                return pow(self._modular(exponent[1]), int(power), order)
        raise _Undecided

    def _gamma(self, argument: Tree) -> Point:
        """`n!` as a random point for n, and (n+k)! by its own factors for a small k."""
        letters, point = names(argument), self.value(argument)
        for shift in range(4):
            for letter in letters:
                if (point[0] - shift) % self.p == _random(letter, self.p) % self.p:
                    result = _random(f"{letter}!", self.p)
                    for step in range(shift):
                        result = result * (point[0] - step) % self.p
                    return (result % self.p, 0)
        self.certain = False
        return (_random(f"!{point}", self.p), 0)

    def _function(self, tree: Tree) -> Point:
        name = tree[1]
        known = exact(tree)
        if known is not None:
            return (known.numerator * pow(known.denominator, -1, self.p) % self.p, 0)
        if name in ("ln", "log") and len(tree) == 3:
            value = exact(tree[2])
            if value is not None and value > 0 and max(value.numerator, value.denominator) < 10**10:
                return (self._logarithm(name, value), 0)
            if name == "ln" and tree[2] == ("v", "e"):
                return (1, 0)
        if name in ("sin", "cos", "tan") and len(tree) == 3:
            special = _special(name, tree[2])
            if special is not None:
                return self.value(special)
        self.certain = False
        points = [self.value(part) for part in tree[2:]]
        return (_random(f"{name}{points}", self.p), 0)

    def _logarithm(self, name: str, value: Fraction) -> int:
        total = 0
        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            factor = 2
            while factor * factor <= number:
                while number % factor == 0:
                    number //= factor
                    total += sign * _random(f"{name} {factor}", self.p)
                factor += 1
            if number > 1:
                total += sign * _random(f"{name} {number}", self.p)
        return total % self.p


def _special(name: str, angle: Tree) -> Tree | None:
    """sin, cos and tan at multiples of pi/6 and pi/4."""
    turn = _over_pi(angle)
    if turn is None:
        return None
    if name == "tan":
        top, low = _special("sin", angle), _special("cos", angle)
        return ("/", top, low) if top and low and exact(low) != 0 else None
    turn = (turn + (Fraction(1, 2) if name == "cos" else 0)) % 2
    sign = -1 if turn > 1 else 1
    turn %= 1
    squared = {0: 0, Fraction(1, 6): 1, Fraction(1, 4): 2, Fraction(1, 3): 3, Fraction(1, 2): 4}.get(
        min(turn, 1 - turn)
    )
    if squared is None:
        return None
    half: Tree = ("^", ("n", Fraction(squared, 4)), ("n", Fraction(1, 2)))
    return ("neg", half) if sign < 0 else half


def _over_pi(tree: Tree) -> Fraction | None:
    """The rational r of an angle r pi."""
    if tree == ("v", "pi"):
        return Fraction(1)
    if tree[0] == "neg":
        inner = _over_pi(tree[1])
        return -inner if inner is not None else None
    if tree[0] in ("*", "/"):
        for a, b in ((tree[1], tree[2]), (tree[2], tree[1]))[: 2 if tree[0] == "*" else 1]:
            left, right = _over_pi(a), exact(b)
            if left is not None and right:
                return left * right if tree[0] == "*" else left / right
    return Fraction(0) if exact(tree) == 0 else None


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
    """Whether two formulas say the same; None where only algebra, or numerics, can tell."""
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


def multiple(one: Tree, other: Tree) -> bool | None:
    """Whether one formula is the other times a rational number, as the two sides of one equation are."""
    left, right = fingerprint(one), fingerprint(other)
    if left is None or right is None or not all(a[0] and not a[1] for a in right[0]):
        return None
    ratios = [a[0] * pow(b[0], -1, p) % p for a, b, p in zip(left[0], right[0], PRIMES, strict=True)]
    factor = _rational(ratios[0], PRIMES[0])
    q = PRIMES[1]
    if factor and factor.numerator * pow(factor.denominator, -1, q) % q == ratios[1]:
        return not any(a[1] for a in left[0]) or None
    return False if left[1] and right[1] else None


def _rational(residue: int, prime: int) -> Fraction | None:
    """The fraction of small numbers that `residue` stands for, by Euclid's algorithm."""
    a, b, x, y = prime, residue, 0, 1
    while b > 10**15:
        a, b, x, y = b, a % b, y, x - a // b * y
    return Fraction(b, y) if b and 0 < abs(y) < 10**15 else None


@lru_cache(maxsize=8192)
def approximate(tree: Tree) -> complex | None:
    """The value as a float, letters at fixed points; None where it has none."""
    try:
        value = _float(tree)
    except (OverflowError, ValueError, ZeroDivisionError, KeyError, RecursionError, TypeError):
        return None
    return value if cmath.isfinite(value) else None


def _float(tree: Tree) -> complex:
    kind = tree[0]
    if kind == "n":
        return complex(tree[1])
    if kind == "v":
        constants = {"pi": math.pi, "e": math.e, "i": 1j}
        return constants.get(tree[1]) or 1 + _random(tree[1], 1) / 2**64
    if kind == "f":
        first = _float(tree[2])
        if tree[1] in ("floor", "ceil"):
            return complex(getattr(math, tree[1])(first.real))
        if tree[1] in ("binom", "gcd", "lcm", "min", "max"):
            value = exact(tree)
            if value is None:
                raise ValueError(tree[1])
            return complex(value)
        return complex(_FLOATS[tree[1]](first))
    a = _float(tree[1])
    if kind == "neg":
        return -a
    if kind == "!":
        return complex(math.gamma(a.real + 1))
    b = _float(tree[2])
    if kind == "+":
        return a + b
    if kind == "*":
        return a * b
    if kind == "/":
        return a / b
    if abs(b) > 2000:
        raise OverflowError
    if a.imag == 0 and a.real < 0 and b.imag == 0 and exact(tree[2]) and exact(tree[2]).denominator % 2:  # type: ignore[union-attr]
        return complex(-(abs(a.real) ** b.real) if exact(tree[2]).numerator % 2 else abs(a.real) ** b.real)  # type: ignore[union-attr]
    return complex(complex(a.real, a.imag + 0.0) ** b)  # no negative zero beside a cut


_FLOATS: dict[str, Any] = {
    "ln": cmath.log, "log": cmath.log10, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan, "sinh": cmath.sinh,
    "cosh": cmath.cosh, "tanh": cmath.tanh, "abs": abs, "cot": lambda z: 1 / cmath.tan(z),
    "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
}  # fmt: skip
