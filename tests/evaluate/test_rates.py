"""Each rate against a dialogue that was counted by hand."""

import pytest

from rows import attempts, row
from tutelage.evaluate import rates

POSED = ("problem", "What is it?", {"turn": 0})


def test_a_repeat_is_the_wrong_answer_of_the_attempt_before():
    assert rates.repeats(attempts("4", "4", "5", "4", "4")) == (2, 4)
    assert rates.repeats(attempts("4")) == (0, 0)
    assert rates.repeats(attempts("", "", "")) == (0, 2), "nothing was answered twice"
    assert rates.repeats(attempts("4", "5", solved=2)) == (0, 1)


def test_a_question_between_two_equal_answers_does_not_hide_the_repeat():
    talk = [POSED, ("attempt", "4", {}), ("feedback", "No.", {}), ("question", "Why?", {}),
            ("feedback", "Because.", {}), ("attempt", "4", {})]  # fmt: skip
    assert rates.repeats(row(talk)) == (1, 1)
    assert rates.questions(row(talk)) == (1, 3)


@pytest.mark.parametrize(
    ("hint", "answer", "counted"),
    [
        ("Not yet: work out 27 - 5.", "22", (1, 1)),
        ("Not yet: work out 27 - 5.", "23", (0, 1)),
        ("First 2 * 3, then work out 27 - 5.", "22", (1, 1)),
        ("First 2 * 3, then work out 27 - 5.", "6", (0, 1)),
        ("Look at the second step.", "22", (0, 0)),
        ("You had 22.", "22", (0, 0)),
        ("Work out 1,000 * 3.", "3,000", (1, 1)),
        ("Work out 27 - 5.", "about x", (0, 1)),
    ],
)
def test_a_copy_only_works_out_the_expression_of_the_last_hint(hint, answer, counted):
    talk = [POSED, ("attempt", "4", {}), ("feedback", hint, {}), ("attempt", answer, {})]
    assert rates.copies(row(talk)) == counted


def test_an_expression_of_an_earlier_hint_is_not_copied():
    talk = [POSED, ("attempt", "4", {}), ("feedback", "Work out 2 + 2.", {}), ("attempt", "9", {}),
            ("feedback", "Look again.", {}), ("attempt", "4", {})]  # fmt: skip
    assert rates.copies(row(talk)) == (0, 1)


def test_a_solution_may_be_a_copy():
    hinted = [POSED, ("attempt", "4", {}), ("feedback", "Work out 27 - 5.", {}),
              ("attempt", "22", {"status": "correct"})]  # fmt: skip
    assert rates.copied_solutions(row(hinted, solved=2)) == (1, 1)
    assert rates.copied_solutions(row(hinted)) == (0, 0)
    assert rates.copied_solutions(attempts("4", "5", solved=2)) == (0, 1)


def test_a_question_is_answered_unless_the_user_knows_nothing_or_says_try_again():
    talk = [POSED, ("question", "How many?", {}), ("shard", "Nine.", {"shard": 1}),
            ("question", "What colour?", {}), ("feedback", "I don't know.", {"form": "lazy"}),
            ("question", "Why?", {}), ("feedback", "Try again.", {"form": "retry"}),
            ("question", "Where?", {})]  # fmt: skip
    assert rates.questions_answered(row(talk)) == (1, 3)


def test_an_answer_is_premature_while_a_shard_is_held_back():
    shards = ["a", "b", "c"]
    early = [("problem", "a", {"turn": 0, "shard": 0}), ("attempt", "4", {}),
             ("shard", "b", {"shard": 1}), ("attempt", "5", {}), ("shard", "c", {"shard": 2}),
             ("attempt", "6", {})]  # fmt: skip
    assert rates.premature(row(early, shards=shards)) == (1, 1)
    assert rates.early_attempts(row(early, shards=shards)) == (2, 3)
    patient = [("problem", "a", {"turn": 0, "shard": 0}), ("question", "b?", {}),
               ("shard", "b", {"shard": 1}), ("attempt", "Hm.", {"move": "discussion"}),
               ("shard", "c", {"shard": 2}), ("attempt", "6", {})]  # fmt: skip
    assert rates.premature(row(patient, shards=shards)) == (0, 1)
    assert rates.premature(row(early)) == (0, 0), "the problem was fully specified"


def test_leaks_are_counted_over_what_the_gate_looks_at():
    stands = {"leak": {"kind": "number", "action": "marked"}}
    cured = {"leak": {"kind": "number", "action": "regenerated"}}
    fell_back = {"form": "retry", "leak": {"kind": "number", "action": "fallback"}}
    talk = [POSED, ("attempt", "1", {}), ("feedback", "It is 4.", stands),
            ("attempt", "2", {}), ("feedback", "Look.", cured),
            ("attempt", "3", {}), ("feedback", "Try again.", {"form": "retry"}),
            ("attempt", "5", {}), ("feedback", "Try again.", fell_back),
            ("question", "Is it 4?", {})]  # fmt: skip
    assert rates.drafts_that_leak(row(talk)) == (3, 3)
    assert rates.leaks_that_stand(row(talk)) == (1, 3)
    assert rates.drafts_that_leak(row(talk, primed_turns=[5])) == (3, 4)


def test_moves_are_shares_of_the_student_turns():
    talk = [POSED, ("question", "How?", {}), ("feedback", "So.", {}), ("attempt", "4", {})]
    assert rates.moves(row(talk), "clarification") == (1, 2)
    assert rates.moves(row(talk), "answer") == (1, 2)
    assert rates.moves(row(talk), "refusal") == (0, 2)


def test_tokens_add_up_by_turn_and_stay_after_the_end():
    assert rates.tokens_by_turn(attempts("4", "5", solved=2, tokens=5), 4) == [5, 10, 10, 10]


def test_an_engine_without_token_ids_is_counted_by_its_usage():
    spent = attempts("4", "5", tokens=0)
    spent["usage"]["student"]["completion"] = 30
    assert rates.tokens_by_turn(spent, 3) == [15, 30, 30]


def test_every_named_rate_counts_any_dialogue():
    for one in (attempts("4"), attempts("4", "5", solved=2), row([POSED])):
        for name, rate in rates.RATES.items():
            above, below = rate.count(one)
            assert below >= 0 and (not rate.is_share or 0 <= above <= below), name
