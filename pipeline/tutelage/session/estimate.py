"""What a run will take, estimated from a sample that was played.

Means over the problems of the sample, with intervals (`intervals.mean`; the sampled unit is the
problem), are multiplied by the number of problems of the run. Time needs a rate, which an engine that
played the sample provides, or the user. Money needs prices, which are in the run file.

The plan of a run can be stored in its folder (`PLAN`), so that reports can compare it with what the run
took. Failed dialogues are in neither.

Not here: playing the sample (`cli.plan`), and counting a run (`shards.figures`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tutelage import intervals
from tutelage.session import budget
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import PLAN

TITLES = {
    "calls": "calls",
    "prompt": "tokens in",
    "cached": "  of them cached",
    "completion": "tokens out",
    "hours": "engine hours",
    "cost": "cost",
    "journal_bytes": "journal",
    "shard_bytes": "shards",
}
"""The figures, as they are displayed."""
_TOKENS = ("prompt", "cached", "completion")
_SUMMED = ("calls", *_TOKENS, "bill")
_SIDES = ("student", "teacher", "judge", "donors")
_PLAYED = ("attempt", "question", "feedback")

Sums = Mapping[str, np.ndarray[Any, Any]]
"""By name, float64 [problems]: see `_SUMMED`, and `dialogues`."""


@dataclass(frozen=True, slots=True)
class Range:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __mul__(self, factor: float) -> "Range":
        return Range(self.value * factor, self.low * factor, self.high * factor)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a whole run will take."""

    problems: int
    """Problems to be played, without filtered and repeated ones, whose share is that of the sample."""
    dialogues: int
    calls: Range
    """Messages written by models."""
    prompt: Range
    """Tokens."""
    cached: Range
    """Tokens of the prompts that were in the engine's cache."""
    completion: Range
    """Tokens."""
    journal_bytes: Range
    shard_bytes: Range
    hours: Range | None
    """Hours of one engine; None if no rate is known."""
    cost: Range | None
    """By the prices of the run file: engine hours, storage for a month, and the players' tokens. None
    if there are no prices, or if hours have a price and are not known."""

    def figures(self) -> Iterator[tuple[str, Range | None]]:
        """(name, figure) in the order of `TITLES`."""
        return ((name, getattr(self, name)) for name in TITLES)


@dataclass(frozen=True, slots=True)
class Compared:
    """A planned figure and the actual one."""

    plan: Range
    truth: float

    @property
    def ratio(self) -> float | None:
        """Truth divided by plan; None if the plan is 0."""
        return self.truth / self.plan.value if self.plan.value else None


def counts(rows: Iterable[Mapping[str, Any]], settings: Settings) -> Sums:
    """Sums over the dialogues of each problem."""
    by_problem: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        of_problem = by_problem[row["problem_id"]]
        of_problem["calls"] += sum(entry["act"] in _PLAYED for entry in row["trail"])
        of_problem["dialogues"] += 1
        for side, usage in row["usage"].items():
            of_problem.update({f"{side}.{kind}": usage[kind] for kind in _TOKENS if usage})
    return _sums(by_problem.values(), settings)


def _sums(problems: Iterable[Mapping[str, int]], settings: Settings) -> Sums:
    """The columns of `Sums` from counts of calls, dialogues, and tokens by side and kind."""
    columns: dict[str, list[float]] = {name: [] for name in (*_SUMMED, "dialogues")}
    for counted in problems:
        for name in ("calls", "dialogues"):
            columns[name].append(counted[name])
        for kind in _TOKENS:
            columns[kind].append(sum(counted.get(f"{side}.{kind}", 0) for side in _SIDES))
        billed = {name: count for name, count in counted.items() if name.endswith(budget.BILLED)}
        columns["bill"].append(budget.cost(billed, settings))
    return {name: np.array(column, float) for name, column in columns.items()}


