"""Whole trainings of a tiny model: exact, resumable, and the same however they are cut."""

import gc
import json
import shutil
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tutelage.errors import OutputError, SettingsError
from tutelage.records import Gold
from tutelage.train import checkpoint, loop, metrics
from tutelage.train.learner import Learner
from tutelage.train.metrics import Alarms
from tutelage.train.recipe import Recipe, recipe

Train = Callable[..., Any]
FIXED = {"dtype": "fp32", "batch": 4, "lr": 3e-3}


@pytest.fixture
def run(runs: Any) -> str:
    """Twelve solved dialogues, four that were not, three for validation."""
    return str(
        runs.write(
            [
                *(runs.dialogue(n, turns=1 + n % 3) for n in range(12)),
                *(runs.dialogue(n, turns=3, solved=False) for n in range(12, 16)),
            ],
            validation=[runs.dialogue(n, turns=2) for n in range(20, 23)],
        )
    )


@pytest.fixture
def grouped(runs: Any, tokenizer: Any) -> str:
    """Four groups of four with a signal, one without; sampled tokens with log-probabilities."""

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        return ids, [-3.0 - 0.01 * i for i in range(len(ids))]

    members = (
        runs.dialogue(n, turns=1 + s % 3, sample=s, solved=n < 4 and s < 2, sampled=sampled)
        for n in range(5)
        for s in range(4)
    )
    return str(runs.write(members, name="groups"))


def weights(folder: str | Path) -> dict[str, torch.Tensor]:
    return dict(load_file(str(Path(folder) / "model.safetensors")))


def far(a: str | Path, b: str | Path) -> float:
    """Largest difference of two model folders' weights."""
    one, other = weights(a), weights(b)
    assert one.keys() == other.keys()
    return max(float((one[k] - other[k]).abs().max()) for k in one)


def test_sft_lowers_the_validation_loss_and_leaves_models_that_load(
    run: str, model_folder: str, tmp_path: Path, tokenizer: Any
):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "out"
    told: list[str] = []
    chosen = recipe("sft", run, str(out), model=model_folder, epochs=4, **FIXED)
    learner = loop.train(chosen, lambda event, _: told.append(event))
    lines = metrics.read(out)
    looked = [line["validation/loss"] for line in lines if "validation/loss" in line]
    assert len(looked) == 5 and looked[-1] < 0.8 * looked[0]
    assert {"validation/turn_1", "validation/turn_2"} <= lines[0].keys()
    steps = [line for line in lines if "lr" in line]
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert told.count("step") == 12 and told[-1] == "end"
    for name in ("last", "best"):
        loaded = AutoModelForCausalLM.from_pretrained(out / name)
        assert loaded.dtype == torch.float32
        again = AutoTokenizer.from_pretrained(out / name)
        assert again.chat_template == tokenizer.chat_template
        assert again("12 é")["input_ids"] == tokenizer("12 é")["input_ids"]
    kept = AutoModelForCausalLM.from_pretrained(out / "last").state_dict()
    for name, weight in learner.student.network.state_dict().items():
        torch.testing.assert_close(kept[name], weight)
    assert (out / "tensorboard").is_dir()
    modes = {(out / "last" / f).stat().st_mode for f in ("config.json", "model.safetensors")}
    assert len(modes) == 1  # who may read the one may read the other
    assert json.loads((out / "recipe.json").read_text())["found"]["samples"] == 12
    assert "lm_head.weight" not in weights(out / "last")  # tied, so stored once


def test_one_pass_of_eight_is_eight_passes_of_one(run: str, model_folder: str, tmp_path: Path):
    for pack in (8, 300, 100_000):
        given = FIXED | {"batch": 8, "epochs": 2, "pack": pack}
        loop.train(
            recipe("sft", run, str(tmp_path / str(pack)), model=model_folder, **given),
            lambda *_: None,
        )
    moved = far(model_folder, tmp_path / "8/last")
    assert moved > 5e-3
    for pack in (8, 300):
        assert far(tmp_path / f"{pack}/last", tmp_path / "100000/last") < 1e-3 * moved
        for one, other in zip(
            metrics.read(tmp_path / str(pack)), metrics.read(tmp_path / "100000"), strict=True
        ):
            name = "loss" if "loss" in one else "validation/loss"
            assert one[name] == pytest.approx(other[name], rel=1e-5)


