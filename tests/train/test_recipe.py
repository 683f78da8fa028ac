"""Recipes: defaults by kind, and what a person can get wrong."""

from typing import Any

import pytest

from tutelage.contract.tokens import Piece, Sample
from tutelage.errors import SettingsError
from tutelage.train.loop import rate
from tutelage.train.loss import coefficients
from tutelage.train.recipe import default, recipe


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 0}, "epochs: wanted at least 1, got 0"),
        ({"lr": 0.0}, "lr: wanted a number above 0"),
        ({"schedule": "cosin"}, "schedule: wanted one of"),
        (
            {"batch_size": 3},
            "no setting of a training is called 'batch_size', the nearest is 'batch",
        ),
        ({"beta": -0.1}, "beta: wanted at least 0, got -0.1"),
        ({"loss": "everything"}, "loss: wanted one of"),
        ({"kind": "rl", "control": "single"}, "rl has failures, and a solution no return"),
    ],
)
def test_mistakes_name_what_was_wanted_and_got(given: dict[str, Any], words: str):
    kind = given.pop("kind", "sft")
    with pytest.raises(SettingsError, match=words):
        recipe(kind, "run", "out", **given)


def test_a_training_stays_on_this_machine():
    with pytest.raises(SettingsError, match=r"a folder on this machine, got gs://bucket/out"):
        recipe("sft", "gs://bucket/run", "gs://bucket/out")


def test_defaults_differ_by_kind():
    assert (default("sft", "normaliser"), default("rl", "normaliser")) == ("token", "sequence")
    assert recipe("rl", "r", "o").lr < recipe("sft", "r", "o").lr
    assert default("rl", "beta") == 0  # as in the paper


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1.0] * 10),
        ("constant_with_warmup", [0.5, 1.0, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
    ],
)
def test_the_learning_rate_is_a_function_of_the_step(schedule: str, expected: list[float]):
    chosen = recipe("sft", "r", "o", lr=1.0, warmup=0.2, schedule=schedule)
    # the second rising step reaches the top, and the fall begins there
    assert [rate(step, 10, chosen) for step in range(10)] == pytest.approx(expected)


def test_a_cosine_falls_from_the_top_to_nearly_nothing():
    chosen = recipe("sft", "r", "o", lr=1.0, warmup=0.0, schedule="cosine")
    drawn = [rate(step, 100, chosen) for step in range(100)]
    assert drawn[0] == 1.0 and drawn[50] == pytest.approx(0.5) and 0 < drawn[-1] < 1e-3
    assert drawn == sorted(drawn, reverse=True)


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        ("token", [1 / 8, 1 / 8]),
        ("sequence", [1 / (2 * 2), 1 / (2 * 6)]),
        ("constant", [1 / (2 * 100), 1 / (2 * 100)]),
    ],
)
def test_coefficients_sum_over_the_step_as_they_say(normaliser: Any, expected: list[float]):
    import numpy as np

    def piece(n: int) -> Piece:
        train = np.array([False] + [True] * n)
        blank = np.zeros(n + 1)
        return Piece(
            blank.astype(np.int32), train, train.astype(np.int16), blank.astype(np.float32)
        )

    samples = [Sample("a", (piece(2),)), Sample("b", (piece(4), piece(2)))]  # b is two pieces
    assert coefficients(samples, normaliser, 100) == pytest.approx(expected)
