"""Intervals cover what they say, and differences are told from chance."""

import math

import numpy as np
import pytest

from tutelage import intervals


def test_wilson_is_scipys_at_every_count():
    from scipy import stats

    for total in (1, 7, 120):
        for successes in range(total + 1):
            ours = intervals.wilson(successes, total)
            theirs = stats.binomtest(successes, total).proportion_ci(0.95, method="wilson")
            assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_no_trials_say_nothing():
    nothing = intervals.wilson(0, 0)
    assert math.isnan(nothing.value) and (nothing.low, nothing.high) == (0, 1)
    assert math.isnan(intervals.ratio([0.0], [0.0]).value)


def test_the_mean_of_problems_has_the_error_of_a_mean():
    values = np.random.default_rng(3).uniform(size=400)
    found = intervals.mean(values)
    error = values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_a_share_without_spread_has_wilsons_interval():
    assert intervals.mean(np.zeros(10), is_share=True) == intervals.wilson(0, 10)
    assert intervals.mean(np.ones((2, 10)), is_share=True) == intervals.wilson(10, 10)
    assert intervals.mean(np.zeros(10)) == intervals.Interval(0, 0, 0)


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios():
    found = intervals.ratio([1, 0], [1, 9])
    assert found.value == pytest.approx(0.1)


def test_a_problem_that_a_seed_lacks_is_left_out_there_alone():
    found = intervals.mean([[1.0, math.nan], [0.0, 1.0]])
    assert found.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("seeds", [1, 3])
def test_nineteen_of_twenty_intervals_cover_the_truth(seeds):
    """Problems and trainings both vary; a seed shifts all of its problems together."""
    generator, covered, drawn = np.random.default_rng(seeds), 0, 300
    for trial in range(drawn):
        shift = generator.normal(0, 0.05, size=(seeds, 1)) if seeds > 1 else 0.0
        ability = generator.normal(0.4, 0.2, size=60)
        values = ability + shift + generator.normal(0, 0.2, size=(seeds, 60))
        covered += 0.4 in intervals.mean(values, draws=500, seed=trial)
    assert covered / drawn > 0.91


def test_a_bootstrap_of_seeds_alone_would_be_too_sure():
    """What the Student term is for: three seeds that differ give an interval wider than they do."""
    from scipy import stats

    values = np.repeat([[0.2], [0.5], [0.8]], 50, axis=1)
    found = intervals.mean(values)
    half = stats.t.ppf(0.975, 2) * 0.3 / math.sqrt(3)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.25)


def test_paired_differences_see_what_unpaired_ones_cannot():
    ability = np.random.default_rng(0).uniform(size=80)
    found = intervals.difference(ability + 0.01, ability, is_share=False)
    assert found.value == pytest.approx(0.01) and found.is_clear
    assert found.p == pytest.approx(2 / intervals.DRAWS)
    assert found.high - found.low < 1e-9


def test_no_difference_is_found_one_time_in_twenty():
    generator = np.random.default_rng(1)
    clear = sum(
        intervals.difference(*generator.normal(size=(2, 60)), draws=500, seed=trial).is_clear
        for trial in range(300)
    )
    assert clear / 300 < 0.09


def test_what_is_detectable_is_detected_four_times_in_five():
    from scipy import stats

    generator, seen = np.random.default_rng(2), 0
    true = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * math.sqrt(2 / 100)
    for trial in range(200):
        first, second = generator.normal(size=(2, 100))
        found = intervals.difference(first + true, second, draws=500, seed=trial)
        assert found.detectable == pytest.approx(true, rel=0.4)
        seen += found.is_clear
    assert 0.72 < seen / 200 < 0.88


def test_arms_of_one_training_differ_by_what_differs_within_it():
    """Seeds that lie far apart hide nothing where both arms were played by the same weights."""
    base = np.array([[0.1], [0.5], [0.9]]) * np.ones((3, 40))
    same = intervals.difference(base + 0.05, base, same_seeds=True, is_share=False)
    apart = intervals.difference(base + 0.05, base)
    assert same.is_clear and not apart.is_clear
    assert same.seeds == 3


def test_two_shares_that_never_differ_are_not_proven_equal():
    """Six problems that nobody solved say little, sixty say more."""
    few, many = (intervals.difference(np.zeros(n), np.zeros(n)) for n in (6, 60))
    assert few.high == pytest.approx(intervals.wilson(0, 6).high) and few.low == -few.high
    assert many.high < few.high and not few.is_clear and few.p == 1
    won = intervals.difference(np.ones(8), np.zeros(8))
    assert won.is_clear and (won.value, won.high) == (1, 1)


def test_mappings_are_compared_where_both_have_the_problem():
    found = intervals.paired({"a": 1.0, "b": 0.0, "c": 1.0}, {"a": 0.0, "b": 0.0, "d": 1.0})
    assert found.value == pytest.approx(0.5) and found.problems == 2
    assert intervals.paired({"a": 1.0}, {"b": 1.0}).problems == 0


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(ValueError, match="not the same problems"):
        intervals.difference([1, 2], [1, 2, 3])


def test_the_same_seed_draws_the_same():
    values = np.random.default_rng(5).uniform(size=(2, 30))
    assert intervals.mean(values) == intervals.mean(values)
    assert intervals.mean(values) != intervals.mean(values, seed=1)
