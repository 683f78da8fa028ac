"""What a training would do, without doing it: `--dry-run`.

Time and memory are measured on one forward and backward pass of the very model, not guessed from
its size. Nothing is written.
"""

import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from tutelage.train import packing
from tutelage.train.dataset import Dataset
from tutelage.train.learner import Learner
from tutelage.train.packing import WeightedSequence
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
    weights: int
    """All numbers of the model."""
    trained: int
    """Those that are trained."""


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
    return sum(
        len(packing.rows([WeightedSequence(p, 0, 0) for p in step], recipe.pack)) for step in steps
    )


def memory() -> float:
    """Bytes of memory that this machine has for a model."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[1])
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def numbers(name: str) -> int:
    """How many numbers the model has, without loading it."""
    from transformers import AutoModelForCausalLM

    from tutelage.train.model import config

    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config(name))
    return int(empty.num_parameters())


def least(recipe: Recipe, count: int) -> float:
    """Bytes that weights, gradients and optimiser need at least for a model of `count` numbers."""
    learner = count * (2 if recipe.lora else 16)
    return learner + (2 * count if recipe.beta and not recipe.lora else 0)


def measure(learner: Learner, dataset: Dataset) -> Cost:
    """Runs the fullest pass of the first step, forward and backward, and takes its time.

    The first of two is not timed: it is slower. No weight is changed.
    """
    recipe = learner.recipe
    pieces = [p for unit in dataset.groups[: recipe.batch] for s in unit for p in s.pieces]
    rows = packing.rows([WeightedSequence(piece, 1.0, 1.0) for piece in pieces], recipe.pack)
    fullest = max(rows, key=lambda row: sum(len(load.piece) for load in row))
    row = packing.packed(fullest).to(learner.accelerator.device)
    seconds = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        learner.rehearse(row)
        seconds = time.perf_counter() - begun
    weights = list(learner.taught.model.parameters())
    trained = sum(w.numel() for w in weights if w.requires_grad)
    total = recipe.epochs * sum(len(p) for s in dataset.samples for p in s.pieces)
    speed = sum(row.lengths) / seconds
    return Cost(
        total / speed,
        speed,
        (_peak() + 8 * trained) / 2**30,
        sum(w.numel() for w in weights),
        trained,
    )


def _peak() -> float:
    """Most bytes that this process has held at once."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
