"""Compiled layers are the plain ones, and a row of other lengths compiles nothing anew."""

from typing import Any

import pytest
import torch

from tutelage.contract.tokens import Encoder
from tutelage.train import packing
from tutelage.train.learner import Learner
from tutelage.train.packing import WeightedSequence
from tutelage.train.recipe import recipe


def gradients(folder: str, rows: list[list[Any]], **given: Any) -> list[torch.Tensor]:
    learner = Learner(recipe("sft", "", "", dtype="fp32", **given), folder)
    for pieces in rows:
        row = packing.packed([WeightedSequence(piece, 1.0, 1.0) for piece in pieces])
        learner._loss(row)[0].backward()
    return [weight.grad for weight in learner.policy.parameters()]


@pytest.mark.parametrize("given", [{}, {"checkpointing": True}], ids=["plain", "checkpointing"])
def test_compiled_is_uncompiled(
    given: dict[str, Any], runs: Any, tokenizer: Any, model_folder: str, tmp_path: Any
):
    """Four rows of other lengths and numbers of pieces, one of them alone; gradients to 1e-5."""
    encoder = Encoder(tokenizer)
    dialogues = runs.rows(runs.dialogue(n, turns=1 + n % 4) for n in range(8))
    pieces = [piece for row in dialogues for piece in encoder.sample(row).pieces]
    rows = [pieces[:3], pieces[3:5], pieces[2:7], pieces[7:]]
    torch._dynamo.reset()
    compiled = gradients(model_folder, rows, compile=True, **given)
    counted = torch._dynamo.utils.counters
    assert counted["stats"]["unique_graphs"] > 0  # something was compiled
    before = counted["stats"]["unique_graphs"]
    gradients(model_folder, rows[::-1], compile=True, **given)
    assert counted["stats"]["unique_graphs"] <= 2 * before  # once a model, not once a row
    for one, other in zip(compiled, gradients(model_folder, rows, **given), strict=True):
        assert (one - other).norm() <= 1e-5 * other.norm()
