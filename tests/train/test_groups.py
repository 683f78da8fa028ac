"""Advantages of a group, by table and against a plain computation."""

from collections import Counter
from statistics import fmean, stdev
from typing import Any

import pytest

from tutelage.contract.groups import gathered, returned, speaking
from tutelage.train.loss import advantages


@pytest.mark.parametrize(
    ("returns", "floor", "expected"),
    [
        ([1.0, 0.0], 0.0, [0.5**0.5, -(0.5**0.5)]),
        ([1.0, 0.0], 1.0, [0.5, -0.5]),  # the floor stands in for a small deviation
        ([0.7, 0.7, 0.7], 0.1, [0.0, 0.0, 0.0]),
        ([1.0], 0.0, [0.0]),
        ([], 0.0, []),
    ],
)
def test_advantages(returns: list[float], floor: float, expected: list[float]):
    assert advantages(returns, floor) == pytest.approx(expected)


def test_advantages_have_mean_0_and_deviation_1():
    drawn = advantages([1.0, 0.7, 0.49, 0.343, 0.0, 0.0, 0.0, 0.0])
    assert fmean(drawn) == pytest.approx(0, abs=1e-12)
    assert stdev(drawn) == pytest.approx(1)


def test_groups_are_whole_and_those_without_a_signal_are_counted(runs: Any):
    dialogues = [
        *(runs.dialogue(1, solved=s != 1, sample=s) for s in (2, 0, 1)),  # says something
        *(runs.dialogue(2, solved=False, sample=s) for s in range(3)),
        *(runs.dialogue(3, solved=True, sample=s) for s in range(3)),
        runs.dialogue(4),
    ]
    rows = runs.rows(dialogues)
    failed = dict(rows[0], outcome=rows[0]["outcome"] | {"status": "failed"}, sample=9)
    left_out: Counter[str] = Counter()
    kept = speaking(gathered([*rows, failed], left_out), left_out)
    assert [[row["sample"] for row in group] for group in kept] == [[0, 1, 2]]
    assert left_out == {
        "failed": 1,
        "groups all unsolved": 1,
        "groups all solved alike": 1,
        "groups of one": 1,
    }


@pytest.mark.parametrize(("turns", "value"), [(1, 1.0), (2, 0.7), (3, 0.49), (4, 0.343)])
def test_the_return_follows_from_the_turn(turns: int, value: float, runs: Any):
    row = runs.rows([runs.dialogue(1, turns=turns)])[0]
    assert returned(row) == pytest.approx(value) == row["outcome"]["return"]
    assert returned(runs.rows([runs.dialogue(1, turns=turns, solved=False)])[0]) == 0
