"""Shards weights, gradients and optimiser states over processes: PyTorch's `fully_shard` (FSDP2).

Each layer is gathered while it computes, and its gradient is reduced to the shards right after its
backward pass, at every row: unsharded gradients are never kept. Shards are float32; gathered
weights are bfloat16 if forward passes compute in it. The policy itself is the outermost unit, so
the last layer's weight is whole while `head` works. accelerate's FSDP plugin is not used: it
refuses CPUs, on which this is tested, and its clipping compares lists of sharded weights.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tutelage.train.policy import Policy, blocks


def shard(policy: Policy, device: Any, processes: int, main: bool) -> None:
    """Shards the policy in place over all processes; weights come from the `main` process's policy.

    They are sent one at a time, so the other processes never hold more than one beside their
    shards.
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    weights = policy.state_dict() if main else {}
    options = {
        "mesh": init_device_mesh(device.type, (processes,)),
        "mp_policy": MixedPrecisionPolicy(
            param_dtype=torch.bfloat16 if policy.half else None,
            reduce_dtype=torch.float32,
            cast_forward_inputs=False,  # positions and log-probabilities must stay exact
        ),
    }
    for layer in blocks(policy.network):
        fully_shard(layer, **options)
    fully_shard(policy, **options)
    _materialise(policy, device)
    whole_from_first = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(policy, weights, options=whole_from_first)


def _materialise(policy: Policy, device: Any) -> None:
    """Allocates weights that are shapes only; a weight with two names (tied) stays one."""
    allocated: dict[int, nn.Parameter] = {}
    for module in policy.modules():
        for name, weight in module._parameters.items():
            if weight is not None and weight.is_meta:
                values = torch.empty_like(weight, device=device)
                allocated.setdefault(id(weight), nn.Parameter(values, weight.requires_grad))
                module._parameters[name] = allocated[id(weight)]
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.to(device)


def whole(tensor: Tensor) -> Tensor:
    """The full tensor of a shard; every process has to call this at the same time."""
    full = getattr(tensor, "full_tensor", None)
    return full() if full else tensor


def clipped(weights: Iterable[Tensor], limit: float) -> float:
    """Scales gradients down to a norm of `limit` (0: no limit); returns the norm before that.

    All weights are shards of one mesh, or none is, so the norm is taken over all of them at once.
    """
    with_gradients = [weight for weight in weights if weight.grad is not None]
    norm = whole(torch.nn.utils.get_total_norm([weight.grad for weight in with_gradients]))
    if limit:
        torch.nn.utils.clip_grads_with_norm_(with_gradients, limit, norm)
    return float(norm)
