"""A model in training: optimiser steps, validation, saving and export.

    step:  samples -> coefficients -> packed rows -> forward, loss, backward each -> clip -> AdamW

A learner outlives its dataset, so that rounds of online RL keep weights and optimiser; `loop`
decides the order of steps. Every process plans the same step and takes its share of the rows, the
same number each, so that one process or eight take the same step. With `shard` each also holds only
its share of the weights (`sharding`), otherwise all of them (accelerate's DDP).
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tutelage import seeds
from tutelage.contract.tokens import Sample
from tutelage.train import checkpoint, loss, packing, sharding, weights
from tutelage.train import model as models
from tutelage.train.checkpoint import Progress
from tutelage.train.metrics import peak, work
from tutelage.train.optimizer import adamw, set_rate
from tutelage.train.packing import Packed, WeightedSequence
from tutelage.train.policy import Policy, examine
from tutelage.train.recipe import Recipe

Figures = dict[str, Any]


class Learner:
    """A model, its optimiser, and its progress."""

    def __init__(self, recipe: Recipe, name: str) -> None:
        """Opens the model `name`, on all processes together."""
        from accelerate import Accelerator

        self.recipe, self.progress = recipe, Progress()
        self.scores: dict[str, Any] = {}
        """Log-probabilities under the starting weights (`score`); kept in the state."""
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        # `accelerate launch --use_fsdp` requests what `sharding` does.
        fsdp = os.environ.pop("ACCELERATE_USE_FSDP", "").lower() in ("1", "true")
        self.accelerator = Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available())
        self.world: int = self.accelerator.num_processes
        self.main: bool = self.accelerator.is_main_process  # writes files and reports
        self.sharded = self.world > 1 and (recipe.shard or fsdp)
        # For a sharded model only the first process reads the weights.
        hollow = models.empty if self.sharded and not self.main else None
        self.student = models.student(name, recipe, hollow)
        self.policy = self._placed(self.student.network)
        self.model: Any = self.policy  # possibly wrapped by DDP
        if self.world > 1 and not self.sharded:
            self.model = self.accelerator.prepare(self.policy)
        self.optimizer = adamw(recipe, self.policy.parameters())
        self.reference: Policy | None = None  # with LoRA, the model without its adapter
        if recipe.beta and (recipe.reference or not recipe.lora):
            frozen = models.load(recipe.reference or name, recipe, True, hollow)
            self.reference = self._placed(frozen).eval()
        self.work = work(self.policy)
        examine(self.policy, self.accelerator.device, alone=not recipe.pack)

    def _placed(self, network: Any) -> Policy:
        policy = models.policy(network, self.recipe)
        if self.sharded:
            sharding.shard(policy, self.accelerator.device, self.world, self.main)
        policy.to(self.accelerator.device)
        return policy

    def step(self, samples: Sequence[Sample], lr: float, wishes: Sequence[bool] = ()) -> Figures:
        """One optimiser step over the samples of all processes; figures are means over their
        tokens.

        `wishes` are flags of this process, such as to stop; in the figures a flag is set if any
        process set it.
        """
        start = time.perf_counter()
        recipe, rank = self.recipe, self.accelerator.process_index
        torch.manual_seed(seeds.seed(recipe.seed, self.progress.step, rank))
        length = recipe.length or models.context(self.student.network.config)
        shares = loss.coefficients(samples, recipe.normaliser, length)
        zero = torch.zeros((), device=self.accelerator.device)
        sums: dict[str, Tensor] = {}
        self.model.train()
        rows = list(self._rows(samples, shares))
        for i, (row, idle) in enumerate(rows):
            with self._exchanging(i == len(rows) - 1):
                total, parts = self._loss(row)
                (total * self.world).backward()  # gradients are averaged over processes
            for name, value in parts.items():
                sums[name] = sums.get(name, zero) + (zero if idle else value)
        grad_norm = sharding.clipped(self.policy.parameters(), recipe.max_grad_norm)
        set_rate(self.optimizer, lr)
        self.optimizer.step()
        self.optimizer.zero_grad()
        totals, flags = self._summed(sums, wishes)
        figures = {"lr": lr, "grad_norm": grad_norm, "samples": len(samples), "wishes": flags}
        if recipe.kind == "rl":
            figures["return"] = sum(s.return_ for s in samples) / len(samples)
        peak_flops = self.world * peak(self.accelerator.device)
        return figures | _means(totals, time.perf_counter() - start, peak_flops)

    def _exchanging(self, last: bool) -> Any:
        """DDP exchanges gradients once, after the last row; shards are reduced at every row."""
        alone = last or self.world == 1 or self.sharded
        return contextlib.nullcontext() if alone else self.accelerator.no_sync(self.model)

    def _loss(self, row: Packed) -> tuple[Tensor, Figures]:
        """The row's part of the loss, and sums over its n trained tokens."""
        rl = self.recipe.kind == "rl"
        self.policy.temperature = self.progress.temperature if rl else 1.0
        reference = self._reference(row) if rl and self.recipe.beta else None
        logp, entropy = self.model(row)  # (n,), (n,)
        losses, sums = loss.token_losses(logp, row, reference, self.recipe)  # (n,)
        total = (row.coefficients * losses).sum()
        sums |= {"entropy": entropy.sum()} if rl else {}
        flops = self.work.of(row.lengths, len(row.targets))
        count = {"trained": len(row.targets), "tokens": sum(row.lengths), "flops": flops}
        return total, sums | {"loss": total.detach(), "nll": -logp.detach().sum()} | count

    def _reference(self, row: Packed) -> Tensor:
        """log p (n,) under the reference: a frozen model, or this one without its adapter."""
        policy, plain = self.reference or self.policy, contextlib.nullcontext()
        if self.reference is None:
            plain = self.student.network.disable_adapter()
        policy.temperature = self.policy.temperature
        with torch.no_grad(), plain:
            logp: Tensor = policy(row)[0]
        return logp

    def validate(self, samples: Sequence[Sample]) -> Figures:
        """Loss per token over the samples, in total and by the student's turn."""
        turns = 1 + max(int(piece.turn.max()) for s in samples for piece in s.pieces)
        nll, count = torch.zeros(2, turns, device=self.accelerator.device)
        for row, idle in self._rows(samples, [1.0] * len(samples)):
            logp = self._log_probabilities(row, 1.0)
            if not idle:
                nll += torch.bincount(row.turns, -logp, minlength=turns)
                count += torch.bincount(row.turns, minlength=turns)
        nll, count = (self.accelerator.reduce(sums, "sum") for sums in (nll, count))
        means = (nll / count).tolist()
        by_turn = {f"validation/turn_{t}": means[t] for t in range(turns) if count[t]}
        return {"validation/loss": float(nll.sum() / count.sum())} | by_turn

    def score(self, samples: Sequence[Sample], temperature: float) -> dict[str, Any]:
        """log p of every trained token under the current weights; `i.j`: piece j of sample i."""
        from accelerate.utils import gather_object

        pieces = [(f"{i}.{j}", p) for i, s in enumerate(samples) for j, p in enumerate(s.pieces)]
        names = {id(piece): name for name, piece in pieces}
        sequences = [WeightedSequence(piece, 0.0, 0.0) for _, piece in pieces]
        scores = []
        for row in self._own_rows(sequences):
            sequences_run = row or sequences[:1]  # other processes have one more row
            logp = self._log_probabilities(self._packed(sequences_run), temperature).cpu()
            parts = logp.split([int(sequence.piece.train.sum()) for sequence in sequences_run])
            pairs = zip(row, parts, strict=False)
            scores += [(names[id(sequence.piece)], part.numpy()) for sequence, part in pairs]
        return dict(gather_object(scores))

    def fitting(self, samples: Sequence[Sample], temperatures: set[float]) -> float:
        """The temperature at which this model is closest to the stored log-probabilities.

        Engines store them before or after applying the temperature; the rows do not say which.
        """
        sequences = [WeightedSequence(piece, 1.0, 1.0) for s in samples for piece in s.pieces]
        row = self._packed(sequences[:8])

        def apart(temperature: float) -> float:
            return float(
                (self._log_probabilities(row, temperature) - row.behaviour_logprobs).abs().mean()
            )

        # sorted, because every process must try them in the same order
        return min(sorted(temperatures), key=apart)

    def _log_probabilities(self, row: Packed, temperature: float) -> Tensor:
        """log p (n,) without gradient."""
        self.policy.eval()
        self.policy.temperature = temperature
        with torch.no_grad():
            logp: Tensor = self.policy(row)[0]
        return logp

    def save(self, out: Path) -> None:
        """Writes the state of this training to `out`, for `restore`."""
        stage, together = out / f".{checkpoint.STATE}.new", self.accelerator.wait_for_everyone
        together()
        checkpoint.save(self.policy, self.optimizer, stage)
        together()
        if self.main:
            checkpoint.finish(stage, out, self.progress, self.scores)
        together()

    def restore(self, out: Path) -> None:
        """Resumes from the state of a training in `out`."""
        self.scores = checkpoint.restore(self.policy, self.optimizer, out)

    def export(self, folder: Path) -> None:
        """Writes the weights as a model folder that transformers and vLLM load."""
        weights.write(self.student, folder, self.main)
        self.accelerator.wait_for_everyone()

    def _own_rows(self, sequences: Sequence[WeightedSequence]) -> list[packing.PackedRow]:
        """This process's rows, as many as every other process has; some may be empty."""
        rows = packing.rows(sequences, self.recipe.pack, self.world)
        return rows[self.accelerator.process_index :: self.world]

    def _packed(self, sequences: Sequence[WeightedSequence]) -> Packed:
        return packing.packed(sequences).to(self.accelerator.device)

    def _rows(self, samples: Sequence[Sample], shares: Any) -> Iterator[tuple[Packed, bool]]:
        """This process's rows, and whether each is idle: computed to keep step with others only."""
        sequences = [
            WeightedSequence(piece, share, sample.weight)
            for sample, share in zip(samples, shares, strict=True)
            for piece in sample.pieces
        ]
        shortest = min(sequences, key=lambda sequence: len(sequence.piece))
        for row in self._own_rows(sequences):
            yield self._packed(row or [replace(shortest, coefficient=0.0)]), not row

    def _summed(self, sums: dict[str, Tensor], wishes: Sequence[bool]) -> tuple[Any, list[bool]]:
        """Sums over all processes by name, and for each flag whether any process set it."""
        stacked = torch.stack([*sums.values(), *(sums["loss"].new_tensor(w) for w in wishes)])
        values = self.accelerator.reduce(stacked.double(), "sum").tolist()
        return dict(zip(sums, values, strict=False)), [v > 0 for v in values[len(sums) :]]


def _means(sums: dict[str, float], seconds: float, peak_flops: float) -> Figures:
    """Figures of a step from its sums; also FLOPs per second, and their share of the peak."""
    trained, tokens, flops = (sums.pop(name) for name in ("trained", "tokens", "flops"))
    figures: Figures = {"loss": sums.pop("loss")}
    figures |= {name: total / max(trained, 1) for name, total in sums.items()}
    figures |= {"tokens": int(tokens), "trained_tokens": int(trained), "seconds": round(seconds, 3)}
    figures |= {
        "tokens_per_s": round(tokens / seconds, 1),
        "tflops": round(flops / seconds / 1e12, 4),
    }
    return figures | ({"mfu": round(flops / seconds / peak_flops, 4)} if peak_flops else {})