def estimate(
    sums: Sums,
    folder: RunFolder,
    shard_bytes: float,
    problems: int,
    dialogues: int,
    rate: float,
    settings: Settings,
) -> Estimate:
    """The estimate for a whole run.

    Args:
        sums: of the sample; see `counts`.
        folder: of the sample.
        shard_bytes: of the whole run; see `shard_sizes`.
        problems: of the whole run.
        dialogues: of the whole run.
        rate: tokens that an engine writes per second; 0 if unknown.
        settings: of the whole run, for its prices.
    """
    totals = {name: _mean(sums[name]) * problems for name in _SUMMED}
    bill = totals.pop("bill")
    played = max(1.0, float(sums["dialogues"].sum()))
    journal = _bytes(folder.journal) / played
    hours = totals["completion"] * (1 / rate / 3600) if rate else None
    stored = Range(*[shard_bytes] * 3)
    prices = settings.prices
    cost = None
    if prices.engine_hour and hours is not None:
        bill += hours * prices.engine_hour
    if bill.value:
        cost = bill + stored * (prices.gigabyte_month / 1e9)
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
    figures: Mapping[str, Any], folder: RunFolder, settings: Settings
) -> dict[str, float | None]:
    """The same figures of a run that was played, by their names in `Estimate.figures`.

    Args:
        figures: of the run; see `shards.figures`.
        folder: of the run.
        settings: with the prices.
    """
    counted: Counter[str] = Counter()
    for arm in figures["arms"].values():
        counted["dialogues"] += arm["dialogues"]
        counted["calls"] += arm.get("attempts", 0) + arm["questions"]
        counted["calls"] += sum(arm.get("forms", {}).values())
        for side in _SIDES:
            counted.update(
                {f"{side}.{kind}": arm[f"{side}_{kind}_tokens"] or 0 for kind in _TOKENS}
            )
    rate = figures["telemetry"].get("tokens_per_s") or 0.0
    whole = _sums([counted], settings)
    shard_bytes = _bytes(folder.shards)
    exact = estimate(whole, folder, shard_bytes, 1, counted["dialogues"], rate, settings)
    return {name: None if figure is None else figure.value for name, figure in exact.figures()}


def record(plan: Estimate, settings: Settings) -> dict[str, Any]:
    """The contents of `PLAN`: the plan, and the prices that it uses."""
    of_player = {"price_in", "price_out"}
    priced = {
        side: getattr(settings, side).model_dump(include=of_player)
        for side in ("student", "teacher", "judge")
    }
    return {
        "schema_version": "plan.v1",
        **asdict(plan),
        "prices": {"prices": settings.prices.model_dump(), **priced},
    }


def beside(figures: Mapping[str, Any], folder: RunFolder) -> dict[str, Compared]:
    """Each figure of the run's plan that can be compared with the actual one, by name; empty if there
    is no plan. For `figures`, see `truth`.
    """
    plan = folder.read_json(PLAN)
    if not plan:
        return {}
    settings = Settings.model_validate(plan["prices"])
    actual = truth(figures, folder, settings)
    return {
        name: Compared(Range(**plan[name]), value)
        for name in TITLES
        if plan.get(name) and (value := actual[name]) is not None
    }


def short(value: float) -> str:
    """`1234567` as `1.23M`."""
    for letter in ("", "k", "M", "G", "T"):
        if abs(value) < 1000 or letter == "T":
            return f"{value:.3g}{letter}" if abs(value) < 100 else f"{value:.0f}{letter}"
        value /= 1000
    return ""


def _mean(values: np.ndarray[Any, Any]) -> Range:
    if not len(values):
        return Range(0.0, 0.0, 0.0)
    interval = intervals.mean(values)
    return Range(interval.value, interval.low, interval.high)


def _bytes(place: Any) -> int:
    """Total size of the files in a folder of a run."""
    files = [file for file in place.rglob("*") if file.is_file()]
    return sum(file.stat().st_size if isinstance(file, Path) else file.size() for file in files)
