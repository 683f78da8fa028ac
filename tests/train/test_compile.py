"""Compiled layers are the plain ones, and a row of other lengths compiles nothing anew."""

import functools
import importlib
from typing import Any

import pytest
import torch

import gradients
from tutelage.contract.tokens import Encoder, Sample
from tutelage.train.learner import Learner
from tutelage.train.recipe import recipe


def gradient(
    folder: str, rows: list[list[Any]], **given: Any
) -> tuple[dict[str, torch.Tensor], list[int]]:
    """The sum of the gradients of these passes, each of which is a step; graphs after each."""
    chosen = recipe("sft", "", "", dtype="fp32", max_grad_norm=0.0, pack=10_000, **given)
    learner, total = Learner(chosen, folder), dict[str, torch.Tensor]()
    graphs = [torch._dynamo.utils.counters["stats"]["unique_graphs"]]
    for pieces in rows:
        samples = [Sample(str(n), (piece,)) for n, piece in enumerate(pieces)]
        for name, part in gradients.step(learner, samples)[1].items():
            total[name] = total.get(name, torch.zeros(())) + part
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    return total, graphs


@pytest.mark.parametrize("given", [{}, {"checkpointing": True}], ids=["plain", "checkpointing"])
def test_compiled_is_uncompiled(
    given: dict[str, Any], runs: Any, tokenizer: Any, model_folder: str, monkeypatch: Any
):
    """Four rows of other lengths and numbers of pieces, one of them alone; gradients to 1e-5.

    Where activations are computed again, the lone one comes first, and no C++ is made of the graphs,
    which takes most of the time.
    """
    encoder = Encoder(tokenizer)
    dialogues = runs.rows(runs.dialogue(n, turns=1 + n % 4) for n in range(8))
    pieces = [piece for row in dialogues for piece in encoder.sample(row).pieces]
    rows = [pieces[:3], pieces[3:5], pieces[2:7], pieces[7:]]
    if given:
        rows.reverse()
        compiling = functools.partial(torch.compile, backend="aot_eager")
        monkeypatch.setattr(torch, "compile", compiling)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    # C++ without vectors, whose headers take long
    with importlib.import_module("torch._inductor.config").patch({"cpp.vec_isa_ok": False}):
        compiled, graphs = gradient(model_folder, rows, compile=True, **given)
    none, first, *others = graphs
    assert none == 0 < first, "a model is examined as it is"
    assert set(others) == {first}, "a row of other lengths compiles nothing anew"
    plain, _ = gradient(model_folder, rows, **given)
    assert compiled.keys() == plain.keys()
    for name, one in compiled.items():
        assert (one - plain[name]).norm() <= 1e-5 * plain[name].norm() > 0, name
