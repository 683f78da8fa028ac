"""Expectations of a report, which can make a build fail.

    FIGURE [@TURN | @tokens] [MODEL] [on SET]  < | <= | > | >=  NUMBER

    lift_over_retry > 0                 of every model, on every set, at the last turn
    lift_over_retry@tokens[sft] > 0     of the model `sft`, at equal student tokens
    lift_over_base@4[sft] on svamp > 0  of `sft` minus the model `base`, at turn 4
    accuracy@1[base] < 0.2
    repeat_rate[sft] < 0.3

An expectation is about the population, not the sample: it holds if the whole interval is on that
side of the number, fails if the whole interval is on the other side, and otherwise cannot be told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tutelage.errors import SettingsError
from tutelage.evaluate.rates import RATES
from tutelage.plugins import nearest

_FORM = re.compile(
    r"\s*(?P<figure>[A-Za-z][\w.-]*)(?:@(?P<at>\w+))?\s*(?:\[(?P<model>[^\]]+)\])?"
    r"(?:\s+on\s+(?P<set>.+?))?\s*(?P<relation><=|>=|<|>)\s*(?P<bound>-?\d*\.?\d+)\s*"
)
_PLAIN = ("accuracy", "gain", "area", *RATES)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One parsed `--expect`."""

    text: str
    figure: str
    at: str
    """A turn, `tokens`, or empty for the last turn."""
    model: str
    set: str
    relation: str
    bound: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one expectation for one figure."""

    text: str
    where: str
    """Model and set."""
    figure: dict[str, Any]
    verdict: str
    """`holds`, `fails`, or `cannot be told`."""


def read(text: str) -> Expectation:
    """Parses an expectation.

    Raises:
        SettingsError: it does not parse, or there is no such figure.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"--expect wants FIGURE < or > NUMBER such as 'lift_over_retry > 0', got {text!r}"
        )
    figure = match["figure"]
    if figure not in _PLAIN and not re.fullmatch(r"lift_over_.+", figure):
        hint = nearest(figure, [*_PLAIN, "lift_over_retry"])
        raise SettingsError(f"--expect: no figure is called {figure!r}{hint}")
    at = match["at"] or ""
    if at and not at.isdigit() and at != "tokens":
        raise SettingsError(f"--expect: wanted a turn or `tokens` after @, got {at!r}")
    return Expectation(
        text, figure, at, match["model"] or "", match["set"] or "", match["relation"],
        float(match["bound"]),
    )  # fmt: skip


def judge(expectation: Expectation, tree: dict[str, Any]) -> list[Outcome]:
    """The outcome for each figure of the report that it refers to.

    Raises:
        SettingsError: the report has no such figure.
    """
    outcomes = [
        Outcome(expectation.text, where, figure, _verdict(expectation, figure))
        for where, figure in _named(expectation, tree)
    ]
    if not outcomes:
        models = sorted({c["model"] for s in tree["sets"].values() for c in s["conditions"]})
        raise SettingsError(
            f"--expect {expectation.text!r}: the report has no such figure; it has the models "
            f"{', '.join(models)} on the sets {', '.join(tree['sets'])}, and lifts only over arms "
            "that were played"
        )
    return outcomes


def _named(wanted: Expectation, tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, figures in tree["sets"].items():
        if wanted.set and wanted.set != name:
            continue
        if wanted.figure.startswith("lift_over_"):
            over = wanted.figure.removeprefix("lift_over_")
            lines = [
                line
                for line in [*figures["lifts"], *_under_method(figures)]
                if line["over"] == over
            ]
        else:
            lines = _under_method(figures, "conditions")
        for line in lines:
            if wanted.model and wanted.model != line["model"]:
                continue
            figure = _figure(wanted, line)
            if figure is not None and figure["value"] is not None:
                yield f"{line['model']} on {name}", figure


def _under_method(figures: dict[str, Any], part: str = "comparisons") -> list[dict[str, Any]]:
    """The lines of the method, or of the first arm if the method was not played."""
    arms = [condition["arm"] for condition in figures["conditions"]]
    first = "sml" if "sml" in arms else arms[0]
    return [line for line in figures[part] if line["arm"] == first]


def _figure(wanted: Expectation, line: dict[str, Any]) -> dict[str, Any] | None:
    """The figure in a line; None if the line has none."""
    if wanted.at == "tokens":
        tokens: dict[str, Any] | None = line.get("equal_tokens")
        return tokens
    if wanted.figure in ("gain", "area"):
        plain: dict[str, Any] = line[wanted.figure]
        return plain
    if wanted.figure in RATES:
        rate: dict[str, Any] | None = line["rates"].get(wanted.figure)
        return rate
    points = line["curve"] if wanted.figure == "accuracy" else line["by_turn"]
    turn = int(wanted.at or len(points))
    return points[turn - 1] if 1 <= turn <= len(points) else None


def _verdict(wanted: Expectation, figure: dict[str, Any]) -> str:
    low, high, bound = figure["low"], figure["high"], wanted.bound
    holds = {"<": high < bound, ">": low > bound, "<=": high <= bound, ">=": low >= bound}
    fails = {"<": low >= bound, ">": high <= bound, "<=": low > bound, ">=": high < bound}
    if holds[wanted.relation]:
        return "holds"
    return "fails" if fails[wanted.relation] else "cannot be told"
