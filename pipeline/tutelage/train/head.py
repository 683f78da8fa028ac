"""The last layer without its logits: log-probabilities of tokens, and entropies, in chunks.

A row of 2,048 trained tokens over 262,144 words has 2 GB of float32 logits, several times over with
their softmax and gradient. Here they exist for a few tokens at a time, and are computed once more for
the backward pass. On a GPU with Liger's kernels the chunks are theirs, where entropies are not wanted.

Letters: n tokens, D numbers of a hidden state, V words, m tokens of a chunk.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

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

    def computed(self, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Both in the type that products are computed in."""
        kind = torch.bfloat16 if self.half else torch.promote_types(hidden.dtype, weight.dtype)
        return hidden.to(kind), weight.to(kind)

    def logits(self, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(m, D), (V, D) -> (m, V) float32."""
        hidden, weight = self.computed(hidden, weight)
        logits = (hidden @ weight.T).float()
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
    """log p of the targets (n,) and the entropy before them, both (n,) float32; no gradient in that.

    hidden (n, D), where the token before each target stands; weight (V, D); bias (V,) or none.
    `chunk`: tokens at a time; 0: as many as `CHUNK_BYTES` allows.
    """
    size = chunk or max(16, CHUNK_BYTES.get(hidden.device.type, 1 << 28) // (4 * len(weight)))
    if weight.requires_grad:
        weight = weight.float()  # gradients of many chunks add up: bfloat16 would lose small ones

    def part(hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:  # (m, D), (m,)
        return chosen(form.logits(hidden, weight, bias), targets)

    parts = [
        checkpoint(part, h, t, use_reentrant=False, preserve_rng_state=False)
        for h, t in zip(hidden.split(size), targets.split(size), strict=True)
    ]
    logp, entropy = (torch.cat(values) for values in zip(*parts, strict=True))
    return logp, entropy


def chosen(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """log p of the targets, and the entropy, by the logits: (m, V), (m,) -> (m,), (m,)."""
    logs = logits.log_softmax(1)
    with torch.no_grad():
        entropy = -(logs.exp() * logs).sum(1)
    return logs.gather(1, targets[:, None])[:, 0], entropy


def kernel(device: Any) -> Any:
    """Liger's function, or None where it is not installed or does not run."""
    if device.type != "cuda":
        return None
    try:
        return importlib.import_module(
            "liger_kernel.transformers.functional"
        ).liger_fused_linear_cross_entropy
    except ImportError:
        return None


def by_kernel(
    fused: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, form: Form
) -> Tensor | None:
    """log p (n,) by Liger's function; None for a form that it does not know."""
    if form.cap and (form.temperature != 1.0 or form.scale != 1.0):
        return None
    hidden, weight = form.computed(hidden, weight)
    by = form.scale / form.temperature  # linear, so it may be put into either factor
    nll: Tensor = fused(
        hidden * by,
        weight,
        targets,
        bias=bias if bias is None else bias * by,
        reduction="none",
        softcap=form.cap or None,
        accum_dtype=torch.float32,
    )
    return -nll.float()
