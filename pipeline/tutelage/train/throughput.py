"""How much of a machine's arithmetic a step uses: model FLOPs, and their share (MFU).

Counted is what the objective needs, as in PaLM (arXiv 2204.02311, appendix B): a multiplication
and an addition a weight and token forward, twice that backward. What is computed again to save
memory is not counted, nor are frozen weights' gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

PEAKS = {
    "B200": 2250e12, "H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12,
    "L40S": 362e12, "L4": 121e12, "A10G": 70e12, "RTX 4090": 165e12, "T4": 65e12,
}  # fmt: skip
"""Dense 16-bit FLOP/s by a part of the device's name, as their makers state them."""


@dataclass(frozen=True, slots=True)
class Work:
    """Floating-point operations of a model, forward and backward."""

    token: float
    """A token, without attention and last layer."""
    trained: float
    """A trained token more: the last layer, which runs for those alone."""
    pair: float
    """A pair of tokens that attend to each other."""

    def of(self, lengths: Sequence[int], trained: int) -> float:
        """Of pieces of these lengths with so many trained tokens in all."""
        pairs = sum(n * (n + 1) / 2 for n in lengths)
        return sum(lengths) * self.token + trained * self.trained + pairs * self.pair


def work(policy: Any) -> Work:
    """What this policy does; from its shapes alone."""
    text = policy.bare.config.get_text_config()
    embedding = policy.bare.get_input_embeddings().weight
    last = policy.bare.get_output_embeddings().weight
    apart = {id(embedding), id(last)}
    inner = [w for w in policy.text.parameters() if id(w) not in apart and w.ndim > 1]
    experts = getattr(text, "num_experts", None) or getattr(text, "num_local_experts", None)
    active = getattr(text, "num_experts_per_tok", 1) / experts if experts else 1.0
    used = [w.numel() * (active if w.ndim == 3 else 1.0) for w in inner]
    frozen = sum(n for n, w in zip(used, inner, strict=True) if not w.requires_grad)
    trained = sum(used) - frozen
    heads, layers = getattr(text, "num_attention_heads", 0), text.num_hidden_layers
    width = getattr(text, "head_dim", None) or text.hidden_size // max(1, heads)
    return Work(
        token=6.0 * trained + 4.0 * frozen,
        trained=(6.0 if last.requires_grad else 4.0) * last.numel(),
        pair=12.0 * layers * heads * width,
    )


def peak(device: Any) -> float:
    """FLOP/s of the device at most; 0 where it is not known."""
    if device.type != "cuda":
        return 0.0
    name = torch.cuda.get_device_name(device)
    return next((flops for part, flops in PEAKS.items() if part in name), 0.0)
