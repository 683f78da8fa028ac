"""Our numbers are TRL's: loss and gradient of the same batch under its own trainers' code."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import gradients
from tutelage.contract.tokens import Encoder, Sample
from tutelage.train import loss
from tutelage.train.learner import Learner
from tutelage.train.recipe import Recipe, recipe

LENGTH = 512
RTOL = 1e-4

Gradients = dict[str, torch.Tensor]


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    for name in ("datasets", "trl"):
        pytest.importorskip(name)
    from trl import import_utils

    with pytest.MonkeyPatch.context() as patch:  # no vLLM plays here; its import takes seconds
        patch.setattr(import_utils, "is_vllm_available", lambda **_: False)
        from trl import GRPOTrainer  # noqa: F401


def step(chosen: Recipe, folder: str, samples: list[Sample]) -> tuple[dict[str, Any], Gradients]:
    """Figures and gradient of a step: the learner's own, with the optimiser held still."""
    return gradients.step(Learner(chosen, folder), samples)


def same(value: float, ours: Gradients, other: torch.Tensor, model: Any) -> None:
    assert value == pytest.approx(float(other), rel=RTOL, abs=1e-9)
    for name, weight in model.named_parameters():
        scale = float(weight.grad.norm())
        assert scale > 0, f"{name} has no gradient: nothing is compared"
        assert float((ours[name] - weight.grad).norm()) <= RTOL * scale, name


def plain(kind: Any, folder: str, **given: Any) -> Recipe:
    fixed = {"dtype": "fp32", "max_grad_norm": 0.0, "length": LENGTH, "pack": 300}
    return recipe(kind, "", "", model=folder, **(fixed | given))


@pytest.mark.parametrize("pack", [8, 300, 10_000])
def test_sft_is_trls(pack: int, runs: Any, tokenizer: Any, model_folder: str, tmp_path: Any):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    rows = runs.rows(runs.dialogue(n, turns=1 + n % 4) for n in range(6))
    samples = [Encoder(tokenizer).sample(row) for row in rows]
    figures, gradient = step(plain("sft", model_folder, pack=pack), model_folder, samples)

    config = SFTConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=len(rows),
        assistant_only_loss=True,
        max_length=None,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32),
        args=config,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"messages": row["messages"]} for row in rows]),
    )
    trainer.model.train()
    batch = next(iter(trainer.get_train_dataloader()))
    assert (batch["labels"] != -100).sum() == sum(sample.trained for sample in samples)
    theirs = trainer.compute_loss(trainer.model, batch)
    theirs.backward()
    same(figures["loss"], gradient, theirs.detach(), trainer.model)


def completions(samples: list[Sample], pad: int) -> dict[str, torch.Tensor]:
    """The samples as TRL has them: prompts padded on the left, completions on the right."""
    pieces = [sample.pieces[0] for sample in samples]
    first = [int(piece.train.argmax()) for piece in pieces]
    left = max(first)
    right = max(len(piece) - f for piece, f in zip(pieces, first, strict=True))

    def filled(width: int, value: float, put: Callable[[Any, Any, int], None]) -> torch.Tensor:
        made = torch.full((len(pieces), width), value)
        for line, piece, f in zip(made, pieces, first, strict=True):
            put(line, piece, f)
        return made

    def prompt(line: Any, piece: Any, f: int) -> None:
        line[left - f :] = torch.from_numpy(piece.ids[:f])

    def completion(values: Callable[[Any], Any]) -> Callable[[Any, Any, int], None]:
        def put(line: Any, piece: Any, f: int) -> None:
            line[: len(piece) - f] = torch.as_tensor(values(piece)[f:])

        return put

    prompts = filled(left, -1, prompt).long()
    ids = filled(right, -1, completion(lambda piece: piece.ids)).long()
    return {
        "prompt_ids": prompts.masked_fill(prompts < 0, pad),
        "prompt_mask": (prompts >= 0).long(),
        "completion_ids": ids.masked_fill(ids < 0, pad),
        "completion_mask": (ids >= 0).long(),
        "tool_mask": filled(right, 0, completion(lambda piece: piece.train)).long(),
        "old_per_token_logps": filled(right, 0.0, completion(lambda p: p.logprobs)).nan_to_num(),
        "advantages": torch.tensor([sample.weight for sample in samples]),
    }


