"""What a training needs of memory, before anything is loaded: `--dry-run`.

The model is built of shapes alone. Weights, gradients and optimiser states are counted; what is
kept between forward and backward is seen by running a forward pass on those shapes, in which every
tensor that is saved for the backward pass is counted once. Nothing is measured here, nothing runs.
"""

import math
import os
import resource
import sys
from dataclasses import dataclass, replace
from typing import Any

import torch

from tutelage.train import attention, head, model
from tutelage.train.packing import Packed
from tutelage.train.policy import Policy, blocks
from tutelage.train.recipe import Recipe

STATE_BYTES = {"fp32": 8.0, "bf16": 4.0, "8bit": 2.1}


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes on each GPU (or in each process) at the peak, by what they are for."""

    weights: float
    gathered: float
    """Shards made whole for the moment they are used in: the largest layers, and the last one."""
    gradients: float
    states: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """All of it."""
        parts = (self.weights, self.gathered, self.gradients, self.states)
        return sum(parts) + self.activations + self.logits


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a model and its passes; sizes are bytes unless they say numbers."""

    numbers: int
    """All weights, in numbers."""
    trained: int
    """Of them, those that are trained."""
    weights: int
    layer: int
    """The largest layer, in numbers."""
    outside: int
    """What is in no layer (embeddings, the last layer, norms), in numbers."""
    activations: float
    """Saved for the backward pass."""
    working: float
    """One layer's share of them: what is made again, and its gradients."""
    logits: float
    reference: int
    """Weights of the frozen reference."""

    def needs(self, recipe: Recipe, processes: int = 1, shard: bool = False) -> Needs:
        """With this many processes; `shard`: each holds its part, otherwise all of it."""
        share = 1 / processes if shard else 1.0
        copies = 2 if processes > 1 and not shard else 1  # DDP's buckets beside the gradients
        wide = 2 if model.half(recipe) else 4
        return Needs(
            weights=(self.weights + self.reference) * share,
            gathered=(2 * self.layer + self.outside) * wide if shard and processes > 1 else 0.0,
            gradients=4.0 * self.trained * share * copies,
            states=STATE_BYTES[recipe.states] * self.trained * share,
            activations=self.activations + self.working,
            logits=self.logits,
        )


def shape(recipe: Recipe, name: str, row: Packed) -> Shape:
    """The shape of the model `name` in passes like `row`.

    Raises:
        ModelError: there is no model at `name`.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    half = model.half(recipe)
    with FakeTensorMode(allow_non_fake_inputs=True):
        plain = replace(recipe, checkpointing=False)  # what one layer saves is seen either way
        network = model.student(name, plain, shapes=True).network
        policy = Policy(network, attention.chosen(recipe.attention, half), half)
        saved = _saved(policy, row)
    weights = list(policy.parameters())
    layers = [sum(w.numel() for w in layer.parameters()) for layer in blocks(network)]
    numbers = sum(w.numel() for w in weights)
    last = policy.bare.get_output_embeddings().weight
    text = policy.bare.config.get_text_config()
    kept = len(row.ids[0]) * text.hidden_size * (2 if half else 4) * text.num_hidden_layers
    logits = min(head.CHUNK_BYTES["cpu" if row.ids.device.type == "cpu" else "cuda"],
                 4 * len(row.targets) * len(last))  # fmt: skip
    whole = 4 * last.numel() * (1.5 if half else 1)  # its gradient, and its copy in bfloat16
    separate = recipe.beta > 0 and (recipe.reference or not recipe.lora)
    native = (model.config(name).dtype or torch.float32).itemsize
    return Shape(
        numbers=numbers,
        trained=sum(w.numel() for w in weights if w.requires_grad),
        weights=sum(w.numel() * w.element_size() for w in weights),
        layer=max(layers, default=0),
        outside=numbers - sum(layers),
        activations=kept if recipe.checkpointing else saved,
        working=saved / max(1, text.num_hidden_layers),
        logits=3 * logits + (whole if last.requires_grad else 0),
        reference=numbers * native if separate else 0,
    )


def _saved(policy: Policy, row: Packed) -> float:
    """Bytes that a forward pass saves for the backward pass, weights not counted."""
    own = {weight.untyped_storage()._cdata for weight in policy.parameters()}
    seen: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            seen[storage._cdata] = storage  # held, or its number would be given out again
        return tensor

    policy.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = policy(row)
    del output
    return float(sum(storage.nbytes() for storage in seen.values()))


def available() -> float:
    """Bytes of memory that one process has for a model here."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[1])
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def peak() -> float:
    """Most bytes that this process has held at once; on a GPU the GPU's."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def table(shape: Shape, recipe: Recipe) -> str:
    """What each process needs in GiB, alone and with weights cut over several."""
    ways = {"1": (1, False), "8": (8, False), "2 --shard": (2, True), "8 --shard": (8, True)}
    needs = {title: shape.needs(recipe, *way) for title, way in ways.items()}
    lines = [f"{'GiB a process, of':20}" + "".join(f"{title:>12}" for title in ways)]
    names = ("weights", "gathered", "gradients", "states", "activations", "logits", "total")
    for name in names:
        cells = (f"{getattr(need, name) / 2**30:12.2f}" for need in needs.values())
        lines.append(f"  {name:18}" + "".join(cells))
    return "\n".join(lines)


def advice(shape: Shape, recipe: Recipe, have: float) -> str:
    """What to do about memory; empty where the training fits into `have` bytes as it is."""
    total = shape.needs(recipe).total
    if total <= have:
        return ""
    least = shape.needs(recipe, 1024, True).total
    ways = []
    if least < have:
        count = 2 ** math.ceil(math.log2(max(2, (total - least) / max(1.0, have - least))))
        while shape.needs(recipe, count, True).total > have:
            count *= 2
        ways.append(f"accelerate launch --num_processes {count} ... --shard")
    if not recipe.checkpointing:
        ways.append("--checkpointing")
    if recipe.states == "fp32" and not recipe.lora:
        ways.append("--states bf16")
    if not recipe.lora:
        ways.append("--lora 16")
    return (
        f"one process cannot: it needs {total / 2**30:.1f} GiB, this machine has "
        f"{have / 2**30:.1f}; try {', or '.join(ways)}, or a smaller --pack"
    )
