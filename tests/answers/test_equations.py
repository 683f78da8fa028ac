"""Sums that are written out: which are found, which hold, and what is left alone."""

import pytest

from tutelage.answers.equations import equations, spelled_out

FOUND = [
    ("27 - 5 = 22", [("27 - 5", 22)]),
    ("27-5=22", [("27-5", 22)]),
    ("First 27 - 5 = 22, then 22 * 2 = 44.", [("27 - 5", 22), ("22 * 2", 44)]),
    ("$1,200 / 4 = $300", [("$1,200 / 4", 300)]),
    ("3 × 4 = 12 and 12 ÷ 6 = 2", [("3 × 4", 12), ("12 ÷ 6", 2)]),
    ("2 + 3 + 4 = 9", [("2 + 3 + 4", 9)]),
    ("2.5 * 4 = 10.0", [("2.5 * 4", 10)]),
    ("5 − 9 = -4", [("5 − 9", -4)]),
    ("20% * 50 = 10", [("20% * 50", 10)]),
    ("3*(4+5)=27", [("3*(4+5)", 27)]),
    ("27 minus 5 equals 22", [("27 minus 5", 22)]),
    ("27 - 5 is 22", [("27 - 5", 22)]),
    (r"16 \times 3 = 48", [(r"16 \times 3", 48)]),
    ("8 bags * 3 berries = 24 berries", [("8 bags * 3 berries", 24)]),
    ("26 - 13 = 13, then go on", [("26 - 13", 13)]),
    ("2^3 * 3 = 24", [("2^3 * 3", 24)]),
    ("10^2 + 5 = 105", [("10^2 + 5", 105)]),
    ("5 · 4 = 20", [("5 · 4", 20)]),
    ("The answer is 22.", []),
    ("x + 3 = 7", []),
    ("", []),
    ("There were 5 on Monday - 3 of them red", []),
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_equations_are_found_and_hold(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(each.expression, each.result) for each in equations(text)] == expected
    assert all(each.holds for each in equations(text))


@pytest.mark.parametrize(
    "text",
    [
        "27 - 5 = 23", "27 minus 15 is 13", "27 stamps - 15 stamps = 13 stamps", "6 x 7 = 36",
        "2^3 * 3 = 25", "5 · 4 = 21", "a total of 20 + 12 = 31",
        "1,200 - 450 = 650", "2 + 3 + 4 = 10", "10 / 3 = 3.4", "10/3 = 3", "3*(4+5)=17",
        r"16 \times 3 = 38", "8 bags * 3 berries = 25", "30 - 17 = 4. The answer is 13.",
    ],
)  # fmt: skip
def test_false_equations_are_seen(text: str) -> None:
    assert [each.holds for each in equations(text)] == [False]


def test_an_equation_is_quoted_without_what_follows() -> None:
    assert [each.text for each in equations("26 - 13 = 12, then 3.")] == ["26 - 13 = 12"]


@pytest.mark.parametrize(
    "text",
    [
        "In all there are (8*4)-5 = 27 beads.",
        "A tenth of it is .10*60 = $6.00.",
        "That makes 2 + 1 1/2 = 3 1/2 cups.",
        "There are 60 students x 2/3 = 40 students.",
        "He works M + 4 + 2 = 8 hours.",
        "The drink was 2/12 = 1/6 of it.",
        "1 hour + 30 minutes = 90 minutes",
        "50 + 20% = 60",
        "3 + 4 = 7 + 5 = 12",
        "2 * 3 + 4 = 6 + 4 = 10",
        "10 / 3 = 3.33 and 10 / 3 = 3.3",
        "5 / 0 = 7",
        "7 + 3 = 10.5 - 0.5",
        "2³ · 3 = 24",
        "4 + 4 = 2^3",
        "4 + 4 = 2³",
        "4 * 6 = 4! = 24",
        "√16 + 9 = 13",
        r"\sqrt{16} + 9 = 13",
        "log 100 + 2 = 4",
        "20% of 50 + 5 = 15",
        "Half of 10 + 2 = 7",
        "Three fifths of 10 + 1 = 7",
        r"\frac{1}{2} \cdot 6 + 2 = 5",
        "|-3| + 2 = 5",
    ],
)
def test_what_might_be_misread_is_no_false_equation(text: str) -> None:
    for each in equations(text):
        assert each.expression.count("(") == each.expression.count(")")
        assert each.holds, each


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("Not yet. Work out 27 - 5.", 22),
        ("You wrote 20 - 6 = 16. What is 20 - 6?", 14),
        ("First 2 * 3, then 4 + 5.", 9),
        ("Multiply 8 bags by 3.", None),
        ("Look at x + 3 again.", None),
        ("", None),
    ],
)
def test_the_last_sum_that_is_spelled_out(text: str, worth: int | None) -> None:
    assert spelled_out(text) == worth
