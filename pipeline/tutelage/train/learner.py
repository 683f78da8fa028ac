"""A model that learns: one optimiser step, one look at how it does, one way to hand it over.

    step:  samples -> coefficients -> packed rows -> forward, loss, backward each -> clip -> AdamW

SFT and RL differ in their `Objective` alone. A learner outlives the dataset it is given, so that
rounds of online RL lose nothing between them; in what order steps come is up to `loop`.
accelerate spreads the rows of a step over processes: each plans the same step and takes its share,
so one process or eight take the same step.
"""

import contextlib
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tutelage.train import checkpoint, loss, packing
from tutelage.train import model as models
from tutelage.train.checkpoint import Progress
from tutelage.train.packing import Packed, WeightedSequence
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Sample


def computes_bf16(recipe: Recipe) -> bool:
    """Whether forward passes run in bfloat16."""
    if recipe.dtype != "auto":
        return recipe.dtype == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


@dataclass(slots=True)
class Learner:
    """A model, its optimiser, and how far it has come."""

    recipe: Recipe
    name: str
    """Of the model, as it was given."""
    progress: Progress = field(default_factory=Progress)
    accelerator: Any = field(init=False)
    taught: models.Student = field(init=False)
    model: Any = field(init=False)
    """As accelerate wraps it."""
    optimizer: Any = field(init=False)
    reference: Any = field(init=False, default=None)
    """Frozen; None where there is no KL term, or an adapter that can be taken off."""

    def __post_init__(self) -> None:
        from accelerate import Accelerator
        from accelerate.utils import set_seed

        recipe = self.recipe
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        set_seed(recipe.seed)
        self.accelerator = Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available())
        self.taught = models.student(self.name, recipe)
        weights = [w for w in self.taught.model.parameters() if w.requires_grad]
        groups = [
            {"params": [w for w in weights if w.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
        ]
        adam = torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.lr, fused=True)
        self.model, self.optimizer = self.accelerator.prepare(self.taught.model, adam)
        if recipe.beta and (recipe.reference or not recipe.lora):
            frozen = models.load(recipe.reference or self.name, recipe, frozen=True)
            self.reference = frozen.to(self.accelerator.device)

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return bool(self.accelerator.is_main_process)

    # --- learning -------------------------------------------------------------------------------

    def step(self, samples: Sequence[Sample], lr: float, halt: bool = False) -> dict[str, Any]:
        """One optimiser step over the samples.

        Args:
            samples: All that the step is made of, over all processes.
            lr: Learning rate.
            halt: This process's wish to stop; `halt` of the figures is everybody's.

        Returns:
            Figures of the step; means are over trained tokens.
        """
        begun = time.perf_counter()
        recipe, world = self.recipe, self.accelerator.num_processes
        length = recipe.length or self.taught.context
        shares = loss.coefficients(samples, recipe.normaliser, length)
        mine = self._mine(self._rows(samples, shares))
        sums = {"halt": torch.tensor(float(halt), device=self.accelerator.device)}
        self.model.train()
        for i, (row, idle) in enumerate(mine):
            last = i == len(mine) - 1  # gradients are exchanged once, after the last row
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
                total, parts = self._loss(row)
                self.accelerator.backward(total * world)  # the exchange takes the mean
            for name, value in {} if idle else parts.items():
                sums[name] = sums[name] + value if name in sums else value
        weights = [w for group in self.optimizer.param_groups for w in group["params"]]
        norm = self.accelerator.clip_grad_norm_(weights, recipe.max_grad_norm or math.inf)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        told = self._summed(sums)
        n, tokens, seconds = told.pop("trained"), told.pop("tokens"), time.perf_counter() - begun
        figures = {"loss": told.pop("loss"), "lr": lr, "grad_norm": float(norm)}
        figures["halt"] = told.pop("halt")
        figures |= {name: total / max(n, 1) for name, total in told.items()}
        if recipe.kind == "rl":
            figures["return"] = sum(s.return_ for s in samples) / len(samples)
        figures |= {"samples": len(samples), "tokens": int(tokens), "trained_tokens": int(n)}
        return figures | {"seconds": round(seconds, 3), "tokens_per_s": round(tokens / seconds, 1)}

    def rehearse(self, row: Packed) -> None:
        """One pass forward and backward that changes nothing: to see what it costs."""
        self.model.train()
        self._loss(row)[0].backward()
        if self.accelerator.device.type == "cuda":
            torch.cuda.synchronize()
        self.optimizer.zero_grad()

    def _loss(self, row: Packed) -> tuple[Tensor, dict[str, Tensor]]:
        """The row's part of the loss, and sums over its n trained tokens."""
        objective = self.objective()
        logits = self._logits(self.model, row)  # (n, V)
        logp = loss.log_likelihood(logits, row.targets, objective.temperature)  # (n,)
        ref = self._reference(row, objective.temperature) if objective.beta else None
        losses = loss.token_losses(
            logp, row.weights, row.behaviour_logprobs, ref, objective
        )  # (n,)
        total = (row.coefficients * losses).sum()
        still = logp.detach()
        parts = {
            "loss": total.detach(),
            "trained": torch.tensor(float(len(row.targets)), device=still.device),
            "tokens": torch.tensor(float(sum(row.lengths)), device=still.device),
            "nll": -still.sum(),
        }
        if objective.ratio:
            parts |= loss.staleness(still, row.weights, row.behaviour_logprobs, objective)
            parts["entropy"] = loss.entropy(logits.detach(), objective.temperature).sum()
        if ref is not None:
            parts["kl_reference"] = loss.divergence(still, ref).sum()
        return total, parts

    def objective(self) -> loss.Objective:
        """What is learnt by."""
        recipe = self.recipe
        if recipe.kind == "sft":
            return loss.Objective()
        return loss.Objective(
            True, recipe.clip_low, recipe.clip_high, recipe.beta, self.progress.temperature
        )

    def _logits(self, model: Any, row: Packed) -> Tensor:
        """Logits (n, V) at trained positions only: in a small model they are the dear part."""
        options: dict[str, Any] = {"logits_to_keep": row.keep}
        if self.recipe.attention == "each":
            options["lengths"] = row.lengths
        kind = self.accelerator.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=computes_bf16(self.recipe)):
            logits = model(
                input_ids=row.ids, position_ids=row.positions, use_cache=False, **options
            ).logits[0]
        return logits if len(logits) == len(row.targets) else logits[row.keep]

    def _reference(self, row: Packed, temperature: float) -> Tensor:
        """log p (n,) under the reference: a frozen model, or this one without its adapter."""
        bare = self.accelerator.unwrap_model(self.model)
        adapted = contextlib.nullcontext() if self.reference is not None else bare.disable_adapter()
        with torch.no_grad(), adapted:
            logits = self._logits(self.reference if self.reference is not None else bare, row)
            return loss.log_likelihood(logits, row.targets, temperature)

    # --- looking on -----------------------------------------------------------------------------

    def validate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """Loss a token over the samples, in all and by the student's turn."""
        self.model.eval()
        turns = 1 + max(int(piece.turn.max()) for s in samples for piece in s.pieces)
        nll = torch.zeros(turns, device=self.accelerator.device)
        count = torch.zeros_like(nll)
        for row, idle in self._mine(self._rows(samples, [1.0] * len(samples))):
            with torch.no_grad():
                logp = loss.log_likelihood(self._logits(self.model, row), row.targets)
            if not idle:
                nll += torch.bincount(row.turns, -logp, minlength=turns)
                count += torch.bincount(row.turns, minlength=turns)
        nll, count = (self.accelerator.reduce(sums, "sum") for sums in (nll, count))
        found = {"validation/loss": float(nll.sum() / count.sum())}
        return found | {
            f"validation/turn_{turn}": float(nll[turn] / count[turn])
            for turn in range(turns)
            if count[turn]
        }

    def score(self, samples: Sequence[Sample], temperature: float) -> dict[str, Any]:
        """log p of every trained token under the present weights: `i.j`, piece j of sample i."""
        from accelerate.utils import gather_object

        names = {
            id(piece): f"{i}.{j}"
            for i, sample in enumerate(samples)
            for j, piece in enumerate(sample.pieces)
        }
        loads = [WeightedSequence(piece, 0.0, 0.0) for sample in samples for piece in sample.pieces]
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        scored = []
        for loaded in packing.rows(loads, self.recipe.pack)[rank::world]:
            row = packing.packed(loaded).to(self.accelerator.device)
            logp = loss.log_likelihood(self._still(row), row.targets, temperature)
            parts = logp.cpu().split([int(load.piece.train.sum()) for load in loaded])
            scored += [
                (names[id(load.piece)], part.numpy())
                for load, part in zip(loaded, parts, strict=True)
            ]
        return dict(gather_object(scored))

    def fitting(self, samples: Sequence[Sample], temperatures: Iterable[float]) -> float:
        """The temperature at which this model comes nearest to the stored log-probabilities.

        Engines store them before or after the temperature is applied; the rows cannot tell which.
        """
        loads = [WeightedSequence(piece, 0.0, 0.0) for sample in samples for piece in sample.pieces]
        row = packing.packed(packing.rows(loads, self.recipe.pack)[0]).to(self.accelerator.device)
        logits = self._still(row)
        off = {
            t: float(
                (loss.log_likelihood(logits, row.targets, t) - row.behaviour_logprobs).abs().mean()
            )
            for t in temperatures
        }
        return min(off, key=lambda t: off[t])

    def _still(self, row: Packed) -> Tensor:
        """Logits (n, V) without a gradient, on this process alone."""
        with torch.no_grad():
            return self._logits(self.accelerator.unwrap_model(self.model).eval(), row)

    # --- handing over ---------------------------------------------------------------------------

    def save(self, out: Path) -> None:
        """Writes the state of this training to `out`, for `checkpoint.restore`."""
        stage = out / f".{checkpoint.STATE}.new"
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(stage))
        self.accelerator.wait_for_everyone()
        if self.main:
            self.progress.write(stage)
            models.replace(stage, out / checkpoint.STATE)
        self.accelerator.wait_for_everyone()

    def export(self, folder: Path) -> None:
        """Writes the weights as a model folder that transformers and vLLM load."""
        state = self.accelerator.get_state_dict(self.model)
        if self.main:
            bare = self.accelerator.unwrap_model(self.model)
            models.export(self.taught, bare, state, folder)
        self.accelerator.wait_for_everyone()

    # --- sharing out ----------------------------------------------------------------------------

    def _rows(self, samples: Sequence[Sample], shares: Sequence[float]) -> list[Packed]:
        loads = [
            WeightedSequence(piece, share, sample.weight)
            for sample, share in zip(samples, shares, strict=True)
            for piece in sample.pieces
        ]
        return [packing.packed(row) for row in packing.rows(loads, self.recipe.pack)]

    def _mine(self, rows: Sequence[Packed]) -> list[tuple[Packed, bool]]:
        """This process's rows, and whether each is idle: all processes get the same number."""
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        device = self.accelerator.device
        mine = [(row.to(device), False) for row in rows[rank::world]]
        short = math.ceil(len(rows) / world) - len(mine)
        return mine + [(rows[0].idle().to(device), True)] * short

    def _summed(self, sums: dict[str, Tensor]) -> dict[str, float]:
        """The sums over all processes; an idle process may know fewer names than the others."""
        names = ["halt", "loss", "trained", "tokens", "nll"]
        if self.recipe.kind == "rl":
            names += ["ratio", "clip_fraction", "kl_sampler", "entropy"]
            names += ["kl_reference"] if self.recipe.beta else []
        zero = torch.zeros((), device=self.accelerator.device)
        stacked = torch.stack([sums.get(name, zero).float() for name in names])
        return dict(zip(names, self.accelerator.reduce(stacked, "sum").tolist(), strict=True))
