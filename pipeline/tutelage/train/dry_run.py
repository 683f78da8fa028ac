"""What a training would do and want, without doing it: `--dry-run`. Nothing is written.

Memory is told before anything is loaded. The model is built of shapes alone, and two passes forward
and backward are run on those, in which every tensor counts from its birth to its death. Time is told
only where a pass is run on the very model: `--measure`. How it is shown: `cli.train_words`.
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
"""Of the optimiser, a trained number."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a model and its passes."""

    numbers: int
    """All weights, in numbers; so are the four below."""
    trained: int
    layer: int
    """The largest layer."""
    outside: int
    """What is in no layer: embeddings, the last layer, norms."""
    largest: int
    """The largest weight that is trained."""
    weights: int
    """In bytes; so is what follows."""
    reference: int
    """Weights of the frozen reference."""
    activations: int
    """Kept from the forward for the backward pass."""
    passing: int
    """Beside them at the peak of a pass: logits, casts, gradients within a layer."""

    def needs(self, recipe: Recipe, processes: int = 1, shard: bool = False) -> dict[str, float]:
        """Bytes in each of so many processes at the peak, by what they are for.

        `shard`: each holds its part of the weights, which are `gathered` where they are used.
        """
        cut = shard and processes > 1
        share = 1 / processes if shard else 1.0
        copies = 2 if processes > 1 and not shard else 1  # DDP's buckets beside the gradients
        wide = 2 if model.half(recipe) else 4
        rounding = 0 if recipe.states == "fp32" else 16 * self.largest * share
        parts = {
            "weights": (self.weights + self.reference) * share,
            "gathered": float((2 * self.layer + self.outside) * wide * cut),
            "gradients": 4.0 * self.trained * share * copies,
            "states": STATE_BYTES[recipe.states] * self.trained * share,
            "activations": float(self.activations),
            "logits": max(self.passing, rounding - self.activations),  # whichever is at work
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
        policy.bare.tie_weights()  # emptied one by one, they have come apart
        live = _Live(policy)
        reading = policy.text.register_forward_hook(lambda *_: live.mark())
        policy.train()
        with live:
            on_device = row.to(device)
            for _ in range(2):  # at the second there are gradients already
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
    """Counts bytes of tensors that are made while it is entered, until they are gone."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        held = [*policy.parameters(), *policy.buffers()]
        self._known = {id(tensor.untyped_storage()) for tensor in held}
        self.now = self.peak = self.marked = 0

    def mark(self) -> None:
        """Remembers what is alive at this moment."""
        self.marked = self.now

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return tree_map_only(Tensor, self._seen, func(*args, **(kwargs or {})))

    def _seen(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if id(storage) not in self._known:
            self._known.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, id(storage), storage.nbytes()).atexit = False
        return tensor

    def _gone(self, name: int, size: int) -> None:
        self._known.discard(name)
        self.now -= size


def available() -> int:
    """Bytes of memory that one process has for a model here."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """Most bytes that this process has held at once; on a GPU the GPU's."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def passes(recipe: Recipe, dataset: Dataset) -> list[packing.PackedRow]:
    """The forward passes of the whole training on one process, the fullest first."""
    rows: list[packing.PackedRow] = []
    for step in packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed):
        pieces = (p for i in step for sample in dataset.groups[i] for p in sample.pieces)
        rows += packing.rows([WeightedSequence(p, 1.0, 1.0) for p in pieces], recipe.pack)
    return sorted(rows, key=packing.tokens, reverse=True)


def measure(learner: Learner, row: packing.PackedRow) -> tuple[float, int]:
    """Tokens a second of a step of this pass, at a learning rate of 0, and `peak` after it.

    The first of two is not timed: it is slower.
    """
    samples = [Sample(str(i), (sequence.piece,)) for i, sequence in enumerate(row)]
    figures = [learner.step(samples, 0.0) for _ in range(2)]
    return figures[1]["tokens_per_s"], peak()
