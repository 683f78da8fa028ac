"""Attention in which no packed sequence sees another: functions for transformers.

    each      every piece by itself: no mask, and work that grows with the sum of squares of the
              lengths, not with the square of the sum. Any device, any extra (window, cap, sinks).
    varlen    one kernel for all pieces (PyTorch's own flash attention): CUDA, 16-bit numbers.

`auto` is varlen where it runs and each elsewhere. Those of transformers (`sdpa`, `flash_attention_2`,
...) may be named as well; they tell pieces apart by their positions. Whatever is used is tried before
the first step (`policy.examine`). Memory grows with the length of a piece, under a window too; with
its square only where scores are capped or have sinks.

Letters: H query heads, K key heads (H a multiple of K), N tokens, L of one piece, D numbers a head.
"""

import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

PACKED = ("each", "varlen")
"""Those of ours: they want `pieces` in the call of the model."""
LONG = 2048
"""From so many tokens a piece on, `each` is quicker on a GPU: 8,192 take its kernel (cuDNN's) 2.2 ms on
an H200, forward and back, `varlen`'s 4.0; 16 pieces of 512 take 2.1 and 1.1."""


@dataclass(slots=True)
class Pieces:
    """Where a row's pieces are. Not frozen, or `torch.compile` would compile for each anew."""

    lengths: tuple[int, ...]
    bounds: Tensor
    """(P + 1,) int32: where each begins, and the end."""


def register(compiled: bool = False) -> None:
    """Makes them known to transformers by name; not `compiled`: lengths are never the same."""
    from transformers import AttentionInterface

    for attend in (each, varlen):
        kept = torch.compiler.disable(attend) if compiled else attend
        AttentionInterface.register(attend.__name__, kept)


def chosen(name: str, half: bool) -> str:
    """The implementation that `name` stands for; `half`: forward passes compute in bfloat16."""
    if name != "auto":
        return name
    has = importlib.util.find_spec("torch.nn.attention.varlen") is not None
    return "varlen" if has and half and torch.cuda.is_available() else "each"


def each(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """Causal attention within each piece: (1, H, N, D), (1, K, N, D) twice -> (1, N, H, D)."""
    pieces: Pieces | None = options.pop("pieces", None)
    lengths = list(pieces.lengths) if pieces else [query.shape[2]]
    heads = zip(*(t.split(lengths, 2) for t in (query, key, value)), strict=True)
    attend = _by_kernel if options.get("softcap") is None and options.get("s_aux") is None else _own
    outputs = [attend(module, q, k, v, options) for q, k, v in heads]
    return torch.cat(outputs, 1).contiguous(), None


def varlen(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """The same by one kernel; what the kernel does not do, or not as fast, is left to `each`."""
    pieces: Pieces = options["pieces"]
    if torch.is_autocast_enabled(query.device.type):  # norms of queries and keys are in float32
        half = torch.get_autocast_dtype(query.device.type)
        query, key, value = (t.to(half) for t in (query, key, value))
    odd = options.get("softcap") or options.get("s_aux") is not None
    window = options.get("sliding_window")
    few = query.shape[2] >= LONG * len(pieces.lengths) and window is None
    if odd or few or query.dtype == torch.float32:
        return each(module, query, key, value, attention_mask, **options)
    from torch.nn.attention.varlen import varlen_attn

    longest = max(pieces.lengths)
    asked = "enable_gqa" in (varlen_attn.__kwdefaults__ or {})  # PyTorch 2.11 groups unasked
    grouped = {"enable_gqa": query.shape[1] != key.shape[1]} if asked else {}
    output = varlen_attn(
        *(t[0].transpose(0, 1) for t in (query, key, value)),
        *(pieces.bounds, pieces.bounds, longest, longest),
        scale=options.get("scaling"),
        window_size=(window - 1 if window else -1, 0),  # nothing to the right: causal
        **grouped,
    )
    return output[None], None


def _by_kernel(module: Any, query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, L, H, D) by PyTorch's kernels, which hold no (L, L) matrix where they need no mask. Under a
    window, queries are taken in blocks, each with the keys that it may see.
    """
    window, size, share = (
        options.get("sliding_window"),
        query.shape[2],
        query.shape[1] // key.shape[1],
    )
    if share > 1 and query.device.type == "cpu":  # its kernel takes equal heads only
        key, value, share = *(t.repeat_interleave(share, 1) for t in (key, value)), 1
    common = {"scale": options.get("scaling"), "dropout_p": options.get("dropout", 0.0)}
    common["enable_gqa"] = share > 1
    if window is None or size <= window:
        output = scaled_dot_product_attention(query, key, value, is_causal=True, **common)
        return output.transpose(1, 2)
    outputs = []
    for start in range(0, size, window):
        end, first = min(size, start + window), max(0, start - window + 1)
        mask = _seen(end - start, end - first, window, query.device)
        q, k, v = query[:, :, start:end], key[:, :, first:end], value[:, :, first:end]
        outputs.append(scaled_dot_product_attention(q, k, v, mask, **common))
    return torch.cat(outputs, 2).transpose(1, 2)


def _own(module: Any, query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, L, H, D) by the model's own plain code: scores capped (Gemma 2), sinks (gpt-oss)."""
    plain = sys.modules[type(module).__module__].eager_attention_forward
    size = query.shape[2]
    mask = _seen(size, size, options.get("sliding_window"), query.device).to(query.dtype).log()
    output: Tensor = plain(module, query, key, value, mask, **options)[0]
    return output


def _seen(queries: int, keys: int, window: int | None, device: Any) -> Tensor:
    """(queries, keys): which keys the last `queries` of `keys` places see, looking back."""
    at = torch.arange(keys, device=device)
    far = at[keys - queries :, None] - at
    return (far >= 0) & (far < (window or keys))
