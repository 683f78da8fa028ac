"""AdamW, with its two states per weight in a type that fits into memory.

fp32   8 bytes per weight. PyTorch's own. bf16   4 bytes. Stochastic rounding: a second moment
changes by a thousandth per step, and bfloat16 with
       its three digits would never change.
8bit   2 bytes and a little. torchao's, if installed.
"""

import importlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from tutelage.errors import SettingsError
from tutelage.train.recipe import Recipe


def adamw(recipe: Recipe, weights: Iterable[Tensor]) -> Any:
    """The optimiser of all `weights`; weight decay applies to matrices only."""
    by_decay: dict[float, list[Tensor]] = {}
    for weight in weights:
        if weight.requires_grad:
            by_decay.setdefault(recipe.weight_decay * (weight.ndim > 1), []).append(weight)
    groups = [
        {"params": group_weights, "weight_decay": decay}
        for decay, group_weights in by_decay.items()
    ]
    if recipe.states == "fp32":
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)
    if recipe.states == "bf16":
        return HalfAdamW(groups, recipe.lr)
    try:
        return importlib.import_module("torchao.optim").AdamW8bit(groups, lr=recipe.lr)
    except ImportError:
        raise SettingsError(
            "--states 8bit wants torchao: pip install torchao, or --states bf16"
        ) from None


def set_rate(optimizer: Any, lr: float) -> None:
    """Sets the learning rate; torchao keeps it in a tensor."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


class HalfAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) with states in bfloat16."""

    def __init__(self, weights: Any, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        """`weights` are tensors or groups of them; all arithmetic is in float32."""
        super().__init__(weights, {"lr": lr, "betas": betas, "eps": 1e-8, "weight_decay": 0.01})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        """One update of every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)

    def _update(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(weight, dtype=torch.bfloat16)
            state["exp_avg_sq"] = torch.zeros_like(weight, dtype=torch.bfloat16)
        state["step"] += 1
        w, g = _local(weight), _local(weight.grad).float()
        (b1, b2), lr, t = group["betas"], group["lr"], float(state["step"])
        first = _local(state["exp_avg"]).float().lerp_(g, 1 - b1)
        second = _local(state["exp_avg_sq"]).float().mul_(b2).addcmul_(g, g, value=1 - b2)
        w.mul_(1 - lr * group["weight_decay"])
        w.addcdiv_(
            first, (second / (1 - b2**t)).sqrt_().add_(group["eps"]), value=-lr / (1 - b1**t)
        )
        _local(state["exp_avg"]).copy_(rounded(first))
        _local(state["exp_avg_sq"]).copy_(rounded(second))


def rounded(values: Tensor) -> Tensor:
    """float32 -> bfloat16, rounded up or down at random, so that the expectation is the value."""
    bits = torch.randint_like(values, 1 << 16, dtype=torch.int32)
    # in place, because weights are large
    bits.add_(values.view(torch.int32)).bitwise_and_(-(1 << 16))
    return bits.view(torch.float32).to(torch.bfloat16)


def _local(tensor: Any) -> Tensor:
    """This process's shard; the tensor itself if it is not sharded."""
    shard: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return shard
