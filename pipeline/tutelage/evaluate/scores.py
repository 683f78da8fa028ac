"""Solved by turn, and tokens by turn: dialogues as arrays over seeds, problems and turns.

S seeds (trainings that differ only in their seed), P problems, T turns. A cell is the mean over the
samples of one problem under one seed; NaN if that seed has no dialogue about the problem.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutelage import intervals
from tutelage.evaluate.rates import Count, tokens_by_turn
from tutelage.intervals import Array, Interval

RowDict = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scores:
    """The results of a condition on its problems, turn by turn."""

    problems: tuple[str, ...]
    """P keys, sorted."""
    solved: Array
    """(S, P, T): share of the samples that were solved by turn t."""
    tokens: Array
    """(S, P, T): mean tokens per dialogue that the student had written by turn t."""

    @property
    def turns(self) -> int:
        """T."""
        return int(self.solved.shape[2])

    def at(self, turn: int) -> Array:
        """(S, P): solved by `turn`, counted from 1."""
        return self.solved[:, :, turn - 1]

    def area(self) -> Array:
        """(S, P): mean over turns 1..T of solved by turn, the area under the curve over its width."""
        mean: Array = self.solved.mean(axis=2)
        return mean

    def gain(self) -> Array:
        """(S, P): solved by turn T, but not at turn 1."""
        gained: Array = self.at(self.turns) - self.at(1)
        return gained

    def over(self, problems: Sequence[str]) -> "Scores":
        """The same on these problems only, in this order."""
        column_of = {key: index for index, key in enumerate(self.problems)}
        chosen = [column_of[key] for key in problems]
        return Scores(tuple(problems), self.solved[:, chosen], self.tokens[:, chosen])


def scores(seeds: Sequence[Iterable[RowDict]], turns: int, key: str = "problem_id") -> Scores:
    """The rows of each seed as arrays; `key` is the column that identifies problems.

    A dialogue that was solved at turn n counts as solved at every turn from n on.
    """
    by_seed: list[dict[str, list[tuple[int | None, list[float]]]]] = []
    for rows in seeds:
        by_problem: dict[str, list[tuple[int | None, list[float]]]] = {}
        for row in rows:
            entry = (row["outcome"]["solved_turn"], tokens_by_turn(row, turns))
            by_problem.setdefault(row[key], []).append(entry)
        by_seed.append(by_problem)
    problems = sorted(set().union(*by_seed))
    solved = np.full((len(by_seed), len(problems), turns), np.nan)
    tokens = np.full_like(solved, np.nan)
    by_turn = np.arange(1, turns + 1)
    for seed, by_problem in enumerate(by_seed):
        for column, problem in enumerate(problems):
            if samples := by_problem.get(problem):
                solved_turns = np.array([turn or np.inf for turn, _ in samples])
                solved[seed, column] = (solved_turns[:, None] <= by_turn).mean(axis=0)
                tokens[seed, column] = np.mean([spent for _, spent in samples], axis=0)
    return Scores(tuple(problems), solved, tokens)


def curve(of: Scores) -> list[Interval]:
    """Cumulative accuracy at turn 1..T: mean over problems of solved by turn t (SML, figure 3)."""
    return [intervals.mean(of.at(turn), is_share=True) for turn in range(1, of.turns + 1)]


def share(
    seeds: Sequence[Iterable[RowDict]],
    count: Callable[[RowDict], Count],
    *,
    is_share: bool = True,
    key: str = "problem_id",
) -> Interval:
    """A rate of `evaluate.rates` over these rows, with problems resampled."""
    by_seed: list[dict[str, list[Count]]] = []
    for rows in seeds:
        by_problem: dict[str, list[Count]] = {}
        for row in rows:
            by_problem.setdefault(row[key], []).append(count(row))
        by_seed.append(by_problem)
    problems = sorted(set().union(*by_seed))
    numerators, denominators = np.zeros((2, len(by_seed), len(problems)))
    for seed, by_problem in enumerate(by_seed):
        for column, problem in enumerate(problems):
            for numerator, denominator in by_problem.get(problem, ()):
                numerators[seed, column] += numerator
                denominators[seed, column] += denominator
    return intervals.ratio(numerators, denominators, is_share=is_share)
