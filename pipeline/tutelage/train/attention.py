"""Attention over packed sequences that do not see each other, as functions for transformers.

    each      every piece separately: no mask, and work that grows with the sum of squares of the
              lengths, not with the square of the sum. Any device, any extra (window, cap, sinks).
    varlen    one kernel for all pieces (PyTorch's own flash attention): CUDA, 16-bit numbers.

`auto` is varlen if it is available, else each. Those of transformers (`sdpa`, `flash_attention_2`,
...) can be named too; they tell pieces apart by their positions. The implementation is tested
before the first step (`policy.examine`). Memory grows linearly with the length of a piece, also
with a window; quadratically only if scores are capped or have sinks.

Letters: H query heads, K key heads (H a multiple of K), N tokens, L tokens of one piece, D numbers
per head.
"""

import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

PACKED = ("each", "varlen")
"""Our implementations: they need `pieces` in the call of the model."""
LONG = 2048
"""Pieces from this many tokens on are faster with `each` on a GPU. On an H200, forward and backward
of 8,192 tokens take its kernel (cuDNN's) 2.2 ms and `varlen` 4.0 ms; 16 pieces of 512 take 2.1 and
1.1 ms.
"""


@dataclass(slots=True)
class Pieces:
    """Positions of a row's pieces. Not frozen, or `torch.compile` would recompile for each one."""

    lengths: tuple[int, ...]
    bounds: Tensor
    """(P + 1,) int32: the start of each piece, and the end of the last."""


def register(compiled: bool = False) -> None:
    """Registers the implementations with transformers. `compiled` excludes them from
    `torch.compile`, because lengths vary.
    """
    from transformers import AttentionInterface

    for attend in (each, varlen):
        registered = torch.compiler.disable(attend) if compiled else attend
        AttentionInterface.register(attend.__name__, registered)


def chosen(name: str, half: bool) -> str:
    """Resolves `auto`; `half`: forward passes compute in bfloat16."""
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
    attend = (
        _by_kernel if options.get("softcap") is None and options.get("s_aux") is None else _eager
    )
    outputs = [attend(module, q, k, v, options) for q, k, v in heads]
    return torch.cat(outputs, 1).contiguous(), None


def varlen(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """The same in one kernel; cases that it does not support, or that are slower, go to `each`."""
    pieces: Pieces = options["pieces"]
    if torch.is_autocast_enabled(query.device.type):  # normalised queries and keys are float32
        half = torch.get_autocast_dtype(query.device.type)
        query, key, value = (t.to(half) for t in (query, key, value))
    is_unsupported = options.get("softcap") or options.get("s_aux") is not None
    window = options.get("sliding_window")
    is_long = query.shape[2] >= LONG * len(pieces.lengths) and window is None
    if is_unsupported or is_long or query.dtype == torch.float32:
        return each(module, query, key, value, attention_mask, **options)
    from torch.nn.attention.varlen import varlen_attn

    longest = max(pieces.lengths)
    has_flag = "enable_gqa" in (varlen_attn.__kwdefaults__ or {})  # PyTorch 2.11 groups by default
    grouped = {"enable_gqa": query.shape[1] != key.shape[1]} if has_flag else {}
    output = varlen_attn(
        *(t[0].transpose(0, 1) for t in (query, key, value)),
        *(pieces.bounds, pieces.bounds, longest, longest),
        scale=options.get("scaling"),
        window_size=(window - 1 if window else -1, 0),  # no tokens to the right: causal
        **grouped,
    )
    return output[None], None


def _by_kernel(module: Any, query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, L, H, D) with PyTorch's kernels, which build no (L, L) matrix if they need no mask. With
    a window, queries are processed in blocks, each with the keys that it may see.
    """
    window, size, share = (
        options.get("sliding_window"),
        query.shape[2],
        query.shape[1] // key.shape[1],
    )
    if share > 1 and query.device.type == "cpu":  # the CPU kernel needs equal numbers of heads
        key, value, share = *(t.repeat_interleave(share, 1) for t in (key, value)), 1
    common = {"scale": options.get("scaling"), "dropout_p": options.get("dropout", 0.0)}
    common["enable_gqa"] = share > 1
    if window is None or size <= window:
        output = scaled_dot_product_attention(query, key, value, is_causal=True, **common)
        return output.transpose(1, 2)
    outputs = []
    for start in range(0, size, window):
        end, first = min(size, start + window), max(0, start - window + 1)
        mask = _visible(end - start, end - first, window, query.device)
        q, k, v = query[:, :, start:end], key[:, :, first:end], value[:, :, first:end]
        outputs.append(scaled_dot_product_attention(q, k, v, mask, **common))
    return torch.cat(outputs, 2).transpose(1, 2)


def _eager(module: Any, query: Tensor, key: Tensor, value: Tensor, options: Any) -> Tensor:
    """(1, L, H, D) with the model's eager code: capped scores (Gemma 2), sinks (gpt-oss)."""
    plain = sys.modules[type(module).__module__].eager_attention_forward
    size = query.shape[2]
    mask = _visible(size, size, options.get("sliding_window"), query.device).to(query.dtype).log()
    output: Tensor = plain(module, query, key, value, mask, **options)[0]
    return output


def _visible(queries: int, keys: int, window: int | None, device: Any) -> Tensor:
    """(queries, keys): which keys each of the last `queries` of `keys` positions may see."""
    positions = torch.arange(keys, device=device)
    distance = positions[keys - queries :, None] - positions
    return (distance >= 0) & (distance < (window or keys))
