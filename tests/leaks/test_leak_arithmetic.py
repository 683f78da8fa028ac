"""The small evaluator: what expressions are worth, and where they stand in a text."""

import math

import pytest

from tutelage.leaks.arithmetic import runs, same, steps, worth
from tutelage.leaks.plain import plain
from tutelage.leaks.wording import in_symbols


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("6*7", 42),
        ("2 + 3 * 4 - 1", 13),
        ("-(2 - 5)^2", -9),
        ("2^-1", 0.5),
        ("84/2/2", 21),
        ("3sqrt(2)", 3 * math.sqrt(2)),
        ("25 pi", 25 * math.pi),
        ("5!", 120),
        ("1,234/2", 617),
    ],
)
def test_values(expression: str, value: float) -> None:
    found = worth(expression)
    assert found is not None and found == pytest.approx((value, value))


@pytest.mark.parametrize(
    "expression", ["", "1/0", "9^9^9^9", "((((", "2 +", "(" * 500, "0^-1", "200!"]
)
def test_what_has_no_value_is_none(expression: str) -> None:
    assert worth(expression) is None


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("(x-2)(x-3)", "x^2 - 5x + 6", True),
        ("2x + 2y", "2(y + x)", True),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt2}", True),
        ("x^2", "2x", False),
        ("x + y", "x - y", False),
    ],
)
def test_equal_expressions_agree_at_both_points(left: str, right: str, equal: bool) -> None:
    assert same(worth(plain(left).strip()), worth(plain(right).strip())) is equal


def test_runs_are_the_expressions_of_a_text() -> None:
    text = "I have a 3x + 2 here, (27 - 5) there, and d = 6*7."
    assert [text[start:end] for start, end in runs(text)] == ["3x + 2", "(27 - 5)", "6*7"]


def test_steps_count_the_work_that_is_left() -> None:
    assert [steps(text) for text in ("42", "-42", "6*7", "3x^2+2")] == [0, 0, 1, 3]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("six times seven", 42),
        ("double 21", 42),
        ("half of 84", 42),
        ("the product of six and 7", 42),
        ("8 subtracted from 50", 42),
        ("8 less than 50", 42),
        ("the square root of 1764", 42),
        ("75% of 56", 42),
        ("two thirds of 63", 42),
    ],
)
def test_words_are_written_as_symbols(words: str, value: float) -> None:
    text = in_symbols(words)
    found = [worth(text[start:end]) for start, end in runs(text)]
    assert any(each is not None and each == pytest.approx((value, value)) for each in found), text
