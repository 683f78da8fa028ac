"""How sure a figure is: intervals, differences with p-values, and what could have been seen at all.

Rows of one problem are alike, so the unit that is drawn anew is the problem, never the dialogue.
Values come as arrays of shape (problems,), or (seeds, problems) where several trainings that differ
in nothing but their seed met the same problems; the mean over a problem's samples is one value.

    wilson       a share of independent trials                       no drawing
    mean         of one value a problem                              bootstrap over problems
    ratio        of two sums, such as repeats to later attempts      bootstrap over problems
    difference   of two conditions on the same problems              paired bootstrap, p, detectable
    draw         any statistic of the problems that were drawn       what the three above are made of

Seeds are not resampled: a bootstrap of three values never leaves their range. Each draw adds
t * s / sqrt(S) instead, with t from Student's distribution with S - 1 degrees of freedom and s the
standard deviation of the figure from seed to seed. With one seed that spread is unknown, and an
interval covers the choice of problems alone.

Not here: what is counted (`evaluate`). NumPy only, and no IO, so that every room may import it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Statistic = Callable[..., Array]
"""(weights of shape (draws, problems), then for each side the seeds to pool) -> (draws, ...)."""

LEVEL = 0.95
DRAWS = 2000
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval of `LEVEL`."""

    value: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """One condition less another, on the problems that both met."""

    p: float
    """Two-sided: how often a draw falls on the other side of zero, doubled; at least 2 / draws."""
    detectable: float
    """The least true difference that would be found four times in five at this many problems."""
    problems: int
    seeds: int
    """Of the condition that has fewer."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return not self.low <= 0 <= self.high


def wilson(successes: float, total: float, level: float = LEVEL) -> Interval:
    """Share of independent trials (Wilson, JASA 22, 1927).

    centre = (k + z^2/2) / (n + z^2),  half = z / (n + z^2) * sqrt(k (n - k) / n + z^2/4).

    >>> str(wilson(0, 10))
    '0.000 [0.000, 0.278]'
    """
    if total <= 0:
        return Interval(math.nan, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (successes + z * z / 2) / (total + z * z)
    spread = max(0.0, successes * (total - successes) / total) + z * z / 4
    half = z / (total + z * z) * math.sqrt(spread)
    return Interval(successes / total, max(0.0, centre - half), min(1.0, centre + half))


def draw(
    statistic: Statistic,
    problems: int,
    seeds: Sequence[int] = (1,),
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Array, Array]:
    """(the statistic, shape (...); its draws, shape (draws, ...)).

    Weights say how often each problem was drawn: n of n with replacement (Efron and Tibshirani,
    1993, section 6). `seeds` counts the trainings on each side of the statistic: one side for a
    figure, two for a difference of two models. Student's term is added for each that has several.

    >>> total = lambda weights, rows: weights @ np.ones((len(rows), 3)).sum(axis=0)
    >>> float(draw(total, 3, [2], draws=5)[0])
    6.0
    """
    every = [list(range(count)) for count in seeds]
    whole = np.ones((1, problems))
    value = statistic(whole, *every)[0]
    drawn = statistic(_weights(problems, draws, seed), *every)
    for side, count in enumerate(seeds):
        if count < 2:
            continue
        alone = [[*every[:side], [index], *every[side + 1 :]] for index in every[side]]
        by_seed = np.stack([statistic(whole, *rows)[0] for rows in alone])
        error = np.std(by_seed, axis=0, ddof=1) / math.sqrt(count)
        term = np.random.default_rng([seed, 1 + side]).standard_t(count - 1, size=draws)
        drawn = drawn + term.reshape(-1, *[1] * np.ndim(error)) * error
    return value, drawn


def within(value: float, drawn: Array, level: float = LEVEL) -> Interval:
    """The interval that leaves out an equal share of the draws on either side."""
    kept = drawn[np.isfinite(drawn)]
    if not len(kept):
        return Interval(float(value), math.nan, math.nan)
    low, high = np.quantile(kept, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(value), float(low), float(high))


def mean(
    values: ArrayLike, *, is_share: bool = False, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean of one value a problem; NaN where a problem is missing under a seed."""
    cells = _cells(values)
    known = np.isfinite(cells)
    filled = np.where(known, cells, 0.0)
    return ratio(filled, known, is_share=is_share, draws=draws, seed=seed)


def ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    is_share: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """Sum of the numerators over the sum of the denominators.

    A share lies in [0, 1]; one that is 0 or 1 in every problem has no spread to draw from, and its
    interval is Wilson's over the problems that count.
    """
    above, below = _cells(numerators), _cells(denominators)
    counted = below.sum(axis=0) > 0
    if not counted.any():
        return Interval(math.nan, math.nan, math.nan)
    if is_share and (not above.any() or np.array_equal(above, below)):
        return wilson(counted.sum() if above.any() else 0, int(counted.sum()))

    def statistic(weights: Array, rows: Sequence[int]) -> Array:
        return _divided(weights @ above[rows].sum(axis=0), weights @ below[rows].sum(axis=0))

    value, drawn = draw(statistic, above.shape[1], [len(above)], draws=draws, seed=seed)
    interval = within(float(value), drawn)
    if not is_share:
        return interval
    return Interval(interval.value, max(0.0, interval.low), min(1.0, interval.high))


def difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    same_seeds: bool = False,
    is_share: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """Mean of `first` less mean of `second`; column i of both is one problem, drawn together.

    With `same_seeds`, row i of both is one training as well, such as two arms that one model was
    played under: then what varies from seed to seed is the difference itself. Problems that either
    side lacks are left out. With `is_share` both are shares: see `judged`.

    Raises:
        ValueError: the two do not have the same problems, or `same_seeds` and not the same seeds.
    """
    one, other = _cells(first), _cells(second)
    if one.shape[1] != other.shape[1] or (same_seeds and len(one) != len(other)):
        raise ValueError(f"not the same problems and seeds: {one.shape} and {other.shape}")
    both = np.isfinite(one).any(axis=0) & np.isfinite(other).any(axis=0)
    one, other = one[:, both], other[:, both]
    least = min(len(one), len(other))
    if not both.any():
        return Difference(math.nan, math.nan, math.nan, 1.0, math.nan, 0, least)
    if same_seeds:
        within_it = _mean_of(one - other)
        value, drawn = draw(within_it, one.shape[1], [len(one)], draws=draws, seed=seed)
    else:
        of_one, of_other = _mean_of(one), _mean_of(other)
        value, drawn = draw(
            lambda weights, rows, others: of_one(weights, rows) - of_other(weights, others),
            one.shape[1],
            [len(one), len(other)],
            draws=draws,
            seed=seed,
        )
    return judged(float(value), drawn, int(both.sum()), least, is_share=is_share)


def judged(
    value: float, drawn: Array, problems: int, seeds: int, *, is_share: bool = True
) -> Difference:
    """A difference from its draws.

    Two shares that differ alike in every problem leave nothing to draw from. That n problems have
    shown nothing else does not make it impossible: the interval is then as wide as Wilson's upper
    end for 0 of n, either way.
    """
    interval = within(value, drawn)
    if is_share and interval.high - interval.low < 1e-12:
        wide = wilson(0, problems).high
        interval = Interval(value, max(-1.0, value - wide), min(1.0, value + wide))
    kept = drawn[np.isfinite(drawn)]
    sides = min(np.mean(kept <= 0), np.mean(kept >= 0)) if len(kept) else 0.5
    p = min(1.0, max(2 * float(sides), 2 / max(len(kept), 1)))
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + LEVEL / 2)
    # Half the interval is z standard errors; (z + z_power) of them are found with that power.
    detectable = (interval.high - interval.low) / 2 * (z + normal.inv_cdf(POWER)) / z
    return Difference(interval.value, interval.low, interval.high, p, detectable, problems, seeds)


def paired(
    first: Mapping[str, float], second: Mapping[str, float], *, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """`difference` of two mappings from problem to value, over the problems that are in both."""
    shared = sorted(first.keys() & second.keys())
    return difference(
        [first[key] for key in shared], [second[key] for key in shared], draws=draws, seed=seed
    )


@lru_cache(maxsize=4)
def _weights(problems: int, draws: int, seed: int) -> Array:
    """How often each problem was drawn, (draws, problems); kept, as figures of a set share them."""
    generator = np.random.default_rng([seed, 0])
    drawn = generator.multinomial(problems, np.full(problems, 1 / problems), size=draws)
    weights = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def _cells(values: ArrayLike) -> Array:
    """As (seeds, problems)."""
    return np.atleast_2d(np.asarray(values, dtype=np.float64))


def _divided(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _mean_of(cells: Array) -> Statistic:
    known = np.isfinite(cells)
    filled = np.where(known, cells, 0.0)
    return lambda weights, rows: _divided(
        weights @ filled[rows].sum(axis=0), weights @ known[rows].sum(axis=0).astype(np.float64)
    )
