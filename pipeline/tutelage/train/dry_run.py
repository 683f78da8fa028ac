"""Estimates what a training would do and need: `--dry-run`. Writes nothing.

Memory is estimated before anything is loaded. The model is built from shapes only, and two forward
and backward passes are run on them while the lifetime of every tensor is tracked. Time is reported
only if a pass of the real model is measured: `--measure`. `cli.train_words` formats the result.
"""

import os
import resource
import sys
import weakref
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from tutelage.contract.tokens import Sample
from tutelage.train import model, packing
from tutelage.train.dataset import Dataset
from tutelage.train.learner import Learner
from tutelage.train.packing import Packed, WeightedSequence
from tutelage.train.policy import Policy, blocks
from tutelage.train.recipe import Recipe

STATE_BYTES = {"fp32": 8.0, "bf16": 4.0, "8bit": 2.1}
"""Bytes of optimiser state per trained number."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model and its passes."""

    numbers: int
    """Size of all weights, in numbers, as the next four."""
    trained: int
    layer: int
    """The largest layer."""
    outside: int
    """Weights outside the layers: embeddings, the last layer, norms."""
    largest: int
    """The largest trained weight."""
    weights: int
    """In bytes, as the following."""
    reference: int
    """Weights of the frozen reference."""
    activations: int
    """Kept from the forward pass for the backward pass."""
    passing: int
    """Additional bytes at the peak of a pass: logits, casts, gradients within a layer."""

    def needs(self, recipe: Recipe, processes: int = 1, shard: bool = False) -> dict[str, float]:
        """Peak bytes in each process, by purpose.

        `shard`: each process holds its part of the weights, which are `gathered` where they are
        used.
        """
        is_cut = shard and processes > 1
        share = 1 / processes if shard else 1.0
        # DDP's buckets in addition to the gradients
        copies = 2 if processes > 1 and not shard else 1
        bytes_per_number = 2 if model.half(recipe) else 4
        rounding = 0 if recipe.states == "fp32" else 16 * self.largest * share
        parts = {
            "weights": (self.weights + self.reference) * share,
            "gathered": float((2 * self.layer + self.outside) * bytes_per_number * is_cut),
            "gradients": 4.0 * self.trained * share * copies,
            "states": STATE_BYTES[recipe.states] * self.trained * share,
            "activations": float(self.activations),
            # the two do not occur at the same time
            "logits": max(self.passing, rounding - self.activations),
        }
        return parts | {"total": sum(parts.values())}


def shape(recipe: Recipe, name: str, row: Packed) -> Shape:
    """The shape of the model `name` in passes like `row`."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    device = "cuda" if torch.cuda.is_available() else "cpu"
    plain = replace(recipe, compile=False)
    network = model.student(name, plain, model.empty).network
    policy = model.policy(network, plain)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device(device):
        policy.to_empty(device=device)
        policy.bare.tie_weights()  # ties weights again that were emptied separately
        live = _Live(policy)
        reading = policy.text.register_forward_hook(lambda *_: live.mark())
        policy.train()
        with live:
            on_device = row.to(device)
            for _ in range(2):  # the second pass already has gradients
                live.peak = 0
                (policy(on_device)[0] * on_device.coefficients).sum().backward()
        reading.remove()
    weights = list(policy.parameters())
    trained = [w.numel() for w in weights if w.requires_grad]
    layers = [sum(w.numel() for w in layer.parameters()) for layer in blocks(network)]
    numbers, gradients = sum(w.numel() for w in weights), 4 * sum(trained)
    separate = recipe.beta > 0 and (recipe.reference or not recipe.lora)
    native = (model.config(name).dtype or torch.float32).itemsize
    return Shape(
        numbers=numbers,
        trained=sum(trained),
        layer=max(layers, default=0),
        outside=numbers - sum(layers),
        largest=max(trained),
        weights=sum(w.nbytes for w in weights),
        reference=numbers * native if separate else 0,
        activations=live.marked - gradients,
        passing=live.peak - live.marked,
    )


class _Live(TorchDispatchMode):
    """Counts the bytes of tensors created in its context, until they are freed."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        tensors = [*policy.parameters(), *policy.buffers()]
        self._known = {id(tensor.untyped_storage()) for tensor in tensors}
        self.now = self.peak = self.marked = 0

    def mark(self) -> None:
        """Stores the number of bytes alive now."""
        self.marked = self.now

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return tree_map_only(Tensor, self._track, func(*args, **(kwargs or {})))

    def _track(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if id(storage) not in self._known:
            self._known.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._untrack, id(storage), storage.nbytes()).atexit = False
        return tensor

    def _untrack(self, name: int, size: int) -> None:
        self._known.discard(name)
        self.now -= size


def available() -> int:
    """Bytes of memory that one process has for a model on this machine."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """Peak memory of this process in bytes; on a GPU that of the GPU."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def passes(recipe: Recipe, dataset: Dataset) -> list[packing.PackedRow]:
    """The forward passes of the whole training on one process, largest first."""
    rows: list[packing.PackedRow] = []
    for step in packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed):
        pieces = (p for i in step for sample in dataset.groups[i] for p in sample.pieces)
        rows += packing.rows([WeightedSequence(p, 1.0, 1.0) for p in pieces], recipe.pack)
    return sorted(rows, key=packing.tokens, reverse=True)


def measure(learner: Learner, row: packing.PackedRow) -> tuple[float, int]:
    """Tokens per second of a step with this pass, at a learning rate of 0, and `peak` after it.

    Only the second of two steps is timed, because the first is slower.
    """
    samples = [Sample(str(i), (sequence.piece,)) for i, sequence in enumerate(row)]
    figures = [learner.step(samples, 0.0) for _ in range(2)]
    return figures[1]["tokens_per_s"], peak()
