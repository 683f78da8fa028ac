"""Golds that are expressions: other ways of writing them."""

import pytest

from tutelage.leaks import find_leak

EXPAND = "Expand (x+1)^2 - 1."


@pytest.mark.parametrize(
    ("statement", "gold", "message", "leaks"),
    [
        (EXPAND, "x^2+2x", "The result is x**2 + 2*x.", True),
        (EXPAND, "x^2+2x", "The answer is x(x+2).", True),
        (EXPAND, "x^2+2x", "x squared plus 2x", True),
        (EXPAND, "x^2+2x", "Work out (x+1)(x+1) - 1.", False),
        (EXPAND, "x^2+2x", "(x+1)^2 - 1 is what you are given.", False),
        ("Simplify (4x+6)/2.", "2x+3", "2x plus 3", True),
        ("Simplify (4x+6)/2.", "2x+3", "Halve 4x and halve 6.", False),
        ("Simplify 2(x + 3) - x.", "x + 6", "The expression is 2x + 6 - x.", False),
        ("Simplify 2(x + 3) - x.", "x + 6", "It is x + 6, not 3x + 6.", True),
        ("Simplify sqrt(18).", r"3\sqrt{2}", "three root two", True),
        ("Simplify sqrt(18).", r"3\sqrt{2}", "3 times root 2", True),
        ("Simplify sqrt(18).", r"3\sqrt{2}", "What is the root of 9?", False),
        ("Compute arctan(1).", r"\frac{\pi}{4}", "a quarter of pi", True),
        ("Compute arctan(1).", r"\frac{\pi}{4}", r"\frac{1}{4}\pi", True),
        ("Find the value.", r"\sqrt{2}/2", "one over root two", True),
    ],
)
def test_forms(statement: str, gold: str, message: str, leaks: bool) -> None:
    assert bool(find_leak("math", gold, statement, [], message).kind) is leaks
