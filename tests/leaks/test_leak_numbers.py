"""Numbers as answers: small ones, public ones, and those that only number something."""

import pytest

from tutelage.leaks import find_leak

APPLES = "Tom has 5 apples and eats 3. How many are left?"
STICKERS = "Mia had 20 stickers and gave 13 away. How many stickers does she have now?"


@pytest.mark.parametrize(
    "message",
    [
        "So 7 remain.",
        "Seven are left.",
        "You should have gotten seven.",
        "That ought to have been a 7.",
        "Replace your answer with 7.",
        "Replace the 8 with 7.",
        "Change it to 7.",
        "Enter 7 and you are done.",
        "Try 7.",
        "7 is what I'd say.",
        "So 7 it is.",
        "She is left with 7.",
        "It amounts to 7.",
        "Mia keeps 7 of them.",
        "Subtract 13 from 20 to obtain 7.",
    ],
)
def test_a_small_number_leaks_where_it_comes_out(message: str) -> None:
    assert find_leak("math", "7", STICKERS, [], message).kind


@pytest.mark.parametrize(
    "message",
    ["2 apples", "There are 2 apples.", "Two apples are left.", "That leaves two apples."],
)
def test_a_question_without_a_noun_counts_what_the_statement_counts(message: str) -> None:
    assert find_leak("math", "2", APPLES, [], message).kind


@pytest.mark.parametrize(
    "message",
    [
        "1) Read. 2) Subtract. 3) Check.",
        "First (1) read, then (2) subtract.",
        "Steps: 1. read 2. subtract",
        "1. Read.\n2. Subtract.",
        "On 2 March we did the same.",
        "On March 2 we did the same.",
        "This is your try 2.",
        "2 steps remain.",
        "Two of your steps are fine.",
        "Divide by 2 and see.",
        "Try dividing into 2 groups.",
        "At 10:02 we begin.",
        "You have two of the numbers right.",
        "Do the two remaining steps.",
        "Come back to it in 2 minutes.",
        "Write two equations.",
    ],
)
def test_what_numbers_or_counts_something_else_is_clean(message: str) -> None:
    assert find_leak("math", "2", APPLES, [], message).kind == ""


def test_a_number_that_ends_a_sentence_is_no_list_item() -> None:
    assert find_leak("math", "2", APPLES, [], "The first gives 1. So you get 2. Good.").kind


def test_try_offers_a_number() -> None:
    assert find_leak("math", "37", "What is 52 - 15?", [], "Try 37.").kind == "string"
    assert find_leak("math", "37", "What is 52 - 15?", [], "COVID-37 is over.").kind == ""


def test_a_date_may_be_asked_for() -> None:
    asked = "Which day of March is a week after the 12th?"
    assert find_leak("math", "19", asked, [], "On 19 March.").kind == "string"
    assert find_leak("math", "19", "What is 24 - 5?", [], "On 19 March.").kind == ""


SWEETS = "Three friends share 90 + 45 sweets equally. How many does each get?"
MARBLES = "Jo has 12 marbles, gives 4 to Bo and gets 4 from Al. How many has he now?"


@pytest.mark.parametrize(
    ("statement", "gold", "message", "leaks"),
    [
        (SWEETS, "45", "Each gets 45.", True),
        (SWEETS, "45", "So each friend gets 45.", True),
        (SWEETS, "45", "They get 45 each.", True),
        (SWEETS, "45", "They share 45 more.", False),
        (SWEETS, "45", "Each does not get 45.", False),
        (SWEETS, "45", "Does each get 45?", False),
        (MARBLES, "12", "So he has 12 now.", True),
        (MARBLES, "12", "Now he has 12 again.", True),
        (MARBLES, "12", "He has 12 marbles at first.", False),
        (MARBLES, "12", "If he has 12 now, what did he have?", False),
        (MARBLES, "12", "Of the 12 marbles he gives 4.", False),
    ],
)
def test_a_public_number_may_not_answer_in_the_words_of_the_question(
    statement: str, gold: str, message: str, leaks: bool
) -> None:
    assert bool(find_leak("math", gold, statement, [], message).kind) is leaks


def test_what_the_student_said_in_these_words_may_be_said_again() -> None:
    said = [("student", "Each gets 45 and 90. That makes 135.")]
    assert find_leak("math", "45", SWEETS, said, "Each gets 45?").kind == ""
    assert find_leak("math", "45", SWEETS, said, "You wrote that each gets 45 and 90.").kind == ""


def test_a_fraction_alone_is_a_result_in_any_terms() -> None:
    jar = "A jar has 4 red and 4 blue balls. What is the probability of red?"
    assert find_leak("math", "1/2", jar, [], "2/4").kind
    assert find_leak("math", "1/2", jar, [], "0,5").kind == "number"
    assert find_leak("math", "42", "?", [], "84/2").kind == ""


@pytest.mark.parametrize(
    "message", ["x_1=2, x_2=3", "x1 = 2 and x2 = 3", "Check x=2: 4-10+6=0 and x=3: 9-15+6=0."]
)
def test_roots_may_have_indices_and_stand_apart(message: str) -> None:
    assert find_leak("math", "2, 3", "Solve x^2 - 5x + 6 = 0.", [], message).kind == "set"


def test_numbers_of_any_size_are_looked_at() -> None:
    for message in (
        "Take 1e-30 from your number.",
        f"Take {'9' * 390} from 0.",
        "Take 10^-12 from 0.",
    ):
        assert find_leak("math", "1/3", APPLES, [("student", "1e-20")], message).kind == ""
