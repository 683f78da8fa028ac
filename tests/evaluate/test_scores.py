"""Curves, areas and lifts against numbers worked out by hand, and against simulated students."""

import math

import numpy as np
import pytest

from rows import attempts
from tutelage import intervals
from tutelage.evaluate import rates
from tutelage.evaluate.lift import lift, reached
from tutelage.evaluate.scores import Scores, curve, scores, share


def played(*solved: int | None, problem: str = "p", tokens: int = 5, turns: int = 4, **more):
    """One dialogue a sample of this problem, solved at that turn or never."""
    return [
        attempts(*["x"] * (at or turns), problem=problem, solved=at, tokens=tokens, **more)
        for at in solved
    ]


def test_the_curve_is_a_mean_over_problems_of_means_over_samples():
    rows = played(1, 3, problem="a") + played(None, problem="b")
    found = scores([rows], 4)
    assert found.problems == ("a", "b")
    assert found.solved[0].tolist() == [[0.5, 0.5, 1, 1], [0, 0, 0, 0]]
    assert [point.value for point in curve(found)] == [0.25, 0.25, 0.5, 0.5]
    assert found.area().mean() == pytest.approx(0.375)
    assert found.gain().mean() == pytest.approx(0.25)


def test_tokens_stop_where_a_dialogue_ends():
    found = scores([played(1, 3, tokens=4)], 4)
    assert found.tokens[0, 0].tolist() == [4, 6, 8, 8]


def test_a_seed_that_lacks_a_problem_leaves_its_cell_open():
    found = scores([played(1, problem="a") + played(2, problem="b"), played(None, problem="a")], 2)
    assert np.isnan(found.solved[1, 1]).all()
    assert [point.value for point in curve(found)] == pytest.approx([1 / 3, 2 / 3])


def test_shares_are_of_sums_over_the_dialogues():
    rows = [attempts("4", "4", problem="a"), attempts("4", "5", "6", "6", "6", problem="b")]
    assert share([rows], rates.repeats).value == pytest.approx(3 / 5)


def test_lift_at_equal_turns_and_at_equal_tokens():
    """The wordy arm is right more often by turn 2; at the other's tokens, it is behind.

    By turn 2 it has spent 20 tokens and solved half; the short one 9, and solved half at turn 1. At
    9 tokens the wordy one is still in its first turn, in which it solves nothing.
    """
    wordy = [row for p in "abcd" for row in played(2, None, problem=p, tokens=10, turns=2)]
    short = [row for p in "abcd" for row in played(1, None, problem=p, tokens=6, turns=2)]
    found = lift(scores([wordy], 2), scores([short], 2))
    assert found is not None
    assert found.budget == pytest.approx(9)
    assert [point.value for point in found.by_turn] == [-0.5, 0]
    assert found.equal_tokens.value == pytest.approx(0 - 0.5)


def test_reached_is_linear_between_turns_and_flat_after_the_last():
    solved, tokens = np.array([[0.2, 0.6]]), np.array([[10.0, 20.0]])
    for budget, wanted in ((0, 0), (5, 0.1), (10, 0.2), (15, 0.4), (20, 0.6), (99, 0.6)):
        assert reached(solved, tokens, np.array([float(budget)]))[0] == pytest.approx(wanted)


def test_conditions_are_compared_on_the_problems_of_both():
    one = scores([played(1, problem="a") + played(1, problem="b")], 2)
    other = scores([played(None, problem="b", turns=2) + played(1, problem="c")], 2)
    found = lift(one, other)
    assert found is not None and found.last.problems == 1 and found.last.value == 1
    assert lift(one, scores([played(1, problem="z")], 2)) is None


def test_other_numbers_of_turns_are_refused():
    with pytest.raises(ValueError, match="turns differ"):
        lift(scores([played(1)], 2), scores([played(1)], 3))


def simulated(generator, chances, problems: int = 100, samples: int = 1, **more):
    """Dialogues of a student that is right at turn t with chance `chances[t]`."""
    rows = []
    for number in range(problems):
        for _ in range(samples):
            right = generator.uniform(size=len(chances)) < chances
            at = int(right.argmax()) + 1 if right.any() else None
            rows += played(at, problem=f"p{number}", turns=len(chances), **more)
    return rows


def test_a_known_curve_lies_inside_its_intervals_in_95_of_100_seeds():
    """Each point of the curve, over 100 students that are drawn from the same chances."""
    chances = np.array([0.1, 0.2, 0.2, 0.3])
    truth = 1 - np.cumprod(1 - chances)
    inside = np.zeros(len(chances))
    for seed in range(100):
        found = scores([simulated(np.random.default_rng(seed), chances)], len(chances))
        inside += [right in point for right, point in zip(truth, curve(found), strict=True)]
    assert inside.mean() >= 93 and inside.min() >= 90


def test_a_student_that_ignores_feedback_has_no_lift_and_one_that_uses_it_has():
    ignoring, using = np.array([0.15] * 4), np.array([0.15, 0.45, 0.45, 0.45])
    false, true = 0, 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        retry = scores([simulated(generator, ignoring)], 4)
        same = lift(scores([simulated(generator, ignoring)], 4), retry)
        more = lift(scores([simulated(generator, using)], 4), retry)
        assert same is not None and more is not None
        false += same.last.is_clear + same.equal_tokens.is_clear
        true += more.last.is_clear and more.equal_tokens.is_clear
    assert false <= 5
    assert true == 20


def test_trainings_are_compared_in_pairs_where_both_sides_have_as_many():
    generator = np.random.default_rng(0)
    low = [simulated(generator, np.array([0.1, chance]), 40) for chance in (0.1, 0.4, 0.7)]
    same, fewer = lift(scores(low, 2), scores(low, 2)), lift(scores(low, 2), scores(low[:2], 2))
    assert same is not None and fewer is not None
    assert same.last.high - same.last.low < fewer.last.high - fewer.last.low
    assert (same.last.seeds, fewer.last.seeds) == (3, 2) and math.isclose(same.last.value, 0)


def test_pairs_of_trainings_with_nothing_in_common_are_not_clearer_than_they_are():
    clear = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        sides = [
            scores(
                [simulated(generator, np.array([0.1, generator.uniform(0.1, 0.7)]), 40)
                 for _ in range(4)], 2,
            )
            for _ in range(2)
        ]  # fmt: skip
        lifted = lift(*sides)
        assert lifted is not None
        clear += lifted.last.is_clear
    assert clear <= 8, "one in twenty is expected"


def test_over_keeps_the_order_that_was_asked_for():
    found = Scores(("a", "b"), np.arange(4.0).reshape(1, 2, 2), np.zeros((1, 2, 2)))
    assert found.over(["b", "a"]).solved[0].tolist() == [[2, 3], [0, 1]]
    assert isinstance(curve(found)[0], intervals.Interval)
