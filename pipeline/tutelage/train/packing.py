"""Many sequences in one forward pass, and the passes of a step dealt to processes.

A forward pass is one row: pieces laid end to end, positions counted anew from each one's start, no
padding. That no piece sees another is up to the attention (`attention`).

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

    def idle(self) -> Self:
        """The same pass, counting for nothing: for a process that has no work left in a step."""
        return replace(self, coefficients=torch.zeros_like(self.coefficients))


def packed(sequences: Sequence[WeightedSequence]) -> Packed:
    """The sequences as one row, in their order."""
    pieces = [sequence.piece for sequence in sequences]
    starts = np.cumsum([0, *map(len, pieces)])
    trained = [np.flatnonzero(piece.train) for piece in pieces]
    count = [len(t) for t in trained]

    def joined(arrays: Sequence[Any], kind: Any) -> Tensor:
        return torch.from_numpy(np.concatenate(arrays).astype(kind))

    def spread(values: Sequence[float], kind: Any = np.float32) -> Tensor:
        return torch.from_numpy(np.repeat(np.array(values, kind), count))

    pairs = list(zip(pieces, trained, strict=True))
    return Packed(
        ids=joined([p.ids for p in pieces], np.int64)[None],
        positions=joined([np.arange(len(p)) for p in pieces], np.int64)[None],
        bounds=torch.from_numpy(starts.astype(np.int32)),
        keep=joined([s + t - 1 for s, t in zip(starts[:-1], trained, strict=True)], np.int64),
        targets=joined([p.ids[t] for p, t in pairs], np.int64),
        turns=joined([p.turn[t] for p, t in pairs], np.int64),
        pieces=spread(range(len(pieces)), np.int64),
        coefficients=spread([sequence.coefficient for sequence in sequences]),
        weights=spread([sequence.weight for sequence in sequences])
        * joined(
            [np.ones(len(t)) if p.correction is None else p.correction[t] for p, t in pairs],
            np.float32,
        ),
        behaviour_logprobs=joined([p.logprobs[t] for p, t in pairs], np.float32),
        lengths=tuple(map(len, pieces)),
    )


Row = list[WeightedSequence]


def rows(sequences: Sequence[WeightedSequence], capacity: int, processes: int = 1) -> list[Row]:
    """The sequences in rows of at most `capacity` tokens; a longer one gets a row of its own.

    The number of rows is a multiple of `processes`, and row i is for process i % processes: rows
    that run at the same moment are of like length, because processes wait for each other after
    every row. Some are empty where there are fewer sequences than processes.
    """
    least = max(1, len(_first_fit(sequences, capacity)))
    count = -(-least // processes) * processes
    while (dealt := _spread(sequences, count)) and not _fits(dealt, capacity):
        count += processes
    return sorted(dealt, key=lambda row: -_tokens(row))


def _tokens(row: Row) -> int:
    return sum(len(sequence.piece) for sequence in row)


def _fits(rows: Sequence[Row], capacity: int) -> bool:
    return all(len(row) < 2 or _tokens(row) <= capacity for row in rows)


def _first_fit(sequences: Sequence[WeightedSequence], capacity: int) -> list[Row]:
    """First fit, longest first: at most 22 % more rows than need be, usually none."""
    rows: list[Row] = []
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


def _spread(sequences: Sequence[WeightedSequence], count: int) -> list[Row]:
    """`count` rows of nearly equal length: the longest first, each to the shortest row."""
    heap: list[tuple[int, int, Row]] = [(0, i, []) for i in range(count)]
    for sequence in sorted(sequences, key=lambda sequence: -len(sequence.piece)):
        size, i, row = heap[0]
        row.append(sequence)
        heapq.heapreplace(heap, (size + len(sequence.piece), i, row))
    return [row for _, _, row in heap]


def order(groups: int, batch: int, epochs: int, number: int) -> list[list[int]]:
    """Which groups each optimiser step takes: every epoch in another order, the last step smaller.

    The whole plan follows from the seed `number`, so a resumed run needs only its step number.
    """
    steps = []
    for epoch in range(epochs):
        shuffled = list(range(groups))
        random.Random(seed("order", number, epoch)).shuffle(shuffled)
        steps += [shuffled[i : i + batch] for i in range(0, groups, batch)]
    return steps
