"""What a training would do, without doing it: `--dry-run`. Nothing is written.

Sequences are shown as they would be learnt, and memory is told from shapes (`memory`). Time is
told only where a pass is run on the very model: `--measure`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tutelage.train import memory, packing
from tutelage.train.dataset import Dataset
from tutelage.train.learner import Learner
from tutelage.train.packing import Packed, WeightedSequence
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Piece


@dataclass(frozen=True, slots=True)
class Cost:
    """What one pass took, and what the training would."""

    seconds: float
    """For the whole training, at the speed of the measured pass; validation and saving excluded."""
    tokens_per_s: float
    gib: float
    """Peak memory of this process with the optimiser's, in GiB; on a GPU the GPU's."""


def spans(piece: Piece, tokenizer: Any) -> list[tuple[str, bool]]:
    """The piece as text, cut where training begins and ends: (text, whether it is trained on)."""
    marked = zip(piece.ids.tolist(), piece.train.tolist(), strict=True)
    return [
        (tokenizer.decode([token for token, _ in run]), trained)
        for trained, run in groupby(marked, key=lambda pair: pair[1])
    ]


def histogram(lengths: Sequence[int], bins: int = 8) -> list[tuple[int, int, int]]:
    """(from, to, how many) over equal bins, both ends inclusive.

    >>> histogram([1, 2, 3, 8], bins=2)
    [(1, 4, 3), (5, 8, 1)]
    """
    low, high = min(lengths), max(lengths)
    width = -(-(high - low + 1) // bins)
    edges = range(low, high + 1, width)
    return [(a, a + width - 1, sum(a <= n < a + width for n in lengths)) for a in edges]


def passes(recipe: Recipe, dataset: Dataset) -> int:
    """Forward passes of the whole training, on one process."""
    plan = packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed)
    steps = [[p for i in step for s in dataset.groups[i] for p in s.pieces] for step in plan]
    weighted = ([WeightedSequence(piece, 0, 0) for piece in step] for step in steps)
    return sum(len(packing.rows(step, recipe.pack)) for step in weighted)


def fullest(recipe: Recipe, dataset: Dataset) -> Packed:
    """The longest row of the first steps: what memory is told by."""
    groups = dataset.groups[: 4 * recipe.batch]
    pieces = [WeightedSequence(p, 1.0, 1.0) for g in groups for s in g for p in s.pieces]
    rows = packing.rows(pieces, recipe.pack)
    return packing.packed(max(rows, key=lambda row: sum(len(x.piece) for x in row)))


def measure(learner: Learner, dataset: Dataset) -> Cost:
    """Runs the fullest pass, forward and backward, and takes its time.

    The first of two is not timed: it is slower. No weight is changed.
    """
    recipe = learner.recipe
    row = fullest(recipe, dataset).to(learner.accelerator.device)
    seconds = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        learner.rehearse(row)
        seconds = time.perf_counter() - begun
    trained = sum(w.numel() for w in learner.policy.parameters() if w.requires_grad)
    states = memory.STATE_BYTES[recipe.states] * trained
    total = recipe.epochs * sum(len(p) for s in dataset.samples for p in s.pieces)
    speed = sum(row.lengths) / seconds
    return Cost(total / speed, speed, (memory.peak() + states) / 2**30)
