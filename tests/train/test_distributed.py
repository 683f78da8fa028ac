"""Sharded = replicated = one process: losses, gradients, clipping, halts, and what is written."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import gradients
from tutelage.train import loop, metrics
from tutelage.train.learner import Learner
from tutelage.train.recipe import recipe

_SPEC = importlib.util.spec_from_file_location("gloo", Path(__file__).with_name("gloo.py"))
assert _SPEC and _SPEC.loader
gloo = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(gloo)

LAYOUTS = {"replicated": {}, "sharded": {"shard": True}}
PLAIN = {"dtype": "fp32", "lr": 3e-3, "batch": 8, "pack": 300, "max_grad_norm": 0.5}


@dataclass
class World:
    """What several processes did, and what one does of the same."""

    root: Path
    jobs: dict[str, dict[str, Any]]
    _alone: dict[str, dict[str, Any]] = field(default_factory=dict)

    def alone(self, name: str) -> dict[str, Any]:
        """The gradients of a job, by this process, which computes them once."""
        if name not in self._alone:
            job = dict(self.jobs[name])
            chosen = recipe(job.pop("kind"), job.pop("run"), "", **job)
            samples = loop.prepared(chosen, chosen.model)[0].samples
            figures, step = gradients.step(Learner(chosen, chosen.model), list(samples))
            self._alone[name] = step | {"figures": figures}
        return self._alone[name]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    make_runs: Any,
    small: Any,
    tokenizer: Any,
    model_folder: str,
) -> World:
    """Every job by two processes, replicated and sharded; what was halted goes on with three."""
    root = tmp_path_factory.mktemp("world")
    runs = make_runs(root)
    uneven = runs.write([runs.dialogue(n, turns=1 + n % 3) for n in range(7)], name="uneven")
    lone = runs.write([runs.dialogue(1)], name="lone")
    grouped = runs.write(
        (runs.dialogue(n, sample=s, solved=s < 2) for n in range(3) for s in range(4)),
        name="grouped",
    )
    seeing = root / "seeing"
    small.seeing(len(tokenizer)).save_pretrained(seeing)
    tokenizer.save_pretrained(seeing)
    plain = PLAIN | {"kind": "sft", "run": uneven, "model": model_folder}
    jobs = {
        "sft": plain,
        "lora": plain | {"lora": 4},
        "checkpointing": plain | {"checkpointing": True},
        "idle": plain | {"run": lone},
        "seeing": plain | {"model": str(seeing)},
    }
    trainings = {
        "rl": plain | {"kind": "rl", "run": grouped, "old": "start", "beta": 0.1, "batch": 1},
        "halted": plain | {"batch": 3, "epochs": 2, "stop": 2},
        "seen": plain | {"model": str(seeing), "batch": 3},
    }
    asked = [
        job | layout | {"out": "", "gradients": f"{root}/{name}-{title}"}
        for name, job in jobs.items()
        for title, layout in LAYOUTS.items()
    ]
    asked += [
        job | layout | {"out": f"{root}/{name}-{title}"}
        for name, job in trainings.items()
        for title, layout in LAYOUTS.items()
    ]
    goes_on = trainings["halted"] | {"stop": 0, "out": f"{root}/halted-sharded"}
    # as under an accelerate configuration with FSDP, which is taken for `shard`
    fsdp = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
    idle = plain | {"run": lone, "out": f"{root}/idle-3", "shard": True}
    gloo.run([gloo.World(asked, 2), gloo.World([goes_on, idle], 3, fsdp)], root)
    return World(root, jobs | trainings)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["sft", "lora", "checkpointing", "idle", "seeing"])
def test_loss_and_gradients_are_those_of_one_process(name: str, layout: str, world: World):
    alone = world.alone(name)
    for rank in (0, 1):
        several = torch.load(world.root / f"{name}-{layout}-{rank}")
        assert several.keys() == alone.keys()
        one, other = several["figures"], alone["figures"]
        assert one["trained_tokens"] == other["trained_tokens"] > 0
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-6)
        # of the whole gradient, before it is scaled down
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-5)
        assert other["grad_norm"] > 0.5
        total = 0.0
        for key, value in alone.items():
            if isinstance(value, torch.Tensor):
                torch.testing.assert_close(several[key], value, rtol=1e-4, atol=1e-7, msg=key)
                total += float(several[key].square().sum())
        assert total**0.5 == pytest.approx(0.5, rel=1e-4)  # clipped


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rl_against_the_starting_weights_takes_the_steps_of_one_process(
    layout: str, world: World, tmp_path: Path
):
    job = dict(world.jobs["rl"])
    kind, run = job.pop("kind"), job.pop("run")
    loop.train(recipe(kind, run, str(tmp_path / "one"), **job), lambda *_: None)
    one, several = (
        [line for line in metrics.read(folder) if "lr" in line]
        for folder in (tmp_path / "one", world.root / f"rl-{layout}")
    )
    assert len(one) == len(several) == 3
    for a, b in zip(one, several, strict=True):
        for figure in ("loss", "grad_norm", "entropy", "kl_reference", "ratio", "trained_tokens"):
            assert b[figure] == pytest.approx(a[figure], rel=1e-3, abs=1e-5), figure


def test_a_halted_training_goes_on_with_another_number_of_processes(world: World, tmp_path: Path):
    job = dict(world.jobs["halted"])
    kind, run = job.pop("kind"), job.pop("run")
    job.pop("stop")
    loop.train(recipe(kind, run, str(tmp_path / "one"), **job), lambda *_: None)
    lines = [line for line in metrics.read(world.root / "halted-sharded") if "lr" in line]
    assert [line["step"] for line in lines] == list(range(1, 7))
    assert len(metrics.read(world.root / "halted-replicated")) == 3  # that one was left
    one, several = (
        load_file(folder / "last/model.safetensors")
        for folder in (tmp_path / "one", world.root / "halted-sharded")
    )
    for name, weight in one.items():
        # Sums in another order; Adam makes steps of up to lr = 3e-3 of them.
        assert float((weight - several[name]).abs().max()) < 1e-4, name


def test_two_processes_have_nothing_to_do_beside_one_dialogue(world: World):
    (line,) = (line for line in metrics.read(world.root / "idle-3") if "lr" in line)
    assert line["samples"] == 1 and line["loss"] > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_model_that_also_sees_is_trained_where_text_goes_and_written_whole(
    layout: str, world: World
):
    """Its vision tower gets no gradient: frozen, it stops no exchange, and stays as it came."""
    from transformers import AutoModelForCausalLM

    lines = [line for line in metrics.read(world.root / f"seen-{layout}") if "lr" in line]
    assert len(lines) == 3
    before, after = (
        AutoModelForCausalLM.from_pretrained(folder).state_dict()
        for folder in (world.root / "seeing", world.root / f"seen-{layout}/last")
    )
    assert before.keys() == after.keys()
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    seen = {n for n in before if "vision" in n or "projector" in n}
    assert seen and moved == before.keys() - seen