@pytest.mark.parametrize(
    ("normaliser", "theirs", "beta", "ratio", "corrected"),
    [
        ("sequence", "grpo", 0.0, "token", False),
        ("sequence", "grpo", 0.3, "token", True),
        ("sequence", "grpo", 0.0, "sequence", False),  # GSPO
        ("token", "dapo", 0.3, "token", False),
        ("constant", "dr_grpo", 0.3, "token", False),
    ],
)
def test_grpo_is_trls(
    normaliser: str,
    theirs: str,
    beta: float,
    ratio: str,
    corrected: bool,
    runs: Any,
    small: Any,
    tokenizer: Any,
    model_folder: str,
    tmp_path: Any,
):
    """Off policy, so that ratios differ from 1 and many of them are clipped."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    torch.manual_seed(1)

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        return ids, (-6 + torch.randn(len(ids))).tolist()

    rows = runs.rows(
        runs.dialogue(n, turns=1 + s, sample=s, solved=s % 2 == 0, sampled=sampled)
        for n in range(2)
        for s in range(4)
    )
    weights = [1.2, -0.9, 0.4, -0.7, -1.3, 0.8, 0.0, 0.5]
    samples = [Encoder(tokenizer).sample(r, "", w) for r, w in zip(rows, weights, strict=True)]
    weighing = []
    for i, sample in enumerate(samples if corrected else ()):
        (piece,) = sample.pieces
        off = np.where(piece.train, 0.5 * np.sin(np.arange(len(piece))), np.nan)
        start = np.where(piece.train, piece.logprobs, np.nan)
        # what the trainer made of the very tokens is `off` from what the sampler did
        weighing.append(loss.truncated(start, start - off, 1.2))
        samples[i] = replace(sample, pieces=(replace(piece, correction=weighing[-1]),))
    reference = str(tmp_path / "reference")
    small.model(len(tokenizer), seed=5).save_pretrained(reference)
    given = {"normaliser": normaliser, "beta": beta, "reference": reference, "ratio": ratio}
    chosen = plain("rl", model_folder, **given)
    figures, gradient = step(chosen, model_folder, samples)
    assert 0.1 < figures["clip_fraction"] < 0.9

    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=len(rows),
            num_generations=4,
            max_completion_length=LENGTH,
            loss_type=theirs,
            beta=beta,
            importance_sampling_level=ratio,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
        ),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": row["messages"][:2]} for row in rows]),
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    batch = completions(samples, tokenizer.pad_token_id)
    batch["num_items_in_batch"] = batch["tool_mask"].sum()
    if beta:
        ids, mask = (
            torch.cat([batch[f"prompt_{k}"], batch[f"completion_{k}"]], 1) for k in ("ids", "mask")
        )
        trainer.ref_model.load_state_dict(small.model(len(tokenizer), seed=5).state_dict())
        with torch.no_grad():
            batch["ref_per_token_logps"] = trainer._get_per_token_logps_and_entropies(
                trainer.ref_model, ids, mask, batch["completion_ids"].size(1)
            )[0]
    if corrected:
        trainer.use_vllm, trainer.vllm_importance_sampling_correction = True, True
        width = batch["completion_ids"].shape[1]
        ratios = torch.ones(len(samples), width)
        for line, sample, weights_ in zip(ratios, samples, weighing, strict=True):
            first = int(sample.pieces[0].train.argmax())
            own = torch.from_numpy(weights_[first:]).float().nan_to_num(1.0)
            line[: len(own)] = own
        batch["importance_sampling_ratio"] = ratios
    value = trainer._compute_loss(trainer.model, batch)
    value.backward()
    same(figures["loss"], gradient, value.detach(), trainer.model)
