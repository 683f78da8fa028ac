"""The last layer without its logits: log-probabilities of tokens, and entropies, in chunks.

A row of 2,048 trained tokens over 262,144 words has 2 GB of float32 logits, several times over with
their softmax and gradient. Here they exist for a few tokens at a time, forward and backward: what
is kept between the two is one number a token, and the backward pass computes the logits once more.
Memory is flat in tokens and in words; value and gradient are those of the plain way.

Letters: n tokens, D numbers of a hidden state, V words, m tokens of a chunk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK_BYTES = {"cpu": 48 << 20, "cuda": 1 << 30}
"""Of float32 logits at a time. Large enough for a matrix product to be worth its start."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a model does to the product of hidden state and weight, and we to the logits."""

    scale: float = 1.0
    """Logits are multiplied by it (Granite, Cohere, Falcon-H1)."""
    cap: float = 0.0
    """Then squeezed into (-cap, cap) by tanh (Gemma 2 and later); 0: not."""
    temperature: float = 1.0
    """Of the policy: then divided by it."""
    half: bool = False
    """Matrix products in bfloat16."""

    def logits(self, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(m, D), (V, D) -> (m, V) float32."""
        logits = (hidden @ weight.T).float()
        if bias is not None:
            logits += bias
        if self.scale != 1.0:
            logits *= self.scale
        if self.cap:
            logits = torch.tanh(logits / self.cap) * self.cap
        return logits / self.temperature if self.temperature != 1.0 else logits

    def slope(self, logits: Tensor) -> Tensor | float:
        """Of `logits` by the product they came from."""
        slope: Any = self.scale / self.temperature
        if self.cap:
            slope = slope * (1 - (logits * (self.temperature / self.cap)) ** 2)
        return slope


def log_likelihood(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    form: Form,
    chunk: int = 0,
) -> tuple[Tensor, Tensor]:
    """log p of the targets and the entropy at their places, both (n,) float32.

    Args:
        hidden: (n, D), where the token before each target stands.
        weight: (V, D).
        bias: (V,), or none.
        targets: (n,) int64.
        form: What happens to the logits.
        chunk: Tokens at a time; 0: as many as `CHUNK_BYTES` allows.

    Only log p has a gradient.
    """
    size = chunk or max(16, CHUNK_BYTES.get(hidden.device.type, 1 << 28) // (4 * len(weight)))
    logp, entropy = _Chunked.apply(hidden, weight, bias, targets, form, size)
    return logp, entropy


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        form: Form,
        size: int,
    ) -> tuple[Tensor, Tensor]:
        logp = torch.empty(len(targets), device=hidden.device)
        entropy = torch.empty_like(logp)
        h, w = _computed(form, hidden, weight)
        for part in _parts(len(targets), size):
            logs = form.logits(h[part], w, bias)  # (m, V)
            logs -= logs.logsumexp(1, keepdim=True)
            logp[part] = logs.gather(1, targets[part, None])[:, 0]
            entropy[part] = -(logs.exp() * logs).sum(1)
        ctx.save_for_backward(hidden, weight, bias, targets)
        ctx.form, ctx.size = form, size
        ctx.mark_non_differentiable(entropy)
        return logp, entropy

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
        hidden, weight, bias, targets = ctx.saved_tensors
        form, needs = ctx.form, ctx.needs_input_grad
        h, w = _computed(form, hidden, weight)
        of_hidden = torch.zeros_like(hidden) if needs[0] else None
        # summed in float32: of many chunks, bfloat16 would lose the small ones
        of_weight = torch.zeros(weight.shape, device=weight.device) if needs[1] else None
        of_bias = torch.zeros_like(bias) if bias is not None and needs[2] else None
        for part in _parts(len(targets), ctx.size):
            logits = form.logits(h[part], w, bias)
            slope = form.slope(logits)
            # d log p(target) / d logits = [word is the target] - p(word)
            by = logits.softmax(1).mul_(-grad[part, None])
            by.scatter_add_(1, targets[part, None], grad[part, None]).mul_(slope)
            del logits, slope
            if of_bias is not None:
                of_bias += by.sum(0)
            by = by.to(w.dtype)
            if of_hidden is not None:
                of_hidden[part] = by @ w
            if of_weight is not None:
                of_weight += by.T @ h[part]
        if of_weight is not None:
            of_weight = of_weight.to(weight.dtype)
        return of_hidden, of_weight, of_bias, None, None, None


def _computed(form: Form, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the type that products are computed in."""
    kind = torch.bfloat16 if form.half else torch.promote_types(hidden.dtype, weight.dtype)
    return hidden.to(kind), weight.to(kind)


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
