"""The answer told by what is wrong with the student's own, and the hints that only sound like it."""

import pytest

from tutelage.leaks import find_leak

SHEEP = "A farmer has 52 sheep and sells 15. How many sheep are left?"
SAID = [("student", "52 - 15 = 38. The answer is 38.")]


@pytest.mark.parametrize(
    "message",
    [
        "Subtract 1 from your answer.",
        "Your answer minus 1.",
        "Reduce your result by 1.",
        "Lower your answer by one.",
        "Take one off your answer.",
        "Decrease it by 1.",
        "You need to subtract 1 more.",
        "One less than that.",
        "Just 1 off, too high.",
        "The answer is the previous number.",
        "Add 1 to 36 and you have the answer.",
        "What is 30 plus 7? That is your answer.",
        "Would 30 plus 7 be the answer?",
    ],
)
def test_a_correction_by_a_number_leaks(message: str) -> None:
    assert find_leak("math", "37", SHEEP, SAID, message).kind


@pytest.mark.parametrize(
    "message",
    [
        "Subtract 2 from your answer.",
        "Add 1 to your answer.",
        "You are off by 1.",
        "Subtract 15 from 52.",
        "Add 15 to your answer to check it.",
        "Subtract one digit at a time.",
        "What is 30 plus 7?",
        "Add 7 to 30.",
        "She has to subtract 15 from 52.",
    ],
)
def test_other_numbers_and_other_directions_do_not(message: str) -> None:
    assert find_leak("math", "37", SHEEP, SAID, message).kind == ""


PENS = "Tom buys 3 packs of 8 pens and gives 4 away. How many are left?"


def test_the_last_operation_may_be_named_but_not_as_the_answer() -> None:
    said = [("student", "3 * 8 = 24.")]
    assert find_leak("math", "20", PENS, said, "Subtract 4 from your result.").kind == ""
    message = "Subtract 4 from your result and you are right."
    assert find_leak("math", "20", PENS, said, message).kind == "hidden"


@pytest.mark.parametrize(
    ("message", "leaks"),
    [
        ("Double your answer.", True),
        ("Multiply your result by 2.", True),
        ("Twice what you said.", True),
        ("Halve your answer.", False),
        ("Double the number of boys.", False),
        ("Multiply it by 3.", False),
    ],
)
def test_factors(message: str, leaks: bool) -> None:
    said = [("student", "The answer is 6.")]
    asked = "What is the greatest common divisor of 36 and 60?"
    assert bool(find_leak("math", "12", asked, said, message).kind) is leaks


def test_the_next_number_may_be_asked_for() -> None:
    said = [("student", "The answer is 24.")]
    asked = "What is the next number: 1, 4, 9, 16, ?"
    assert find_leak("math", "25", asked, said, "It is the next number.").kind == "hidden"
    assert find_leak("math", "25", asked, said, "What is the next number?").kind == ""
    assert find_leak("math", "25", asked, said, "The next number is a square too.").kind == ""
