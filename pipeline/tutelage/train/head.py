"""The last layer without full logits: log-probabilities of tokens, and entropies, in chunks.

A row of 2,048 trained tokens over 262,144 words has 2 GB of float32 logits, several times over with
their softmax and gradient. Here they exist for a few tokens at a time, and are recomputed in the
backward pass. Plain operations are fast enough: on an H200, forward and backward of 8,192 tokens,
151,936 words and 1,024 numbers take 46 ms, 29 compiled; Liger's fused kernel, whose chunks are
small, takes 108.

Letters: n tokens, D numbers of a hidden state, V words, m tokens of a chunk.
"""

import functools
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_BYTES = {"cpu": 48 << 20, "cuda": 1 << 30}
"""Bytes of float32 logits at a time. Large enough to amortise the launch of a matrix product."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a model computes logits from hidden state and weight, and what we add."""

    scale: float = 1.0
    """Multiplies the logits (Granite, Cohere, Falcon-H1)."""
    cap: float = 0.0
    """Then limits them to (-cap, cap) by tanh (Gemma 2 and later); 0: no limit."""
    temperature: float = 1.0
    """Of the policy; finally divides the logits."""
    half: bool = False
    """Matrix products in bfloat16."""
    entropies: bool = True
    """Whether entropies are computed; otherwise they are 0."""
    compiled: bool = False

    def logits(self, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(m, D), (V, D) -> (m, V) float32."""
        kind = torch.bfloat16 if self.half else torch.promote_types(hidden.dtype, weight.dtype)
        logits = (hidden.to(kind) @ weight.to(kind).T).float()
        if bias is not None:
            logits = logits + bias
        if self.scale != 1.0:
            logits = logits * self.scale
        if self.cap:
            logits = torch.tanh(logits / self.cap) * self.cap
        return logits / self.temperature if self.temperature != 1.0 else logits


def log_likelihood(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, form: Form, chunk: int = 0
) -> tuple[Tensor, Tensor]:
    """log p of the targets (n,) and the entropy at their positions, both (n,) float32; the latter
    without gradient.

    hidden (n, D) at the token before each target; weight (V, D); bias (V,) or None. `chunk`: tokens
    at a time; 0: as many as `CHUNK_BYTES` allows.
    """
    size = chunk or max(16, CHUNK_BYTES.get(hidden.device.type, 1 << 28) // (4 * len(weight)))
    if weight.requires_grad:
        # gradients are summed over many chunks: bfloat16 would lose small ones
        weight = weight.float()
    part = _compiled() if form.compiled else _part
    options = {"use_reentrant": False, "preserve_rng_state": False}
    parts = [
        checkpoint(part, form, h, weight, bias, t, **options)
        for h, t in zip(hidden.split(size), targets.split(size), strict=True)
    ]
    logp, entropy = (torch.cat(values) for values in zip(*parts, strict=True))
    return logp, entropy


def _part(
    form: Form, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> tuple[Tensor, Tensor]:
    return chosen(form.logits(hidden, weight, bias), targets, form.entropies)


@functools.cache
def _compiled() -> Any:
    return torch.compile(_part, dynamic=True)


def chosen(logits: Tensor, targets: Tensor, entropies: bool = True) -> tuple[Tensor, Tensor]:
    """log p of the targets, and the entropy, from the logits: (m, V), (m,) -> (m,), (m,)."""
    logp = -F.cross_entropy(logits, targets, reduction="none")
    if not entropies:
        return logp, torch.zeros_like(logp)
    with torch.no_grad():
        logs = logits.log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1)
    return logp, entropy
