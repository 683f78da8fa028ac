"""What a run will take, reckoned from a sample of it that was played.

Sums over the problems of the sample, as means with intervals (`intervals.mean`, the problem being
the unit that is drawn), times the problems of the whole. Time needs a rate: that of the sample where
an engine played it, or one that a person names. Money needs prices, which are in the run file.

A plan that was made for a run lies in its folder (`PLAN`), and what the run took stands beside it
afterwards. Of dialogues that failed neither knows anything.

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

PLAN = "plan.json"
"""The plan that was made for a run before it began."""
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
"""What people call the figures."""
_TOKENS = ("prompt", "cached", "completion")
_SUMMED = ("calls", *_TOKENS, "bill")
_SIDES = ("student", "teacher", "judge", "donors")
_PLAYED = ("attempt", "question", "feedback")

Sums = Mapping[str, np.ndarray[Any, Any]]
"""By name, float64 [problems]: see `_SUMMED`, and `dialogues`."""


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
    """By the prices of the run file: engine hours, storage for a month, and what the players' tokens
    cost; None where no price is given, or hours have one and are not known."""

    def figures(self) -> Iterator[tuple[str, Range | None]]:
        """(name, figure) in the order of `TITLES`."""
        return ((name, getattr(self, name)) for name in TITLES)


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of a plan beside what it was in the end."""

    plan: Range
    truth: float

    @property
    def ratio(self) -> float | None:
        """Truth over plan; None where nothing was planned."""
        return self.truth / self.plan.value if self.plan.value else None


def counts(rows: Iterable[Mapping[str, Any]], settings: Settings) -> Sums:
    """Sums by problem over dialogues."""
    by_problem: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        of_problem = by_problem[row["problem_id"]]
        of_problem["calls"] += sum(entry["act"] in _PLAYED for entry in row["trail"])
        of_problem["dialogues"] += 1
        for side, usage in row["usage"].items():
            of_problem.update({f"{side}.{kind}": usage[kind] for kind in _TOKENS if usage})
    return _sums(by_problem.values(), settings)


def _sums(problems: Iterable[Mapping[str, int]], settings: Settings) -> Sums:
    """From counts of calls, dialogues, and tokens by side and kind."""
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
    """The estimate of a run of so many problems and dialogues.

    Args:
        sums: of the sample; see `counts`.
        folder: of the sample.
        shard_bytes: of the whole run; see `shard_sizes`.
        problems: of the whole run.
        dialogues: of the whole run.
        rate: tokens that an engine writes a second; 0 where nobody knows.
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
    """The same of a run that was played, by the names of `Estimate.figures`.

    Args:
        figures: of the run; see `shards.figures`.
        folder: of the run.
        settings: whose prices count.
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
    """The plan as `PLAN` keeps it, with the prices by which it was made."""
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
    """By name, each figure of the run's plan that can be compared with what it was; nothing where no
    plan was made. For `figures`, see `truth`.
    """
    plan = folder.read_json(PLAN)
    if not plan:
        return {}
    settings = Settings.model_validate(plan["prices"])
    was = truth(figures, folder, settings)
    return {
        name: Compared(Range(**plan[name]), value)
        for name in TITLES
        if plan.get(name) and (value := was[name]) is not None
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
    """Of the files in a folder of a run."""
    files = [file for file in place.rglob("*") if file.is_file()]
    return sum(file.stat().st_size if isinstance(file, Path) else file.size() for file in files)
