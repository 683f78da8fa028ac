"""Attention in which no packed sequence sees another: functions for transformers.

    each      every piece by itself: no mask, and work that grows with the sum of squares of the
              lengths, not with the square of the sum. Any device, any extra (window, cap, sinks).
    varlen    one kernel for all pieces (PyTorch's own flash attention): CUDA, 16-bit numbers.

`auto` is varlen where it runs and each elsewhere. Implementations of transformers (`sdpa`,
`flash_attention_2`, `flex_attention`, ...) may be named as well; they tell pieces apart by their
positions. Whatever is used is tried before the first step: one piece is changed, and another one
must not move (`policy.examine`).

Letters: H query heads, K key heads (H a multiple of K), N tokens, L of one piece, D numbers a head.
"""

import importlib.util
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

PACKED = ("each", "varlen")
"""Those of ours: they want `lengths` and `bounds` in the call of the model."""


def register() -> None:
    """Makes them known to transformers by their names."""
    from transformers import AttentionInterface

    AttentionInterface.register("each", each)
    AttentionInterface.register("varlen", varlen)


def chosen(name: str, half: bool) -> str:
    """The implementation that `name` stands for; `half`: forward passes compute in bfloat16."""
    if name != "auto":
        return name
    has = importlib.util.find_spec("torch.nn.attention.varlen") is not None
    return "varlen" if has and half and torch.cuda.is_available() else "each"


def each(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """Causal attention within each piece.

    query (1, H, N, D), key and value (1, K, N, D) -> (1, N, H, D).
    """
    lengths = list(options.get("lengths") or [query.shape[2]])
    heads = zip(*(t.split(lengths, 2) for t in (query, key, value)), strict=True)
    plain = options.get("softcap") is None and options.get("s_aux") is None
    attend = _fused if plain else _with_extras
    outputs = [attend(q, k, v, options) for q, k, v in heads]
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None


def varlen(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """The same by one kernel; what the kernel does not do is left to `each`."""
    if query.dtype == torch.float32 or options.get("softcap") or options.get("s_aux") is not None:
        return each(module, query, key, value, attention_mask, **options)
    from torch.nn.attention.varlen import varlen_attn

    bounds, longest = options["bounds"], max(options["lengths"])
    window = options.get("sliding_window")
    output = varlen_attn(
        *(t[0].transpose(0, 1) for t in (query, key, value)),
        bounds,
        bounds,
        longest,
        longest,
        scale=options.get("scaling"),
        window_size=(window - 1 if window else -1, 0),  # nothing to the right: causal
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return output[None], None


def _mask(size: int, window: int | None, device: Any) -> Tensor:
    """(L, L): which keys (columns) each query (row) sees."""
    at = torch.arange(size, device=device)
    seen = at[:, None] >= at
    return seen if window is None else seen & (at[:, None] - at < window)


def _fused(query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, H, L, D) by PyTorch's kernels, which hold no (L, L) matrix where they need no mask."""
    window, size = options.get("sliding_window"), query.shape[2]
    windowed = window is not None and size > window
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=_mask(size, window, query.device) if windowed else None,
        is_causal=not windowed,
        scale=options.get("scaling"),
        dropout_p=options.get("dropout", 0.0),
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _with_extras(query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, H, L, D) step by step: scores capped (Gemma 2), a sink a head (gpt-oss)."""
    share = query.shape[1] // key.shape[1]
    key, value = (t.repeat_interleave(share, 1) for t in (key, value))
    scores = query @ key.transpose(2, 3) * (options.get("scaling") or query.shape[3] ** -0.5)
    if cap := options.get("softcap"):
        scores = cap * torch.tanh(scores / cap)
    seen = _mask(query.shape[2], options.get("sliding_window"), query.device)
    scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
    if (sinks := options.get("s_aux")) is not None:
        column = sinks.reshape(1, -1, 1, 1).expand(1, -1, query.shape[2], 1)
        scores = torch.cat([scores, column.to(scores.dtype)], 3)
    shares = scores.softmax(3, dtype=torch.float32).to(value.dtype)
    shares = F.dropout(shares[..., : query.shape[2]], options.get("dropout", 0.0))
    return shares @ value
