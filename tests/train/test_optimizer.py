"""AdamW whose states take half the room: the same steps, but for rounding that adds up to nothing."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tutelage.errors import SettingsError
from tutelage.train import loop, metrics
from tutelage.train.optimizer import HalfAdamW, adamw, rounded
from tutelage.train.recipe import recipe


def descended(optimizer: str, steps: int = 300) -> tuple[torch.Tensor, float]:
    """Weights and loss of a noisy regression."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(40, 30))
    target = torch.randn(40, 30)
    kinds = {"half": HalfAdamW, "whole": torch.optim.AdamW}
    adam = kinds[optimizer]([{"params": [weight], "weight_decay": 0.01}], lr=0.02)
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randn(16, 40, generator=draw)
        loss = (x @ (weight - target)).square().mean()
        loss.backward()
        adam.step()
        adam.zero_grad()
    return weight.detach() - target, float((weight.detach() - target).square().mean())


def test_states_in_bfloat16_descend_like_those_in_float32():
    (half, lost), (whole, least) = descended("half"), descended("whole")
    assert lost < 0.1 and lost < 1.1 * least + 1e-3
    assert float((half - whole).norm() / whole.norm()) < 0.1


def test_rounding_by_chance_is_right_on_average_and_moves_by_what_bfloat16_cannot():
    torch.manual_seed(0)
    values = torch.full((200_000,), 1.0 + 1e-3)  # bfloat16 has 1 and 1.0078
    mean = float(rounded(values).float().mean())
    assert mean == pytest.approx(1.001, abs=2e-4)
    assert float(values.bfloat16().float().mean()) == 1.0  # to the nearest, it is lost
    assert torch.equal(rounded(torch.tensor([0.5, -2.0, 0.0])).float(), torch.tensor([0.5, -2, 0]))


def test_states_are_half_as_large():
    weight = torch.nn.Parameter(torch.ones(8, 8))
    adam = adamw(recipe("sft", "", "", states="bf16"), [weight])
    weight.sum().backward()
    adam.step()
    assert {t.dtype for t in adam.state[weight].values() if t.ndim} == {torch.bfloat16}


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchao.optim", None)
    with pytest.raises(SettingsError, match="pip install torchao"):
        adamw(recipe("sft", "", "", states="8bit"), [torch.nn.Parameter(torch.ones(2, 2))])


@pytest.mark.skipif(not find_spec("torchao"), reason="torchao is not installed")
def test_eight_bits_learn_what_32_do_and_go_on_from_a_state(
    runs: Any, small: Any, tokenizer: Any, tmp_path: Path
):
    """Of a model whose weights have thousands of numbers: smaller ones keep their float32."""
    folder = tmp_path / "model"
    small.model(len(tokenizer), hidden_size=64, intermediate_size=256).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    run = runs.write(runs.dialogue(n, turns=1 + n % 3) for n in range(12))
    given = {"model": str(folder), "dtype": "fp32", "batch": 4, "lr": 3e-3, "save_every": 2}

    class Stop(Exception):
        pass

    def kill(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == 5:
            raise Stop

    def losses(name: str, states: Any) -> list[float]:
        chosen = recipe("sft", run, str(tmp_path / name), states=states, epochs=4, **given)
        if name == "broken":
            with pytest.raises(Stop):
                loop.train(chosen, kill)
        loop.train(chosen, lambda *_: None)
        return [line["loss"] for line in metrics.read(tmp_path / name) if "lr" in line]

    full, eight, broken = (
        losses(*pair) for pair in (("32", "fp32"), ("8", "8bit"), ("broken", "8bit"))
    )
    assert eight[-1] < 0.5 * eight[0]
    assert eight == pytest.approx(full, rel=0.1)
    assert broken == pytest.approx(eight, rel=1e-3)
