"""A model that learns: one optimiser step, one look at how it does, one way to hand it over.

    step:  samples -> coefficients -> packed rows -> forward, loss, backward each -> clip -> AdamW

SFT and RL differ in their `Objective` alone. A learner outlives the dataset it is given, so that
rounds of online RL lose nothing between them; in what order steps come is up to `loop`.

Every process plans the same step and takes its share of the rows, the same number each, so that one
process or eight take the same step; with `shard` each also holds only its share of the weights
(`sharding`), otherwise all of them (accelerate's DDP).
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tutelage import seeds
from tutelage.train import attention, checkpoint, loss, packing, sharding, weights
from tutelage.train import model as models
from tutelage.train.checkpoint import Progress
from tutelage.train.optimizer import adamw
from tutelage.train.packing import Packed, WeightedSequence
from tutelage.train.policy import Policy, examine
from tutelage.train.recipe import Recipe
from tutelage.train.throughput import Work, peak, work
from tutelage.train.tokens import Piece, Sample

Figures = dict[str, Any]


@dataclass(slots=True)
class Learner:
    """A model, its optimiser, and how far it has come."""

    recipe: Recipe
    name: str
    """Of the model, as it was given."""
    progress: Progress = field(default_factory=Progress)
    accelerator: Any = field(init=False)
    student: models.Student = field(init=False)
    policy: Policy = field(init=False)
    model: Any = field(init=False)
    """The policy, as what shares gradients wraps it."""
    optimizer: Any = field(init=False)
    reference: Policy | None = field(init=False, default=None)
    """Frozen; None where there is no KL term, or an adapter that can be taken off."""
    sharded: bool = field(init=False)
    work: Work = field(init=False)

    def __post_init__(self) -> None:
        from accelerate import Accelerator

        recipe = self.recipe
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        # `accelerate launch --use_fsdp` asks for what we do ourselves (see `sharding`)
        fsdp = os.environ.pop("ACCELERATE_USE_FSDP", "").lower() in ("1", "true")
        self.accelerator = Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available())
        self.sharded = self.world > 1 and (recipe.shard or fsdp)
        self.student, self.policy = self._opened()
        self.model = self.policy
        if self.world > 1 and not self.sharded:
            self.model = self.accelerator.prepare(self.policy)
        self.optimizer = adamw(recipe, self.policy.parameters())
        if recipe.beta and (recipe.reference or not recipe.lora):
            self.reference = self._frozen(recipe.reference or self.name)
        self.work = work(self.policy)
        examine(self.policy, self.accelerator.device, alone=not recipe.pack)

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return bool(self.accelerator.is_main_process)

    @property
    def world(self) -> int:
        """Number of processes."""
        return int(self.accelerator.num_processes)

    # --- opening --------------------------------------------------------------------------------

    def _opened(self) -> tuple[models.Student, Policy]:
        """The student on its device. Of a sharded one the first process alone reads the weights."""
        student = models.student(self.name, self.recipe, empty=self.sharded and not self.main)
        return student, self._placed(student.network)

    def _frozen(self, name: str) -> Policy:
        empty = self.sharded and not self.main
        policy = self._placed(models.load(name, self.recipe, frozen=True, empty=empty))
        policy.eval()
        return policy

    def _placed(self, network: Any) -> Policy:
        half = models.half(self.recipe)
        policy = Policy(network, attention.chosen(self.recipe.attention, half), half)
        device = self.accelerator.device
        if not self.sharded:
            policy.to(device)
            return policy
        whole = network.state_dict() if self.main else {}
        sharding.shard(policy, sharding.mesh(device, self.world))
        sharding.fill(policy, whole, device)
        for name, buffer in policy.named_buffers():
            if buffer.device != device:
                owner, _, last = name.rpartition(".")
                setattr(policy.get_submodule(owner), last, buffer.to(device))
        return policy

    def _row(self, pieces: Sequence[Piece]) -> Packed:
        row = packing.packed([WeightedSequence(piece, 1.0, 1.0) for piece in pieces])
        return row.to(self.accelerator.device)

    # --- learning -------------------------------------------------------------------------------

    def step(self, samples: Sequence[Sample], lr: float, wishes: Sequence[bool] = ()) -> Figures:
        """One optimiser step over the samples.

        Args:
            samples: All that the step is made of, over all processes.
            lr: Learning rate.
            wishes: This process's, such as to stop; `wishes` of the figures are everybody's.

        Returns:
            Figures of the step; means are over trained tokens.
        """
        begun = time.perf_counter()
        recipe = self.recipe
        torch.manual_seed(
            seeds.seed(recipe.seed, self.progress.step, self.accelerator.process_index)
        )
        length = recipe.length or self.student.context
        shares = loss.coefficients(samples, recipe.normaliser, length)
        sums = dict.fromkeys(self._names(), torch.zeros((), device=self.accelerator.device))
        self.model.train()
        self.policy.temperature = self.objective().temperature
        rows = list(self._rows(samples, shares))
        for i, (row, idle) in enumerate(rows):
            with self._exchanging(i == len(rows) - 1):
                total, parts = self._loss(row)
                (total * self.world).backward()  # the exchange takes the mean
            for name, value in {} if idle else parts.items():
                sums[name] = sums[name] + value
        norm = sharding.clipped(self.policy.parameters(), recipe.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        totals, everybody = self._summed(sums, wishes)
        figures = {"lr": lr, "grad_norm": norm, "samples": len(samples), "wishes": everybody}
        if recipe.kind == "rl":
            figures["return"] = sum(s.return_ for s in samples) / len(samples)
        return figures | _means(totals, time.perf_counter() - begun, self._peak())

    def _exchanging(self, last: bool) -> Any:
        """DDP exchanges gradients once, after the last row; shards are reduced at every row."""
        if last or self.world == 1 or self.sharded:
            return contextlib.nullcontext()
        return self.accelerator.no_sync(self.model)

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
        reference = self._reference(row) if objective.beta else None
        logp, entropy = self.model(row)  # (n,), (n,)
        losses, sums = loss.token_losses(logp, row, reference, objective)  # (n,)
        total = (row.coefficients * losses).sum()
        count: dict[str, float] = {"trained": len(row.targets), "tokens": sum(row.lengths)}
        count["flops"] = self.work.of(row.lengths, len(row.targets))
        sums |= {name: torch.tensor(float(n), device=logp.device) for name, n in count.items()}
        sums |= {"loss": total.detach(), "nll": -logp.detach().sum()}
        return total, sums | {"entropy": entropy.sum()}

    def objective(self) -> loss.Objective:
        """What is learnt by."""
        recipe = self.recipe
        if recipe.kind == "sft":
            return loss.Objective()
        return loss.Objective(
            recipe.ratio,
            recipe.clip_low,
            recipe.clip_high,
            recipe.beta,
            self.progress.temperature,
        )

    def _reference(self, row: Packed) -> Tensor:
        """log p (n,) under the reference: a frozen model, or this one without its adapter."""
        policy = self.reference or self.policy
        adapter = contextlib.nullcontext()
        if self.reference is None:
            adapter = self.student.network.disable_adapter()
        policy.temperature = self.policy.temperature
        with torch.no_grad(), adapter:
            logp: Tensor = policy(row)[0]
        return logp

    # --- looking on -----------------------------------------------------------------------------

    def validate(self, samples: Sequence[Sample]) -> Figures:
        """Loss a token over the samples, in all and by the student's turn."""
        turns = 1 + max(int(piece.turn.max()) for s in samples for piece in s.pieces)
        nll = torch.zeros(turns, device=self.accelerator.device)
        count = torch.zeros_like(nll)
        for row, idle in self._rows(samples, [1.0] * len(samples)):
            logp = self._still(row, 1.0)
            if not idle:
                nll += torch.bincount(row.turns, -logp, minlength=turns)
                count += torch.bincount(row.turns, minlength=turns)
        nll, count = (self.accelerator.reduce(sums, "sum") for sums in (nll, count))
        by_turn = {
            f"validation/turn_{turn}": float(nll[turn] / count[turn])
            for turn in range(turns)
            if count[turn]
        }
        return {"validation/loss": float(nll.sum() / count.sum())} | by_turn

    def score(self, samples: Sequence[Sample], temperature: float) -> dict[str, Any]:
        """log p of every trained token under the present weights: `i.j`, piece j of sample i."""
        from accelerate.utils import gather_object

        names = {
            id(piece): f"{i}.{j}"
            for i, sample in enumerate(samples)
            for j, piece in enumerate(sample.pieces)
        }
        sequences = [WeightedSequence(p, 0.0, 0.0) for s in samples for p in s.pieces]
        scores = []
        for row in self._dealt(sequences):
            held = row or sequences[:1]  # the others have one more
            logp = self._still(self._row([sequence.piece for sequence in held]), temperature)
            lengths = [int(sequence.piece.train.sum()) for sequence in held]
            for sequence, part in zip(row, logp.cpu().split(lengths), strict=False):
                scores.append((names[id(sequence.piece)], part.numpy()))
        return dict(gather_object(scores))

    def fitting(self, samples: Sequence[Sample], temperatures: set[float]) -> float:
        """The temperature at which this model comes nearest to the stored log-probabilities.

        Engines store them before or after the temperature is applied; the rows cannot tell which.
        """
        row = self._row([p for s in samples for p in s.pieces][:8])
        apart = {
            t: float((self._still(row, t) - row.behaviour_logprobs).abs().mean())
            for t in sorted(temperatures)  # in one order: every process asks its shards
        }
        return min(apart, key=lambda t: apart[t])

    def _still(self, row: Packed, temperature: float) -> Tensor:
        """log p (n,) without a gradient."""
        self.policy.eval()
        self.policy.temperature = temperature
        with torch.no_grad():
            logp: Tensor = self.policy(row)[0]
        return logp

    # --- handing over ---------------------------------------------------------------------------

    def save(self, out: Path) -> None:
        """Writes the state of this training to `out`, for `checkpoint.restore`."""
        stage = out / f".{checkpoint.STATE}.new"
        self.accelerator.wait_for_everyone()
        checkpoint.save(self.policy, self.optimizer, stage)
        self.accelerator.wait_for_everyone()
        if self.main:
            self.progress.write(stage)
            weights.replace(stage, out / checkpoint.STATE)
        self.accelerator.wait_for_everyone()

    def restore(self, out: Path) -> None:
        """Goes on from the state that a training left in `out`."""
        checkpoint.restore(self.policy, self.optimizer, checkpoint.found(out))

    def export(self, folder: Path) -> None:
        """Writes the weights as a model folder that transformers and vLLM load."""
        weights.write(self.student, folder, self.main)
        self.accelerator.wait_for_everyone()

    # --- sharing out ----------------------------------------------------------------------------

    def _dealt(self, sequences: Sequence[WeightedSequence]) -> list[packing.Row]:
        """This process's rows, as many as every other's has; some may be empty."""
        rows = packing.rows(sequences, self.recipe.pack, self.world)
        return rows[self.accelerator.process_index :: self.world]

    def _rows(
        self, samples: Sequence[Sample], shares: Sequence[float]
    ) -> Iterator[tuple[Packed, bool]]:
        """This process's rows, and whether each is idle: an empty one runs for company's sake."""
        sequences = [
            WeightedSequence(piece, share, sample.weight)
            for sample, share in zip(samples, shares, strict=True)
            for piece in sample.pieces
        ]
        shortest = min(sequences, key=lambda sequence: len(sequence.piece))
        for row in self._dealt(sequences):
            packed = packing.packed(row or [shortest])
            yield (packed if row else packed.idle()).to(self.accelerator.device), not row

    def _names(self) -> list[str]:
        names = ["loss", "trained", "tokens", "nll", "entropy", "flops"]
        if self.recipe.kind == "rl":
            names += ["ratio", "clip_fraction", "kl_sampler"]
            names += ["kl_reference"] if self.recipe.beta else []
        return names

    def _summed(
        self, sums: dict[str, Tensor], wishes: Sequence[bool]
    ) -> tuple[dict[str, float], list[bool]]:
        """Sums over all processes, and whether any of them has each wish."""
        device = self.accelerator.device
        stacked = torch.stack(
            [*sums.values(), *(torch.tensor(float(wish), device=device) for wish in wishes)]
        )
        values = self.accelerator.reduce(stacked.double(), "sum").tolist()
        return dict(zip(sums, values, strict=False)), [v > 0 for v in values[len(sums) :]]

    def _peak(self) -> float:
        return self.world * peak(self.accelerator.device)


def _means(sums: dict[str, float], seconds: float, peak_flops: float) -> Figures:
    """Figures of a step from its sums; FLOPs a second beside tokens, and their share of the peak."""
    trained, tokens, flops = (sums.pop(name) for name in ("trained", "tokens", "flops"))
    figures: Figures = {"loss": sums.pop("loss")}
    figures |= {name: total / max(trained, 1) for name, total in sums.items()}
    figures |= {"tokens": int(tokens), "trained_tokens": int(trained)}
    figures |= {"seconds": round(seconds, 3), "tokens_per_s": round(tokens / seconds, 1)}
    figures["tflops"] = round(flops / seconds / 1e12, 4)
    return figures | ({"mfu": round(flops / seconds / peak_flops, 4)} if peak_flops else {})
