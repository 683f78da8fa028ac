"""Packs many sequences into one forward pass, and distributes the passes of a step to processes.

A forward pass is one row: pieces end to end, with positions that restart at each piece. There is no
padding, so no pad token can hide a stop token. `attention` ensures that pieces do not see each
other.

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
    """A piece, and the weights of its trained tokens: c_t, and 1 or the advantage."""

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
    """(P + 1,) int32: the start of each piece in the row, and the end of the last."""
    keep: Tensor
    """(n,) int64: the position in the row of the token *before* each trained one."""
    targets: Tensor
    """(n,) int64: the trained tokens."""
    turns: Tensor
    """(n,) int64: the student's turn of each trained token."""
    pieces: Tensor
    """(n,) int64: the piece of each trained token, from 0."""
    coefficients: Tensor
    """(n,) float32: c_t."""
    weights: Tensor
    """(n,) float32: 1 or the advantage, times the piece's correction."""
    behaviour_logprobs: Tensor
    """(n,) float32: log-probability when sampled; NaN where unknown."""
    lengths: tuple[int, ...]
    """Lengths of the P pieces; they sum to N."""

    def to(self, device: Any) -> Self:
        """A copy on another device."""
        tensors = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **tensors)


def packed(sequences: Sequence[WeightedSequence]) -> Packed:
    """The sequences as one row, in their order."""
    pieces = [sequence.piece for sequence in sequences]
    lengths = tuple(map(len, pieces))
    arrays = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("ids", "train", "turn", "logprobs", "correction")
    }
    (positions,) = np.nonzero(arrays["train"])

    def tensor(values: Any, kind: Any = np.float32) -> Tensor:
        return torch.from_numpy(np.asarray(values).astype(kind))

    def spread(values: Sequence[float]) -> Any:
        return np.repeat(np.array(values), lengths)[positions]

    weights = spread([sequence.weight for sequence in sequences])
    return Packed(
        ids=tensor(arrays["ids"], np.int64)[None],
        positions=tensor(np.concatenate([np.arange(n) for n in lengths]), np.int64)[None],
        bounds=tensor(np.cumsum([0, *lengths]), np.int32),
        keep=tensor(positions - 1, np.int64),
        targets=tensor(arrays["ids"][positions], np.int64),
        turns=tensor(arrays["turn"][positions], np.int64),
        pieces=tensor(spread(range(len(pieces))), np.int64),
        coefficients=tensor(spread([sequence.coefficient for sequence in sequences])),
        weights=tensor(weights * arrays["correction"][positions]),
        behaviour_logprobs=tensor(arrays["logprobs"][positions]),
        lengths=lengths,
    )


PackedRow = list[WeightedSequence]


def rows(
    sequences: Sequence[WeightedSequence], capacity: int, processes: int = 1
) -> list[PackedRow]:
    """The sequences in rows of at most `capacity` tokens; a longer one gets a row of its own.

    The number of rows is a multiple of `processes`; some rows may be empty. Row i is for process i
    % processes, so that rows that run at the same time, and wait for each other, have similar
    lengths.
    """
    total, longest_first = tokens(sequences), sorted(sequences, key=lambda x: -len(x.piece))
    least = max(1, min(len(sequences), total // max(1, capacity)))
    count = -(-least // processes) * processes
    while not _fits(packed_rows := _dealt(longest_first, count), capacity):
        count += processes
    return sorted(packed_rows, key=lambda row: -tokens(row))


def tokens(row: Sequence[WeightedSequence]) -> int:
    """Number of tokens in a row."""
    return sum(len(sequence.piece) for sequence in row)


def _fits(rows: Sequence[PackedRow], capacity: int) -> bool:
    return all(len(row) < 2 or tokens(row) <= capacity for row in rows)


def _dealt(sequences: Sequence[WeightedSequence], count: int) -> list[PackedRow]:
    """`count` rows of nearly equal length: each sequence, longest first, goes to the shortest row."""
    heap: list[tuple[int, int, PackedRow]] = [(0, i, []) for i in range(count)]
    for sequence in sequences:
        size, i, row = heap[0]
        row.append(sequence)
        heapq.heapreplace(heap, (size + len(sequence.piece), i, row))
    return [row for _, _, row in heap]


def order(groups: int, batch: int, epochs: int, number: int) -> list[list[int]]:
    """The groups of each optimiser step: every epoch in another order, from the seed `number`."""
    steps = []
    for epoch in range(epochs):
        shuffled = list(range(groups))
        random.Random(seed("order", number, epoch)).shuffle(shuffled)
        steps += [shuffled[i : i + batch] for i in range(0, groups, batch)]
    return steps
