"""The difference of two conditions on the problems that both have.

At equal turns, a condition that writes more has more chances to be right, so each lift is also
given at equal tokens. A(b) is the accuracy of a condition when its dialogues have used b student
tokens on average: piecewise linear through (0, 0) and (tokens by turn t, solved by turn t). The
budget b is the smaller of the two conditions' tokens by the last turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tutelage import intervals
from tutelage.evaluate.scores import Scores
from tutelage.intervals import Array, Difference


@dataclass(frozen=True, slots=True)
class Lift:
    """How much better one condition is than another."""

    by_turn: tuple[Difference, ...]
    """Of the cumulative accuracy, at turn 1..T."""
    area: Difference
    gain: Difference
    """Of the gain from turn 1 to turn T."""
    equal_tokens: Difference
    budget: float
    """Student tokens per dialogue at which `equal_tokens` is computed."""

    @property
    def last(self) -> Difference:
        """At the last turn."""
        return self.by_turn[-1]


def lift(first: Scores, second: Scores) -> Lift | None:
    """`first` minus `second`; None if they share no problem.

    If both sides have equally many trainings, training i of each forms a pair, and the difference is
    taken within pairs. Two arms of one model are the same trainings; RL starts from the SFT of its
    seed. For unrelated trainings the interval is valid, but slightly too wide.

    Raises:
        ValueError: they were played with different numbers of turns.
    """
    if first.turns != second.turns:
        raise ValueError(f"turns differ: {first.turns} and {second.turns}")
    shared = sorted(set(first.problems) & set(second.problems))
    if not shared:
        return None
    first_shared, second_shared = first.over(shared), second.over(shared)
    in_pairs = len(first_shared.solved) == len(second_shared.solved)

    def less(left: Array, right: Array) -> Difference:
        return intervals.difference(left, right, same_seeds=in_pairs)

    budget, equal = equal_tokens(first_shared, second_shared, in_pairs=in_pairs)
    return Lift(
        tuple(
            less(first_shared.at(turn), second_shared.at(turn))
            for turn in range(1, first_shared.turns + 1)
        ),
        less(first_shared.area(), second_shared.area()),
        less(first_shared.gain(), second_shared.gain()),
        equal,
        budget,
    )


def equal_tokens(one: Scores, other: Scores, *, in_pairs: bool) -> tuple[float, Difference]:
    """(budget, A(budget) of `one` minus that of `other`), both recomputed in every bootstrap draw."""
    cells = [_filled(side) for side in (one, other)]

    def curves(side: int, weights: Array, rows: Sequence[int]) -> tuple[Array, Array]:
        solved, tokens, known = cells[side]
        count = weights @ known[rows].sum(axis=0)
        return (
            np.einsum("rp,pt->rt", weights, solved[rows].sum(axis=0)) / count[:, None],
            np.einsum("rp,pt->rt", weights, tokens[rows].sum(axis=0)) / count[:, None],
        )

    def budgets(weights: Array, rows: Sequence[int], others: Sequence[int]) -> Array:
        spent = [curves(0, weights, rows)[1][:, -1], curves(1, weights, others)[1][:, -1]]
        least: Array = np.minimum(*spent)
        return least

    def statistic(
        weights: Array, rows: Sequence[int], others: Sequence[int] | None = None
    ) -> Array:
        others = rows if others is None else others
        budget = budgets(weights, rows, others)
        left = reached(*curves(0, weights, rows), budget)
        return left - reached(*curves(1, weights, others), budget)

    seed_counts = [len(one.solved)] if in_pairs else [len(one.solved), len(other.solved)]
    value, draws = intervals.draw(statistic, len(one.problems), seed_counts)
    all_seeds = [list(range(len(side.solved))) for side in (one, other)]
    budget = float(budgets(np.ones((1, len(one.problems))), *all_seeds)[0])
    difference = intervals.judged(float(value), draws, len(one.problems), min(map(len, all_seeds)))
    return budget, difference


def reached(solved: Array, tokens: Array, budget: Array) -> Array:
    """A(budget) of each row: solved and tokens are (R, T) by turn, budget is (R,).

    >>> reached(np.array([[0.2, 0.6]]), np.array([[10.0, 20.0]]), np.array([15.0]))
    array([0.4])
    """
    accuracy = np.zeros(len(budget))
    spent, right = np.zeros(len(budget)), np.zeros(len(budget))
    for turn in range(solved.shape[1]):
        width = tokens[:, turn] - spent
        step = np.divide(budget - spent, width, out=(budget >= spent) * 1.0, where=width > 0)
        accuracy += np.clip(step, 0, 1) * (solved[:, turn] - right)
        spent, right = tokens[:, turn], solved[:, turn]
    return accuracy


def _filled(of: Scores) -> tuple[Array, Array, Array]:
    """Solved and tokens with zeros for missing values, and (S, P) which cells exist."""
    known = np.isfinite(of.solved[:, :, 0])
    return np.nan_to_num(of.solved), np.nan_to_num(of.tokens), known.astype(np.float64)