class Stop(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("sft", {"epochs": 3}),
        ("sft", {"epochs": 3, "lora": 4}),
        ("rl", {"epochs": 3, "batch": 1, "beta": 0.1}),
        ("rl", {"epochs": 3, "batch": 1, "old": "start"}),
        ("rl", {"epochs": 3, "batch": 1, "beta": 0.1, "lora": 4}),
    ],
)
def test_resumed_is_uninterrupted(
    kind: Any, given: dict[str, Any], run: str, grouped: str, model_folder: str, tmp_path: Path
):
    """Killed in the middle of a step, some steps after the last saved state."""
    source = grouped if kind == "rl" else run
    given = FIXED | {"model": model_folder, "save_every": 2} | given

    def one(name: str) -> Recipe:
        return recipe(kind, source, str(tmp_path / name), **given)

    def kill(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == 5:
            raise Stop

    loop.train(one("whole"), lambda *_: None)
    with pytest.raises(Stop):
        loop.train(one("broken"), kill)
    begun: list[int] = []
    loop.train(one("broken"), lambda e, f: begun.append(f["step"]) if e == "begin" else None)
    assert begun == [4]
    assert far(tmp_path / "whole/last", tmp_path / "broken/last") <= 1e-6
    steps = [
        [(x["step"], round(x["loss"], 6)) for x in metrics.read(tmp_path / name) if "lr" in x]
        for name in ("whole", "broken")
    ]
    assert steps[0] == steps[1]
    finished: list[str] = []
    assert loop.train(one("broken"), lambda e, _: finished.append(e)) is None
    assert finished == ["finished"]


def test_an_interruption_saves_first(run: str, model_folder: str, tmp_path: Path):
    import os
    import signal

    def interrupt(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    chosen = recipe("sft", run, str(tmp_path / "out"), model=model_folder, epochs=3, **FIXED)
    with pytest.raises(KeyboardInterrupt):
        loop.train(chosen, interrupt)
    begun: list[int] = []
    loop.train(chosen, lambda e, f: begun.append(f["step"]) if e == "begin" else None)
    assert begun == [3]


def test_a_full_gpu_is_one_line_with_what_needs_less(
    run: str, model_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What was saved before stays, and the same command goes on from there."""
    true, steps = Learner.step, 0
    policies: weakref.WeakSet[Any] = weakref.WeakSet()

    def step(learner: Learner, *given: Any) -> Any:
        nonlocal steps
        steps += 1
        policies.add(learner.policy)
        if steps == 2:
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.1 "
                "GiB of which 14 MiB is free. Process 7 has 71 GiB memory in use.\nSee documentation"
            )
        return true(learner, *given)

    monkeypatch.setattr(Learner, "step", step)
    chosen = recipe("sft", run, str(tmp_path), model=model_folder, save_every=1, **FIXED)
    with pytest.raises(
        SettingsError, match=r"no room .*2\.00 GiB.*14 MiB is free.*--checkpointing"
    ) as e:
        loop.train(chosen, lambda *_: None)
    assert "\n" not in str(e.value)
    gc.collect()
    assert not policies, "who keeps the error keeps the model"
    done = checkpoint.progress(tmp_path)
    assert done is not None and done.step == 1
    loop.train(chosen, lambda *_: None)
    assert checkpoint.progress(tmp_path).finished  # type: ignore[union-attr]


def test_another_training_is_not_overwritten(run: str, model_folder: str, tmp_path: Path):
    out = str(tmp_path / "out")
    loop.train(recipe("sft", run, out, model=model_folder, **FIXED), lambda *_: None)
    other = FIXED | {"lr": 1e-4}
    with pytest.raises(SettingsError, match=r"lr: 0.003 -> 0.0001.*--fresh"):
        loop.train(recipe("sft", run, out, model=model_folder, **other), lambda *_: None)
    given = other | {"fresh": True}
    loop.train(recipe("sft", run, out, model=model_folder, **given), lambda *_: None)
    assert {line["lr"] for line in metrics.read(tmp_path / "out") if "lr" in line} <= {
        1e-4,
        5e-5,
    } | {loop.rate(step, 3, recipe("sft", run, out, **other)) for step in range(3)}


def test_rounds_lose_nothing_between_them(grouped: str, model_folder: str, tmp_path: Path):
    """Two trainings in one process, or through the disk, are the same; the optimiser goes on."""
    given = FIXED | {"batch": 2, "old": "start"}

    def one(name: str, **more: Any) -> Recipe:
        return recipe("rl", grouped, str(tmp_path / name), **(given | more))

    learner = loop.train(one("a1", model=model_folder), lambda *_: None)
    loop.train(one("a2", model=model_folder, seed=1), lambda *_: None, learner)
    loop.train(one("b2", carry=str(tmp_path / "a1"), seed=1), lambda *_: None)
    loop.train(one("c2", model=str(tmp_path / "a1/last"), seed=1), lambda *_: None)
    assert far(tmp_path / "a2/last", tmp_path / "b2/last") <= 1e-6
    assert far(tmp_path / "a2/last", tmp_path / "c2/last") > 1e-5  # without the optimiser's state


def test_rl_reports_what_it_skips_and_how_stale_the_rows_are(
    grouped: str, model_folder: str, tmp_path: Path
):
    dataset: dict[str, Any] = {}

    def watch(event: str, figures: dict[str, Any]) -> None:
        if event == "dataset":
            dataset.update(figures)

    out = tmp_path / "out"
    loop.train(recipe("rl", grouped, str(out), model=model_folder, **FIXED), watch)
    assert dataset["groups"] == 4 and dataset["samples"] == 16
    assert dataset["left_out"] == {"groups all unsolved": 1}
    assert dataset["return"] == pytest.approx(4 * (1 + 0.7) / 20)
    step = next(line for line in metrics.read(out) if "lr" in line)
    assert step["kl_sampler"] > 0.1 and 0 < step["clip_fraction"] < 1
    assert step["entropy"] > 0 and step["return"] == pytest.approx(1.7 / 4)


def test_on_policy_rows_have_ratio_1(grouped: str, model_folder: str, tmp_path: Path):
    out = tmp_path / "out"
    given = FIXED | {"old": "start"}
    loop.train(recipe("rl", grouped, str(out), model=model_folder, **given), lambda *_: None)
    step = next(line for line in metrics.read(out) if "lr" in line)
    assert step["ratio"] == pytest.approx(1, abs=1e-5)
    assert step["kl_sampler"] == pytest.approx(0, abs=1e-6) and step["clip_fraction"] == 0


@pytest.mark.parametrize("stored_at", [1.0, 0.5])
def test_the_temperature_is_found_out(
    stored_at: float, runs: Any, tokenizer: Any, model_folder: str, tmp_path: Path
):
    """Engines store log-probabilities before or after the temperature; both are told apart."""
    from transformers import AutoModelForCausalLM

    from tutelage.contract.tokens import Encoder
    from tutelage.records import Rules, Sampling

    model = AutoModelForCausalLM.from_pretrained(model_folder)
    dialogues = []
    for s in range(4):
        plain = runs.dialogue(3, turns=1, sample=s, solved=s < 2)
        piece = Encoder(tokenizer).sample(runs.rows([plain])[0]).pieces[0]
        with torch.no_grad():
            logits = model(torch.from_numpy(piece.ids)[None].long()).logits[0, :-1] / stored_at
        logp = logits.log_softmax(-1).gather(1, torch.from_numpy(piece.ids)[1:, None].long())[:, 0]
        trained = torch.from_numpy(piece.train)[1:]
        reply = replace(
            plain.messages[-1],
            token_ids=tuple(piece.ids[piece.train].tolist()),
            logprobs=tuple(logp[trained].tolist()),
        )
        rules = Rules(student=Sampling(temperature=0.5))
        dialogues.append(replace(plain, messages=(*plain.messages[:-1], reply), rules=rules))
    out = tmp_path / "out"
    source = runs.write(dialogues)
    loop.train(recipe("rl", source, str(out), model=model_folder, **FIXED), lambda *_: None)
    assert json.loads((out / "recipe.json").read_text())["found"]["temperature"] == stored_at
    step = next(line for line in metrics.read(out) if "lr" in line)
    assert step["kl_sampler"] == pytest.approx(0, abs=1e-6)


def test_the_single_turn_control_learns_every_problem_of_the_run_once(
    run: str, model_folder: str, tokenizer: Any
):
    chosen = recipe("sft", run, "", model=model_folder, control="single")
    dataset, _ = loop.prepared(chosen, model_folder)
    assert len(dataset.groups) == 16  # unsolved ones too: their gold solutions are known
    texts = {tokenizer.decode(s.pieces[0].ids.tolist()) for s in dataset.samples}
    assert (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 13 + 13?<|im_end|>\n"
        "<|im_start|>assistant\n13 + 13 = 26<|im_end|>"
    ) in texts
    piece = dataset.groups[0][0].pieces[0]
    assert tokenizer.decode(piece.ids[piece.train].tolist()).count("=") == 1


def test_what_was_marked_as_contaminated_is_left_out(runs: Any, model_folder: str):
    source = runs.write(runs.dialogue(n, sample=s, solved=s < 1) for n in (1, 2) for s in (0, 1))
    line = {"problem_id": runs.dialogue(2).problem.problem_id}
    (Path(source) / "contamination.jsonl").write_text(json.dumps(line) + "\n")
    for kind, rows in (("sft", 1), ("rl", 2)):
        chosen = recipe(kind, source, "", **({"old": "start"} if kind == "rl" else {}))
        dataset, _ = loop.prepared(chosen, model_folder)
        assert (len(dataset.groups), dataset.left_out["contaminated"]) == (1, rows)


def test_a_problem_without_a_gold_solution_teaches_the_control_nothing(
    runs: Any, model_folder: str
):
    known, tested, bare = (runs.dialogue(n) for n in (1, 2, 3))
    tests_only = replace(tested.problem, gold=Gold("tests", "", "{}"), solution="")
    answer_only = replace(bare.problem, solution="")  # would teach a bare number
    source = runs.write(
        [known, replace(tested, problem=tests_only), replace(bare, problem=answer_only)]
    )
    dataset, _ = loop.prepared(recipe("sft", source, "", control="single"), model_folder)
    assert (len(dataset.groups), dataset.left_out["no worked solution"]) == (1, 2)


@pytest.mark.parametrize(
    ("given", "left_out", "samples"),
    [
        ({}, {}, 12),
        ({"length": 150}, {"too long": 4, "validation: too long or untrained": 0}, 8),
        ({"loss": "after_feedback"}, {"no trained tokens": 4}, 8),
        ({"arms": ("retry",)}, {"other arm": 12}, 0),
        ({"limit": 5}, {}, 5),
    ],
)
def test_what_is_left_out_is_counted(
    given: dict[str, Any], left_out: dict[str, int], samples: int, run: str, model_folder: str
):
    chosen = recipe("sft", run, "", model=model_folder, **given)
    if not samples:
        with pytest.raises(SettingsError, match="12 other arm"):
            loop.prepared(chosen, model_folder)
        return
    dataset, encoder = loop.prepared(chosen, model_folder)
    told = loop.facts(dataset, encoder)
    assert told["samples"] == samples
    assert told["left_out"] == {reason: n for reason, n in left_out.items() if n}
    assert max(s.longest for s in dataset.samples) <= (chosen.length or 1024)


def test_a_long_dialogue_can_stop_the_run_and_is_never_cut(run: str, model_folder: str):
    chosen = recipe("sft", run, "", model=model_folder, length=150, too_long="refuse")
    with pytest.raises(SettingsError, match="the limit is 150"):
        loop.prepared(chosen, model_folder)


def test_rows_without_log_probabilities_are_refused_for_rl(runs: Any, model_folder: str):
    source = runs.write(runs.dialogue(1, sample=s, solved=s < 2) for s in range(4))
    with pytest.raises(SettingsError, match="without sampled tokens \\(see --old\\)"):
        loop.prepared(recipe("rl", source, "", model=model_folder), model_folder)
    dataset, _ = loop.prepared(
        recipe("rl", source, "", model=model_folder, old="start"), model_folder
    )
    assert len(dataset.groups) == 1


def sampled(tokenizer: Any) -> Callable[[str], tuple[list[int], list[float]]]:
    def ids_and_logprobs(text: str) -> tuple[list[int], list[float]]:
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        return ids, [-1.0] * len(ids)

    return ids_and_logprobs


def test_a_question_that_was_put_in_is_not_trained(runs: Any, tokenizer: Any, model_folder: str):
    given = {"turns": 2, "sampled": sampled(tokenizer)}
    members = [runs.dialogue(1, sample=s, solved=s < 2, **given) for s in range(4)]
    question = replace(members[2].messages[2], act="question")
    changed = (*members[2].messages[:2], question, *members[2].messages[3:])
    members[2] = replace(members[2], messages=changed, replaced=(members[2].messages[2],))
    source = runs.write(members)
    dataset, _ = loop.prepared(recipe("rl", source, "", model=model_folder), model_folder)
    group = sorted(dataset.groups[0], key=lambda s: s.key)
    turns = [set(s.pieces[0].turn[s.pieces[0].train].tolist()) for s in group]
    assert turns == [{1, 2}, {1, 2}, {2}, {1, 2}]


def test_a_group_is_learnt_from_whole_or_not_at_all(runs: Any, tokenizer: Any, model_folder: str):
    """Failures are the longest: without them the others would be praised for beating nobody."""
    how = sampled(tokenizer)
    members = [
        runs.dialogue(n, turns=1 if s < 2 else 4, sample=s, solved=s < 2, sampled=how)
        for n in range(3)
        for s in range(4)
    ]
    members[0] = runs.dialogue(0, turns=1, sample=0)  # its log-probabilities were lost
    members[-1] = replace(members[-1], outcome=replace(members[-1].outcome, status="failed"))
    source = runs.write(members)
    chosen = recipe("rl", source, "", model=model_folder)
    dataset, encoder = loop.prepared(chosen, model_folder)
    assert len(dataset.groups) == 2
    words = "groups with a member that is without sampled tokens (see --old)"
    assert loop.facts(dataset, encoder)["left_out"] == {"failed": 1, words: 1}
    assert dataset.partial == 1  # the one with three members left
    for group in dataset.groups:
        assert sum(s.weight for s in group) == pytest.approx(0, abs=1e-9)
    long = max(s.longest for s in dataset.samples)
    short = min(s.longest for s in dataset.samples)
    with pytest.raises(SettingsError, match=r"3 groups with a member that is too long.*--length"):
        loop.prepared(replace(chosen, length=(long + short) // 2), model_folder)


@pytest.mark.parametrize(("name", "value"), [("top_p", 0.9), ("top_k", 20), ("min_p", 0.05)])
def test_rl_refuses_truncated_sampling(
    name: str, value: float, runs: Any, model_folder: str, monkeypatch: pytest.MonkeyPatch
):
    """Stored log-probabilities are of a distribution that the policy does not have."""
    from tutelage.train import dataset

    source = runs.write(runs.dialogue(1, sample=s, solved=s < 2) for s in range(4))
    read = dataset.read_rows

    def truncated(*args: Any, **kwargs: Any) -> Any:
        for row in read(*args, **kwargs):
            row["sampling"]["student"] |= {name: value}
            yield row

    monkeypatch.setattr(dataset, "read_rows", truncated)
    with pytest.raises(SettingsError, match=f"{name} = {value}.*without it"):
        loop.prepared(recipe("rl", source, "", old="start"), model_folder)
    assert loop.prepared(recipe("sft", source, ""), model_folder)


def test_several_runs_are_one_training(runs: Any, model_folder: str):
    """What stands in two of them is learnt once; ids alone repeat with a run's seed."""
    one = runs.write([runs.dialogue(n) for n in range(3)], name="one")
    two = runs.write(
        [runs.dialogue(0), runs.dialogue(1, words="Hm. "), runs.dialogue(7)], name="two"
    )
    dataset, _ = loop.prepared(recipe("sft", [one, two], ""), model_folder)
    assert len(dataset.groups) == 5 and dataset.left_out["in an earlier run as well"] == 1
    grouped = [
        runs.write((runs.dialogue(1, sample=s, solved=s < 2) for s in range(4)), name=name)
        for name in ("three", "four")
    ]
    dataset, _ = loop.prepared(recipe("rl", grouped, "", old="start"), model_folder)
    assert [len(group) for group in dataset.groups] == [4, 4]


def test_failures_can_be_learnt_from_as_a_control(run: str, model_folder: str):
    dataset, _ = loop.prepared(recipe("sft", run, "", control="unfiltered"), model_folder)
    assert len(dataset.groups) == 16


@pytest.mark.parametrize(
    ("kind", "members", "words"),
    [
        ("sft", [{"solved": False}], "no dialogue of its training split was solved.*unfiltered"),
        ("rl", [{"solved": True}], "--samples 8"),
        ("rl", [{"sample": s, "solved": False} for s in range(4)], "--samples 16"),
        ("rl", [], "its training split is empty"),
    ],
)
def test_what_is_missing_is_said_with_the_option_that_gives_it(
    kind: Any, members: list[dict[str, Any]], words: str, runs: Any, model_folder: str
):
    source = runs.write([runs.dialogue(1, **given) for given in members], name="lacking")
    with pytest.raises(SettingsError, match=words):
        loop.prepared(recipe(kind, source, "", old="start"), model_folder)


def test_a_torn_state_is_one_line(run: str, model_folder: str, tmp_path: Path):
    """Whichever file of it is cut short; and nothing of another training is overwritten."""
    out = tmp_path / "out"
    chosen = recipe("sft", run, str(out), model=model_folder, save_every=1, epochs=2, **FIXED)

    def kill(event: str, figures: dict[str, Any]) -> None:
        if event == "step" and figures["step"] == 3:
            raise Stop

    with pytest.raises(Stop):
        loop.train(chosen, kill)
    for file in sorted((out / "state").iterdir()):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SettingsError, match="--fresh") as caught:
            loop.train(chosen, lambda *_: None)
        assert "\n" not in str(caught.value), file.name
        file.write_bytes(whole)
    begun: list[int] = []
    loop.train(chosen, lambda e, f: begun.append(f["step"]) if e == "begin" else None)
    assert begun == [2]


def test_the_weights_of_a_finished_training_are_written_again(
    run: str, model_folder: str, tmp_path: Path
):
    out = tmp_path / "out"
    chosen = recipe("sft", run, str(out), model=model_folder, **FIXED)
    loop.train(chosen, lambda *_: None)
    before = weights(out / "last")
    shutil.rmtree(out / "last")
    loop.train(chosen, lambda *_: None)
    assert all(torch.equal(weights(out / "last")[name], w) for name, w in before.items())


def test_a_state_is_saved_before_the_end_by_default(run: str, model_folder: str, tmp_path: Path):
    """After each epoch, and after half an hour."""
    for name, every, steps in (("epoch", 1e9, [3, 6]), ("hour", 0.0, [1, 2, 3, 4, 5, 6])):
        saved: list[int] = []

        def watch(event: str, figures: dict[str, Any], saved: list[int] = saved) -> None:
            if event == "saved" and figures["folder"].endswith("last"):
                saved.append(figures["step"])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "SAVE_S", every)
            chosen = recipe("sft", run, str(tmp_path / name), model=model_folder, epochs=2, **FIXED)
            loop.train(chosen, watch)
        assert saved == steps


def test_a_collapse_is_said_once(grouped: str, model_folder: str, tmp_path: Path):
    """Rows of another model, at a learning rate that ruins this one."""
    words: list[str] = []

    def watch(event: str, figures: dict[str, Any]) -> None:
        if event == "alarm":
            words.append(figures["words"])

    given = FIXED | {"lr": 0.05, "epochs": 4}
    loop.train(recipe("rl", grouped, str(tmp_path), model=model_folder, **given), watch)
    assert len(words) == len(set(words)) and any("rows are stale" in w for w in words)


def test_alarms_of_entropy_and_divergence():
    healthy = {"entropy": 2.0, "kl_sampler": 0.01, "kl_reference": 0.1, "clip_fraction": 0.1}
    alarms = Alarms()
    assert not alarms.signs(healthy) and not alarms.signs({})
    assert "narrows" in alarms.signs(healthy | {"entropy": 0.5})[0]
    assert not alarms.signs(healthy | {"entropy": 0.5})  # said already
    assert "reference" in alarms.signs(healthy | {"kl_reference": 0.9})[0]
    assert "clip" in alarms.signs(healthy | {"clip_fraction": 0.5})[0]


def test_recomputing_activations_changes_nothing(run: str, model_folder: str, tmp_path: Path):
    for checkpointing in (False, True):
        out = str(tmp_path / str(checkpointing))
        given = FIXED | {"checkpointing": checkpointing}
        loop.train(recipe("sft", run, out, model=model_folder, **given), lambda *_: None)
    assert far(tmp_path / "True/last", tmp_path / "False/last") <= 1e-6


def test_lora_is_merged_into_the_model_it_came_from(run: str, model_folder: str, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    out = tmp_path / "out"
    given = FIXED | {"lora": 4, "epochs": 2, "lr": 1e-2}
    learner = loop.train(recipe("sft", run, str(out), model=model_folder, **given), lambda *_: None)
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        mine = learner.student.network(ids).logits
        loaded = AutoModelForCausalLM.from_pretrained(out / "last")(ids).logits
        before = AutoModelForCausalLM.from_pretrained(model_folder)(ids).logits
    torch.testing.assert_close(mine, loaded, rtol=1e-4, atol=1e-4)
    assert (mine - before).abs().max() > 0.01
    assert (out / "last/adapter/adapter_model.safetensors").is_file()


def test_a_bfloat16_model_is_trained_in_float32_and_written_as_it_came(
    run: str, small: Any, tokenizer: Any, tmp_path: Path
):
    """An update far below bfloat16's precision is not lost between two trainings."""
    from transformers import AutoConfig

    source = tmp_path / "source"
    small.model(len(tokenizer)).to(torch.bfloat16).save_pretrained(source)
    tokenizer.save_pretrained(source)
    given = FIXED | {"lr": 1e-7, "schedule": "constant"}
    out = tmp_path / "out"
    loop.train(recipe("sft", run, str(out), model=str(source), **given), lambda *_: None)
    # from the state that it left, not from the weights that it wrote
    learner = Learner(recipe("sft", run, "", **given), str(source))
    learner.restore(out)
    assert {w.dtype for w in weights(out / "last").values()} == {torch.bfloat16}
    assert AutoConfig.from_pretrained(out / "last").dtype == torch.bfloat16
    moved = [
        float((a.float() - learner.policy.network.state_dict()[name]).abs().max())
        for name, a in weights(source).items()
    ]
    assert max(moved) > 1e-7


def test_an_output_folder_that_cannot_be_written_is_a_mistake(
    run: str, model_folder: str, tmp_path: Path
):
    (tmp_path / "file").write_text("")
    chosen = recipe("sft", run, str(tmp_path / "file/out"), model=model_folder)
    with pytest.raises(OutputError, match="cannot write"):
        loop.train(chosen, lambda *_: None)


def test_processes_that_begin_together_do_not_trip_over_each_other(tmp_path: Path):
    """`accelerate launch` has each of them try the output folder at the same moment."""

    def tries(_: int) -> None:
        for _ in range(200):
            checkpoint.writable(tmp_path / "out")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tries, range(8)))
    assert not list((tmp_path / "out").iterdir())


def test_a_second_training_in_the_same_folder_is_refused(
    run: str, model_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chosen = recipe("sft", run, str(tmp_path / "out"), model=model_folder, **FIXED)
    checkpoint.writable(tmp_path / "out")
    with checkpoint.alone(tmp_path / "out"):
        with pytest.raises(SettingsError, match=r"out is being written by process \d+"):
            loop.train(chosen, lambda *_: None)
        monkeypatch.setenv("RANK", "1")  # one of several processes of one training
        with checkpoint.alone(tmp_path / "out"):
            pass
    monkeypatch.delenv("RANK")
    loop.train(chosen, lambda *_: None)
