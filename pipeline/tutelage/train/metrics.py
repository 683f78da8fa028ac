"""Figures of a training: one JSON line per step, the same for TensorBoard and, on request, Weights
& Biases (accelerate's trackers); warnings that RL is going wrong; the utilisation of the machine.

FLOPs are counted as in PaLM (arXiv 2204.02311, appendix B): a multiplication and an addition per
weight and token forward, twice that backward. Recomputation to save memory does not count, nor do
gradients of frozen weights.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from tutelage.errors import SettingsError

FILE = "metrics.jsonl"


class Metrics:
    """Writes figures. Only the main process has one."""

    def __init__(self, out: Path, step: int, wandb: str = "", recipe: Any = None) -> None:
        """Continues after `step`: lines of later steps, left by a kill, are dropped."""
        from accelerate.tracking import TensorBoardTracker, WandBTracker

        if wandb and not find_spec("wandb"):
            raise SettingsError("wandb is not installed: pip install wandb, or leave it out")
        kept = [line for line in read(out) if line["step"] <= step] if step else []
        self._file = (out / FILE).open("w", encoding="utf-8", buffering=1)
        self._file.writelines(json.dumps(line) + "\n" for line in kept)
        self._trackers: list[Any] = []
        if find_spec("tensorboard"):
            purged = {"purge_step": step + 1} if step else {}
            self._trackers.append(TensorBoardTracker("tensorboard", out, **purged))
        if wandb:
            options = {"dir": str(out), "config": recipe, "resume": "allow"}
            self._trackers.append(WandBTracker(wandb, **options))
        for tracker in self._trackers:
            tracker.start()

    def write(self, step: int, figures: Mapping[str, Any]) -> None:
        """Writes one line; values that are not numbers go to the file only."""
        self._file.write(json.dumps({"step": step, **figures}) + "\n")
        numbers = {k: v for k, v in figures.items() if isinstance(v, int | float)}
        for tracker in self._trackers:
            tracker.log(numbers, step)

    def close(self) -> None:
        """Closes the file and the trackers."""
        self._file.close()
        for tracker in self._trackers:
            tracker.finish()


def read(out: Path) -> list[dict[str, Any]]:
    """The lines of a training's metrics, without one that a kill cut short."""
    lines = (out / FILE).read_text("utf-8").splitlines() if (out / FILE).is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


SIGNS = {
    "entropy": (-0.3, "entropy fell below 30% of the start's: the policy narrows; lower --lr, or "
                "give --beta 0.05"),
    "kl_sampler": (0.1, "the policy is more than 0.1 nats a token from the one that sampled: rows "
                   "are stale or of another model; train on newer ones, or lower --lr"),
    "kl_reference": (0.5, "the policy is more than 0.5 nats a token from the reference: raise "
                     "--beta, or lower --lr"),
    "clip_fraction": (0.3, "the clip cuts off more than 30% of the tokens: lower --lr"),
}  # fmt: skip
"""Figure -> (limit, warning). A negative limit -s means: below the share s of the first value."""


class Alarms:
    """Checks the figures of RL after each step; gives each warning once. Thresholds are round
    numbers.

    In a toy world, GRPO from an untrained start, at a high learning rate and without a KL term,
    collapsed within 50 steps: first entropy fell, then returns.
    """

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._raised: set[str] = set()

    def signs(self, figures: Mapping[str, Any]) -> list[str]:
        """The warnings after this step."""
        warnings = []
        for name in sorted(SIGNS.keys() & figures.keys() - self._raised):
            limit, text = SIGNS[name]
            value, first = figures[name], self._first.setdefault(name, figures[name])
            if value > limit if limit > 0 else value < -limit * first:
                self._raised.add(name)
                warnings.append(text)
        return warnings


PEAKS = {
    "B200": 2250e12, "H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12,
    "L40S": 362e12, "L4": 121e12, "A10G": 70e12, "RTX 4090": 165e12, "T4": 65e12,
}  # fmt: skip
"""Dense 16-bit FLOP/s by a part of the device's name, as published by the manufacturers."""


@dataclass(frozen=True, slots=True)
class Work:
    """Floating-point operations of a model, forward and backward: per token; additionally per
    trained token (the last layer runs only for those); and per pair of tokens that attend to each
    other.
    """

    token: float
    trained: float
    pair: float

    def of(self, lengths: Sequence[int], trained: int) -> float:
        """FLOPs for pieces of these lengths with `trained` trained tokens in total."""
        pairs = sum(n * (n + 1) / 2 for n in lengths)
        return sum(lengths) * self.token + trained * self.trained + pairs * self.pair


def work(policy: Any) -> Work:
    """FLOPs of this policy, from its shapes alone."""
    text = policy.bare.config.get_text_config()
    last = policy.bare.get_output_embeddings().weight
    embeddings = {id(policy.bare.get_input_embeddings().weight), id(last)}
    experts = getattr(text, "num_experts", None) or getattr(text, "num_local_experts", None)
    active = getattr(text, "num_experts_per_tok", 1) / experts if experts else 1.0
    token = 0.0
    for weight in policy.text.parameters():
        if id(weight) not in embeddings and weight.ndim > 1:
            used = weight.numel() * (active if weight.ndim == 3 else 1.0)
            token += (6.0 if weight.requires_grad else 4.0) * used
    heads, layers = getattr(text, "num_attention_heads", 0), text.num_hidden_layers
    width = getattr(text, "head_dim", None) or text.hidden_size // max(1, heads)
    trained = (6.0 if last.requires_grad else 4.0) * last.numel()
    return Work(token, trained, pair=12.0 * layers * heads * width)


def peak(device: Any) -> float:
    """Peak FLOP/s of the device; 0 if unknown."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return next((flops for part, flops in PEAKS.items() if part in name), 0.0)
