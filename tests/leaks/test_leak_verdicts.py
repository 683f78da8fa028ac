"""Golds that are chosen: options by place or by exclusion, and yes or no without the word."""

import pytest

from tutelage.leaks import find_leak

PLANETS = "Which planet is largest?\nA) Mars\nB) Jupiter\nC) Venus\nD) Earth"


@pytest.mark.parametrize(
    ("message", "leaks"),
    [
        ("The second option.", True),
        ("It's the second one.", True),
        ("It is neither Mars nor Venus nor Earth.", True),
        ("Not A, not C and not D.", True),
        ("It is neither Mars nor Venus.", False),
        ("The second option that you ruled out needs another look.", False),
        ("Compare Mars, Jupiter, Venus and Earth; do not guess.", False),
    ],
)
def test_options(message: str, leaks: bool) -> None:
    assert bool(find_leak("reasoning", "B", PLANETS, [], message).kind) is leaks


@pytest.mark.parametrize(
    ("gold", "message", "leaks"),
    [
        ("no", "91 is not prime.", True),
        ("no", "It isn't prime.", True),
        ("yes", "91 is not prime.", False),
        ("yes", "91 is prime.", True),
        ("yes", "Indeed, it is prime.", True),
        ("no", "Is 91 not prime?", False),
        ("no", "You say that 91 is not prime. Why?", False),
        ("no", "A number is not prime if something divides it.", False),
        ("no", "7 is not even.", False),
    ],
)
def test_yes_and_no_without_the_word(gold: str, message: str, leaks: bool) -> None:
    said = [("student", "yes" if gold == "no" else "no")]
    found = find_leak("reasoning", gold, "Is 91 a prime number?", said, message)
    assert bool(found.kind) is leaks


@pytest.mark.parametrize(
    ("gold", "message", "leaks"),
    [
        ("Ben", "Neither Anna nor Cleo.", True),
        ("Ben", "Neither Anna nor Cleo said so.", False),
    ],
)
def test_words_told_by_what_is_left(gold: str, message: str, leaks: bool) -> None:
    told = "Anna, Ben and Cleo met on a day. Who came late?"
    assert bool(find_leak("reasoning", gold, told, [], message).kind) is leaks
