"""Whether two formulas say the same, by math-verify and sympy.

Importing math-verify takes seconds and an answer may take for ever: only a process that can be
killed should import this module. Its own time-outs are off, since the parent keeps the time.
"""

import logging
import re
from functools import lru_cache
from itertools import permutations
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify
from sympy import Basic, Rational, floor

from tutelage.verifiers.quantity import ROUNDED_DIGITS, read

logging.getLogger("math_verify").setLevel(logging.CRITICAL)
_LATEX = [LatexExtractionConfig(boxed_match_priority=0)]


def equivalent(gold: str, answer: str) -> str:
    """Empty where the formulas `gold` and `answer` are equal, else why not.

    Symbols keep their names and sets are not tuples. A decimal is equal to an irrational gold if it
    gives at least 6 significant digits, each right, rounded or cut off at its end.
    """
    if _words(answer) - _words(gold):
        return "not a formula"
    if "\\cup" in gold and len(pieces := _OR.split(answer)) > 1:
        return _piecewise(_CUP.split(gold), pieces)
    wanted = _parsed(gold)
    if not wanted:
        return "another text"
    decimal = read(answer)
    if decimal is not None:
        return "" if _rounds(wanted[0], answer) else _verified(wanted, _parsed(answer))
    return _verified(wanted, _parsed(answer))


def _piecewise(gold: list[str], pieces: list[str]) -> str:
    """`x < 1 or x > 2` against a union of two intervals: piece by piece, in any order."""
    if len(gold) != len(pieces) or len(gold) > 4:
        return "not equal"
    orders = permutations(pieces)
    equal = any(not any(map(equivalent, gold, order)) for order in orders)
    return "" if equal else "not equal"


def _verified(wanted: list[Any], given: list[Any]) -> str:
    if not given:
        return "not a formula"
    try:
        equal = verify(
            wanted,
            given,
            float_rounding=15,
            numeric_precision=50,
            strict=True,
            allow_set_relation_comp=True,
            timeout_seconds=None,
            raise_on_error=True,
        )
    except MemoryError:
        raise
    except Exception:  # sympy raises all sorts at what cannot be compared
        return "cannot be compared"
    return "" if equal else "not equal"


def _rounds(value: Any, answer: str) -> bool:
    """Whether the decimal `answer` is the irrational `value`, rounded or cut off at its end."""
    given = read(answer)
    if given is None or given.places < 0 or given.digits < ROUNDED_DIGITS:
        return False
    if not isinstance(value, Basic) or value.free_symbols or not value.is_real:
        return False
    if value.is_rational is not False:
        return False
    scaled = value * 10**given.places
    wanted = Rational(given.value.numerator, given.value.denominator) * 10**given.places
    low = floor(scaled)
    cut = low if low >= 0 else low + 1
    return bool(wanted in (cut, floor(scaled + Rational(1, 2))))


def _words(text: str) -> set[str]:
    """Runs of letters that are no LaTeX command and no function: names, units, prose."""
    return set(re.findall(r"[A-Za-z]{3,}", re.sub(r"\\[A-Za-z]+", " ", text))) - _FUNCTIONS


@lru_cache(maxsize=4096)
def _parsed(text: str) -> list[Any]:
    text = re.sub(r"(?<!\\)\bsqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = re.sub(r"√\s*(\d+|\([^()]*\))", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![\\A-Za-z])(pi|sin|cos|tan|log|ln|exp)(?![A-Za-z])", r"\\\1 ", text)
    text = text.replace("**", "^").replace("*", " \\cdot ")
    found: list[Any] = parse(
        f"\\boxed{{{text}}}", _LATEX, fallback_mode="no_fallback", parsing_timeout=None
    )
    return found


_FUNCTIONS = frozenset(
    {"sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "arcsin", "arccos", "arctan"}
    | {"matrix", "pmatrix", "bmatrix", "array", "cases"}
)
_OR = re.compile(r"\s+or\s+|\s*\\(?:lor|vee)(?![a-zA-Z])\s*")
_CUP = re.compile(r"\s*\\cup(?![a-zA-Z])\s*")
