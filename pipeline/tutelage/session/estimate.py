"""What a run will take, reckoned from a sample of it that was played.

Sums over the problems of the sample, as means with intervals (`intervals.mean`, the problem being
the unit that is drawn), times the problems of the whole. Time needs a rate: that of the sample where
an engine played it, or one that a person names. Money needs prices, which are in the run file.

Not here: playing the sample (`cli.plan`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tutelage import intervals
from tutelage.settings import Prices
from tutelage.shards import RunFolder

COUNTS = ("calls", "prompt", "cached", "completion")
_PLAYED = ("attempt", "question", "feedback")


@dataclass(frozen=True, slots=True)
class Range:
    """A figure, and between what it lies by 95 %."""

    value: float
    low: float
    high: float

    def __mul__(self, factor: float) -> "Range":
        return Range(self.value * factor, self.low * factor, self.high * factor)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of a whole run."""

    problems: int
    """That will be played: less those that are filtered or come twice, as in the sample."""
    dialogues: int
    calls: Range
    """Messages that a model writes."""
    prompt: Range
    """Tokens."""
    cached: Range
    """Of those, tokens that the engine had in its cache."""
    completion: Range
    """Tokens."""
    journal_bytes: Range
    shard_bytes: Range
    hours: Range | None
    """Of one engine; None where no rate is known."""
    cost: Range | None
    """By the prices of the run file; None where they are not given."""

    def lines(self) -> Iterator[tuple[str, Range | None]]:
        """(name, figure) as a table has them."""
        for name in ("calls", "prompt", "cached", "completion"):
            yield name, getattr(self, name)
        yield "hours", self.hours
        yield "cost", self.cost
        yield "journal_bytes", self.journal_bytes
        yield "shard_bytes", self.shard_bytes


def counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Sums by problem: for each of `COUNTS`, and `dialogues`, float64 [problems]."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        of_problem = sums[row["problem_id"]]
        usage = [side for side in row["usage"].values() if side]
        of_problem["calls"] += sum(entry["act"] in _PLAYED for entry in row["trail"])
        for name in ("prompt", "cached", "completion"):
            of_problem[name] += sum(side[name] for side in usage)
        of_problem["dialogues"] += 1
    names = (*COUNTS, "dialogues")
    return {name: np.array([one[name] for one in sums.values()], float) for name in names}


def estimate(
    sums: Mapping[str, np.ndarray[Any, Any]],
    folder: RunFolder,
    problems: int,
    dialogues: int,
    rate: float,
    prices: Prices,
) -> Estimate:
    """The estimate of a run of so many problems and dialogues.

    Args:
        sums: of the sample; see `counts`.
        folder: of the sample.
        problems: of the whole run.
        dialogues: of the whole run.
        rate: tokens that an engine writes a second; 0 where nobody knows.
        prices: of what is billed.
    """
    totals = {name: _mean(sums[name]) * problems for name in COUNTS}
    played = max(1.0, float(sums["dialogues"].sum()))
    journal, shards = (_bytes(place) / played for place in (folder.journal, folder.shards))
    hours = totals["completion"] * (1 / rate / 3600) if rate else None
    stored = Range(*[shards * dialogues] * 3)
    cost = None
    if prices.engine_hour and hours is not None:
        cost = hours * prices.engine_hour + stored * (prices.gigabyte_month / 1e9)
    return Estimate(
        problems=problems,
        dialogues=dialogues,
        **totals,
        journal_bytes=Range(*[journal * dialogues] * 3),
        shard_bytes=stored,
        hours=hours,
        cost=cost,
    )


def truth(
    sums: Mapping[str, np.ndarray[Any, Any]], folder: RunFolder, prices: Prices
) -> dict[str, float | None]:
    """The same figures of a run that was played, by the names of `Estimate.lines`."""
    telemetry = folder.read_json("telemetry.json")
    rate = telemetry.get("tokens_per_s") or 0.0
    exact = estimate(sums, folder, len(sums["calls"]), int(sums["dialogues"].sum()), rate, prices)
    return {name: None if figure is None else figure.value for name, figure in exact.lines()}


def _mean(values: np.ndarray[Any, Any]) -> Range:
    if not len(values):
        return Range(0.0, 0.0, 0.0)
    interval = intervals.mean(values)
    return Range(interval.value, interval.low, interval.high)


def _bytes(place: Any) -> int:
    """Of the files in a folder of a run."""
    files = [file for file in place.rglob("*") if file.is_file()]
    return sum(file.stat().st_size if isinstance(file, Path) else file.size() for file in files)
