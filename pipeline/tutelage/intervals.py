"""The uncertainty of a figure: intervals, differences with p-values, and the detectable difference.

Dialogues about one problem are correlated, so the bootstrap resamples problems, never dialogues.
Values are arrays of shape (problems,), or (seeds, problems) for several trainings that differ only in
their seed and met the same problems. The mean over a problem's samples is one value.

    wilson       a share of independent trials                       no bootstrap
    mean         of one value per problem                            bootstrap over problems
    ratio        of two sums, such as repeats to later attempts      bootstrap over problems
    difference   of two conditions on the same problems              paired bootstrap, p, detectable
    draw         any statistic of resampled problems                 the basis of the three above

Seeds are not resampled, because a bootstrap of three values never leaves their range. Instead each
draw adds t * s / sqrt(S), with t from Student's distribution with S - 1 degrees of freedom and s the
standard deviation of the figure between seeds. With one seed that deviation is unknown, and the
interval covers only the choice of problems.

Not here: what is counted (`evaluate`). NumPy only and no IO, so every room may import it.
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
"""(weights of shape (draws, problems), then for each side the indices of its seeds) -> (draws, ...)."""

LEVEL = 0.95
DRAWS = 2000
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval at the confidence level `LEVEL`."""

    value: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """One condition minus another, on the problems that both have."""

    p: float
    """Two-sided: twice the share of draws on the other side of zero; at least 2 / draws."""
    detectable: float
    """The smallest true difference that would be found with `POWER` at this many problems."""
    problems: int
    seeds: int
    """Number of seeds of the condition that has fewer."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return not self.low <= 0 <= self.high


def wilson(successes: float, total: float, level: float = LEVEL) -> Interval:
    """The share of successes in independent trials (Wilson, JASA 22, 1927).

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
    """Returns (the statistic, shape (...); its bootstrap draws, shape (draws, ...)).

    Weights are how often each problem was drawn: n of n with replacement (Efron and Tibshirani,
    1993, section 6). `seeds` has the number of trainings on each side of the statistic: one side for
    a figure, two for a difference of two models. Student's term is added for each side with several.

    >>> total = lambda weights, rows: weights @ np.ones((len(rows), 3)).sum(axis=0)
    >>> float(draw(total, 3, [2], draws=5)[0])
    6.0
    """
    all_seeds = [list(range(count)) for count in seeds]
    each_once = np.ones((1, problems))
    value = statistic(each_once, *all_seeds)[0]
    drawn = statistic(_weights(problems, draws, seed), *all_seeds)
    for side, count in enumerate(seeds):
        if count < 2:
            continue
        singles = [
            [*all_seeds[:side], [index], *all_seeds[side + 1 :]] for index in all_seeds[side]
        ]
        by_seed = np.stack([statistic(each_once, *rows)[0] for rows in singles])
        error = np.std(by_seed, axis=0, ddof=1) / math.sqrt(count)
        term = np.random.default_rng([seed, 1 + side]).standard_t(count - 1, size=draws)
        drawn = drawn + term.reshape(-1, *[1] * np.ndim(error)) * error
    return value, drawn


def within(value: float, drawn: Array, level: float = LEVEL) -> Interval:
    """The percentile interval: it excludes an equal share of the draws on either side."""
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return Interval(float(value), math.nan, math.nan)
    low, high = np.quantile(finite, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(value), float(low), float(high))


def mean(
    values: ArrayLike, *, is_share: bool = False, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean of one value per problem; NaN for a problem that is missing under a seed."""
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

    A share is in [0, 1]. A share that is 0 in every problem, or 1 in every problem, has no spread to
    resample; its interval is Wilson's over the problems that count.
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
    """Mean of `first` minus mean of `second`; column i of both is one problem, resampled together.

    With `same_seeds`, row i of both is one training too, such as two arms played by one model: then
    the difference itself is taken per seed. Problems that either side lacks are ignored. With
    `is_share` both are shares: see `judged`.

    Raises:
        ValueError: the numbers of problems differ, or with `same_seeds` the numbers of seeds.
    """
    a, b = _cells(first), _cells(second)
    if a.shape[1] != b.shape[1] or (same_seeds and len(a) != len(b)):
        raise ValueError(f"not the same problems and seeds: {a.shape} and {b.shape}")
    in_both = np.isfinite(a).any(axis=0) & np.isfinite(b).any(axis=0)
    a, b = a[:, in_both], b[:, in_both]
    seeds = min(len(a), len(b))
    if not in_both.any():
        return Difference(math.nan, math.nan, math.nan, 1.0, math.nan, 0, seeds)
    if same_seeds:
        value, drawn = draw(_mean_of(a - b), a.shape[1], [len(a)], draws=draws, seed=seed)
    else:
        mean_a, mean_b = _mean_of(a), _mean_of(b)
        value, drawn = draw(
            lambda weights, rows_a, rows_b: mean_a(weights, rows_a) - mean_b(weights, rows_b),
            a.shape[1],
            [len(a), len(b)],
            draws=draws,
            seed=seed,
        )
    return judged(float(value), drawn, int(in_both.sum()), seeds, is_share=is_share)


def judged(
    value: float, drawn: Array, problems: int, seeds: int, *, is_share: bool = True
) -> Difference:
    """The interval, p-value and detectable difference of a difference, from its draws.

    If two shares differ by the same amount in every problem, all draws are equal. That is no proof
    that other problems could not differ: the interval then extends by Wilson's upper end for 0 of n
    to either side.
    """
    interval = within(value, drawn)
    if is_share and interval.high - interval.low < 1e-12:
        half = wilson(0, problems).high
        interval = Interval(value, max(-1.0, value - half), min(1.0, value + half))
    finite = drawn[np.isfinite(drawn)]
    tail = min(np.mean(finite <= 0), np.mean(finite >= 0)) if len(finite) else 0.5
    p = min(1.0, max(2 * float(tail), 2 / max(len(finite), 1)))
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + LEVEL / 2)
    # Half the interval is z standard errors; a difference of z + z_power of them has that power.
    detectable = (interval.high - interval.low) / 2 * (z + normal.inv_cdf(POWER)) / z
    return Difference(interval.value, interval.low, interval.high, p, detectable, problems, seeds)


def paired(
    first: Mapping[str, float], second: Mapping[str, float], *, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """`difference` of two mappings from problem to value, on the problems that are in both."""
    shared = sorted(first.keys() & second.keys())
    return difference(
        [first[key] for key in shared], [second[key] for key in shared], draws=draws, seed=seed
    )


@lru_cache(maxsize=4)
def _weights(problems: int, draws: int, seed: int) -> Array:
    """How often each problem was drawn, (draws, problems). Cached, because figures share it."""
    generator = np.random.default_rng([seed, 0])
    drawn = generator.multinomial(problems, np.full(problems, 1 / problems), size=draws)
    weights = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def _cells(values: ArrayLike) -> Array:
    """`values` as an array of shape (seeds, problems)."""
    return np.atleast_2d(np.asarray(values, dtype=np.float64))


def _divided(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _mean_of(cells: Array) -> Statistic:
    known = np.isfinite(cells)
    filled = np.where(known, cells, 0.0)
    return lambda weights, rows: _divided(
        weights @ filled[rows].sum(axis=0), weights @ known[rows].sum(axis=0).astype(np.float64)
    )
