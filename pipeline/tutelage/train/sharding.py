"""Weights, gradients and optimiser states cut over processes: PyTorch's `fully_shard` (FSDP2).

Each layer is gathered for the moment it computes in, and its gradient is reduced to the shards
right after its backward pass, at every row: unsharded gradients are never kept. Shards are float32;
what is gathered is bfloat16 where forward passes compute in it. The policy itself is the outermost
part, so the last layer's weight is whole while `head` works.

Not by accelerate's FSDP plugin: it refuses CPUs, on which this is tested, and its clipping compares
lists of sharded weights. accelerate still starts the processes and sums their figures.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tutelage.train.policy import Policy, blocks


def mesh(device: Any, processes: int) -> Any:
    """All processes in one line."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(device.type, (processes,))


def shard(policy: Policy, processes: Any) -> None:
    """Cuts the policy in place, over the mesh `processes`."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    options = {
        "mesh": processes,
        "mp_policy": MixedPrecisionPolicy(
            param_dtype=torch.bfloat16 if policy.half else None,
            reduce_dtype=torch.float32,
            cast_forward_inputs=False,  # positions, and log-probabilities, are to stay exact
        ),
    }
    for layer in blocks(policy.network):
        fully_shard(layer, **options)
    fully_shard(policy, **options)


def fill(policy: Policy, weights: dict[str, Tensor], device: Any) -> None:
    """Puts whole weights, which the first process alone holds, into everybody's shards.

    One weight is sent at a time, so the others never hold more than that beside their shards.
    """
    import torch.distributed as group
    from torch.distributed.tensor import DTensor, distribute_tensor

    _materialise(policy, device)
    for name, tensor in policy.network.state_dict().items():
        full = weights.get(name, torch.empty(tensor.shape, dtype=tensor.dtype)).to(device)
        group.broadcast(full, 0)
        if isinstance(tensor, DTensor):
            mine = distribute_tensor(
                full, tensor.device_mesh, tensor.placements, src_data_rank=None
            )
            tensor.to_local().copy_(mine.to_local())
        else:
            tensor.copy_(full)


def _materialise(policy: Policy, device: Any) -> None:
    """Gives room to weights that are shapes only; one that has two names (tied) stays one."""
    rooms: dict[int, nn.Parameter] = {}
    for module in policy.modules():
        for name, weight in module._parameters.items():
            if weight is not None and weight.is_meta:
                room = torch.empty_like(weight, device=device)
                rooms.setdefault(id(weight), nn.Parameter(room, weight.requires_grad))
                module._parameters[name] = rooms[id(weight)]


def whole(tensor: Tensor) -> Tensor:
    """The tensor from its shards; every process has to ask at the same moment."""
    full = getattr(tensor, "full_tensor", None)
    return full() if full else tensor


def clipped(weights: Iterable[Tensor], limit: float) -> float:
    """Scales gradients down to a norm of `limit` (0: any); the norm before that.

    All weights are shards of one mesh, or none is, so the norm is taken over all of them at once.
    """
    held = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in held]
    norm = whole(torch.nn.utils.get_total_norm(gradients))
    if limit:
        torch.nn.utils.clip_grads_with_norm_(held, limit or math.inf, norm)
    return float(norm)
