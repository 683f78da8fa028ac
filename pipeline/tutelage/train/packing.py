"""Many sequences in one forward pass, and the passes of a step dealt to processes.

A forward pass is one row: pieces laid end to end, positions counted anew from each one's start. No
padding, so no pad token can hide a stop. That no piece sees another is up to `attention`.

Letters: N tokens in the row, n of them trained, P pieces.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from tutelage.contract.tokens import Piece
from tutelage.seeds import seed


@dataclass(frozen=True, slots=True)
class WeightedSequence:
    """A piece, and what each of its trained tokens counts for: c_t, and 1 or the advantage."""

    piece: Piece
    coefficient: float
    weight: float


@dataclass(frozen=True, slots=True)
class Packed:
    """One forward pass."""

    ids: Tensor
    """(1, N) int64."""
    positions: Tensor
    """(1, N) int64: 0, 1, 2, ... from each piece's start."""
    bounds: Tensor
    """(P + 1,) int32: where in the row each piece begins, and the end."""
    keep: Tensor
    """(n,) int64: where in the row the token *before* each trained one stands."""
    targets: Tensor
    """(n,) int64: the trained tokens."""
    turns: Tensor
    """(n,) int64: the student's turn of each."""
    pieces: Tensor
    """(n,) int64: the piece of each, from 0."""
    coefficients: Tensor
    """(n,) float32: c_t."""
    weights: Tensor
    """(n,) float32: 1 or the advantage, times the piece's correction."""
    behaviour_logprobs: Tensor
    """(n,) float32: log-probability when sampled; NaN where unknown."""
    lengths: tuple[int, ...]
    """Of the P pieces; they sum to N."""

    def to(self, device: Any) -> Self:
        """The same on another device."""
        moved = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)


def packed(sequences: Sequence[WeightedSequence]) -> Packed:
    """The sequences as one row, in their order."""
    pieces = [sequence.piece for sequence in sequences]
    lengths = tuple(map(len, pieces))
    joined = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("ids", "train", "turn", "logprobs", "correction")
    }
    (at,) = np.nonzero(joined["train"])

    def tensor(values: Any, kind: Any = np.float32) -> Tensor:
        return torch.from_numpy(np.asarray(values).astype(kind))

    def spread(values: Sequence[float]) -> Any:
        return np.repeat(np.array(values), lengths)[at]

    weights = spread([sequence.weight for sequence in sequences])
    return Packed(
        ids=tensor(joined["ids"], np.int64)[None],
        positions=tensor(np.concatenate([np.arange(n) for n in lengths]), np.int64)[None],
        bounds=tensor(np.cumsum([0, *lengths]), np.int32),
        keep=tensor(at - 1, np.int64),
        targets=tensor(joined["ids"][at], np.int64),
        turns=tensor(joined["turn"][at], np.int64),
        pieces=tensor(spread(range(len(pieces))), np.int64),
        coefficients=tensor(spread([sequence.coefficient for sequence in sequences])),
        weights=tensor(weights * joined["correction"][at]),
        behaviour_logprobs=tensor(joined["logprobs"][at]),
        lengths=lengths,
    )


PackedRow = list[WeightedSequence]


def rows(
    sequences: Sequence[WeightedSequence], capacity: int, processes: int = 1
) -> list[PackedRow]:
    """The sequences in rows of at most `capacity` tokens; a longer one gets a row of its own.

    The number of rows is a multiple of `processes`, some may be empty, and row i is for process
    i % processes: those that run at one moment, and wait for each other, are of like length.
    """
    total, longest_first = tokens(sequences), sorted(sequences, key=lambda x: -len(x.piece))
    least = max(1, min(len(sequences), total // max(1, capacity)))
    count = -(-least // processes) * processes
    while not _fits(dealt := _dealt(longest_first, count), capacity):
        count += processes
    return sorted(dealt, key=lambda row: -tokens(row))


def tokens(row: Sequence[WeightedSequence]) -> int:
    """How many a row holds."""
    return sum(len(sequence.piece) for sequence in row)


def _fits(rows: Sequence[PackedRow], capacity: int) -> bool:
    return all(len(row) < 2 or tokens(row) <= capacity for row in rows)


def _dealt(sequences: Sequence[WeightedSequence], count: int) -> list[PackedRow]:
    """`count` rows of nearly equal length: each sequence, the longest first, to the shortest row."""
    heap: list[tuple[int, int, PackedRow]] = [(0, i, []) for i in range(count)]
    for sequence in sequences:
        size, i, row = heap[0]
        row.append(sequence)
        heapq.heapreplace(heap, (size + len(sequence.piece), i, row))
    return [row for _, _, row in heap]


def order(groups: int, batch: int, epochs: int, number: int) -> list[list[int]]:
    """Which groups each optimiser step takes: every epoch in another order, by the seed `number`."""
    steps = []
    for epoch in range(epochs):
        shuffled = list(range(groups))
        random.Random(seed("order", number, epoch)).shuffle(shuffled)
        steps += [shuffled[i : i + batch] for i in range(0, groups, batch)]
    return steps
