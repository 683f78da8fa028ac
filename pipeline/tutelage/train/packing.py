"""Many sequences in one forward pass, none of which sees another.

A forward pass is one row: pieces laid end to end, positions counted anew from each one's start, no
padding. `each` attends to every piece by itself, so there is nothing to mask and the cost grows
with the sum of squares of the lengths, not with the square of the sum. Implementations of
transformers (`sdpa`, `eager`, `flash_attention_2`) tell the pieces apart by the positions.

Letters: N tokens in the row, n of them trained.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tutelage.errors import SettingsError
from tutelage.seeds import seed
from tutelage.train.tokens import Piece


@dataclass(frozen=True, slots=True)
class WeightedSequence:
    """A piece, and what each of its trained tokens counts for."""

    piece: Piece
    coefficient: float
    """c_t of the loss."""
    weight: float
    """1, or the advantage."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One forward pass."""

    ids: Tensor
    """(1, N) int64."""
    positions: Tensor
    """(1, N) int64: 0, 1, 2, ... from each piece's start."""
    keep: Tensor
    """(n,) int64: where in the row the token *before* each trained one stands."""
    targets: Tensor
    """(n,) int64: the trained tokens."""
    turns: Tensor
    """(n,) int64: the student's turn of each."""
    coefficients: Tensor
    """(n,) float32: c_t."""
    weights: Tensor
    """(n,) float32: 1 or the advantage."""
    behaviour_logprobs: Tensor
    """(n,) float32: log-probability when sampled; NaN where unknown."""
    lengths: tuple[int, ...]
    """Of the pieces; they sum to N."""

    def to(self, device: Any) -> Self:
        """The same on another device."""
        moved = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def idle(self) -> Self:
        """The same pass, counting for nothing: for a machine that has no work left in a step."""
        return replace(self, coefficients=torch.zeros_like(self.coefficients))


def packed(sequences: Sequence[WeightedSequence]) -> Packed:
    """The sequences as one row, in their order."""
    pieces = [sequence.piece for sequence in sequences]
    starts = np.cumsum([0, *map(len, pieces)])
    trained = [np.flatnonzero(piece.train) for piece in pieces]
    count = [len(t) for t in trained]

    def joined(arrays: Sequence[Any], kind: Any) -> Tensor:
        return torch.from_numpy(np.concatenate(arrays).astype(kind))

    def spread(values: Sequence[float]) -> Tensor:
        return torch.from_numpy(np.repeat(np.array(values, np.float32), count))

    picked = list(zip(pieces, trained, strict=True))
    return Packed(
        ids=joined([p.ids for p in pieces], np.int64)[None],
        positions=joined([np.arange(len(p)) for p in pieces], np.int64)[None],
        keep=joined([s + t - 1 for s, t in zip(starts[:-1], trained, strict=True)], np.int64),
        targets=joined([p.ids[t] for p, t in picked], np.int64),
        turns=joined([p.turn[t] for p, t in picked], np.int64),
        coefficients=spread([sequence.coefficient for sequence in sequences]),
        weights=spread([sequence.weight for sequence in sequences]),
        behaviour_logprobs=joined([p.logprobs[t] for p, t in picked], np.float32),
        lengths=tuple(map(len, pieces)),
    )


def rows(sequences: Sequence[WeightedSequence], capacity: int) -> list[list[WeightedSequence]]:
    """The sequences in rows of at most `capacity` tokens; a longer one gets a row of its own.

    First fit, longest first: at most 22 % more rows than need be, usually none.
    """
    rows: list[list[WeightedSequence]] = []
    room: list[int] = []
    for sequence in sorted(sequences, key=lambda sequence: -len(sequence.piece)):
        size = len(sequence.piece)
        for i, left in enumerate(room):
            if size <= left:
                rows[i].append(sequence)
                room[i] -= size
                break
        else:
            rows.append([sequence])
            room.append(capacity - size)
    return rows


def order(units: int, batch: int, epochs: int, number: int) -> list[list[int]]:
    """Which units each optimiser step takes: every epoch in another order, the last step smaller.

    The whole plan follows from the seed, so a resumed run needs no more than its step number.
    """
    steps = []
    for epoch in range(epochs):
        shuffled = list(range(units))
        random.Random(seed("order", number, epoch)).shuffle(shuffled)
        steps += [shuffled[i : i + batch] for i in range(0, units, batch)]
    return steps


def each(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """Causal attention within each piece: an attention function for transformers.

    query (1, H, N, D), key and value (1, K, N, D) with H a multiple of K -> (1, N, H, D). The
    option `lengths` comes with the call of the model.
    """
    lengths = options.get("lengths") or [query.shape[2]]
    window = options.get("sliding_window")
    if options.get("softcap") is not None or options.get("s_aux") is not None:
        raise SettingsError("this model's attention has more to it: use --attention eager")
    outputs = []
    for q, k, v in zip(*(t.split(list(lengths), 2) for t in (query, key, value)), strict=True):
        size = q.shape[2]
        mask = None
        if window is not None and size > window:
            at = torch.arange(size, device=q.device)
            mask = (at[:, None] >= at) & (at[:, None] - at < window)
        outputs.append(
            F.scaled_dot_product_attention(
                q,
                k,
                v,
                attn_mask=mask,
                is_causal=mask is None,
                scale=options.get("scaling"),
                dropout_p=options.get("dropout", 0.0),
                enable_gqa=q.shape[1] != k.shape[1],
            )
        )
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None
