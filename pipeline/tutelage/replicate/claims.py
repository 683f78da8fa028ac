"""The paper's qualitative claims, what our reports say of each, and a verdict that follows from it.

A verdict is `reproduced` where the whole interval lies where the claim puts it, `not reproduced`
where the whole interval lies elsewhere, and `cannot be told` in between. A claim that two things are
equal is reproduced where the whole interval lies within `EQUAL` of zero; that a loss is flat, within
`FLAT`. Nothing is judged by hand.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]
Reports = Mapping[str, Tree]
Interval = tuple[float, float, float]
"""(value, low, high)."""

EQUAL = 0.05
"""Accuracies that differ by less are taken as equal."""
FLAT = 0.01
"""A loss that changes by less, in nats a turn, is taken as flat: a tenth over ten turns."""
REPRODUCED, NOT, OPEN = "reproduced", "not reproduced", "cannot be told"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, and the figure of ours that decides on it."""

    source: str
    """`SML` (arXiv 2602.16488), `RL2F` (2602.16066), or `control` where critics ask for it."""
    words: str
    theirs: str
    """Their figure, where they print one."""
    what: str
    """What our figure is of."""
    figure: Callable[[Reports], Tree | None]
    wanted: str = "above"
    """Where the claim puts it: `above` or `below` zero, `equal` to it or `flat`, or `ratio` >= 5."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its verdict."""

    claim: Claim
    figure: Tree | None
    verdict: str


def judge(reports: Reports) -> list[Judged]:
    """Every claim by these reports, which are by name; one whose report is missing is open."""
    judged = []
    for claim in CLAIMS:
        try:
            figure = claim.figure(reports)
        except (KeyError, StopIteration, IndexError):
            figure = None
        judged.append(Judged(claim, figure, verdict(claim.wanted, figure)))
    return judged


def verdict(wanted: str, figure: Tree | None) -> str:
    """The verdict on an interval.

    >>> verdict("above", {"value": 0.2, "low": 0.1, "high": 0.3})
    'reproduced'
    """
    if figure is None or figure["value"] is None or figure["low"] is None:
        return OPEN
    low, high = figure["low"], figure["high"]
    if margin := {"equal": EQUAL, "flat": FLAT}.get(wanted):
        inside, outside = -margin <= low and high <= margin, low > margin or high < -margin
    elif wanted == "ratio":
        inside, outside = low >= 5, high < 5
    elif wanted == "below":
        inside, outside = high < 0, low > 0
    else:
        inside, outside = low > 0, high < 0
    return REPRODUCED if inside else NOT if outside else OPEN


def _line(reports: Reports, report: str, name: str, part: str, **wanted: str) -> Tree:
    lines: list[Tree] = reports[report]["sets"][name][part]
    return next(line for line in lines if all(line[key] == value for key, value in wanted.items()))


def _less(
    report: str, name: str, one: str, other: str, at: str = "last"
) -> Callable[[Reports], Tree]:
    """Model `one` less model `other`: at a turn, or in `gain`, `area` or at `equal_tokens`."""

    def figure(reports: Reports) -> Tree:
        line = _line(reports, report, name, "comparisons", model=one, over=other, arm="sml")
        chosen: Tree = (
            line["by_turn"][{"first": 0, "last": -1}[at]] if at in ("first", "last") else line[at]
        )
        return chosen

    return figure


def _lift(model: str, over: str, at: str = "last") -> Callable[[Reports], Tree]:
    def figure(reports: Reports) -> Tree:
        line = _line(reports, "controls", "toy-a", "lifts", model=model, over=over)
        chosen: Tree = line["equal_tokens"] if at == "tokens" else line["by_turn"][-1]
        return chosen

    return figure


def _later(model: str, name: str = "toy-a") -> Callable[[Reports], Tree]:
    """What a model gains after the last turn of its training."""

    def figure(reports: Reports) -> Tree:
        chosen: Tree = reports["main"]["beyond"][name][model]
        return chosen

    return figure


def _rates(model: str, over: str, rate: str) -> Callable[[Reports], Tree]:
    """A rate of one model on problems in pieces, less that of another; conservative interval."""

    def figure(reports: Reports) -> Tree:
        one, other = (
            _line(reports, "pieces", "toy-c in shards", "conditions", model=name)["rates"][rate]
            for name in (model, over)
        )
        return {
            "value": one["value"] - other["value"],
            "low": one["low"] - other["high"],
            "high": one["high"] - other["low"],
        }

    return figure


def _ratio(model: str, over: str, rate: str) -> Callable[[Reports], Tree]:
    """How many times as high a rate is; from the far ends of both intervals."""

    def figure(reports: Reports) -> Tree:
        one, other = (
            _line(reports, "pieces", "toy-c in shards", "conditions", model=name)["rates"][rate]
            for name in (model, over)
        )
        least = 1e-3  # a rate of zero is not known any better
        return {
            "value": one["value"] / max(other["value"], least),
            "low": one["low"] / max(other["high"], least),
            "high": one["high"] / max(other["low"], least),
        }

    return figure


def _slope(model: str) -> Callable[[Reports], Tree]:
    def figure(reports: Reports) -> Tree:
        chosen: Tree = reports["probe"]["slopes"][model]
        return chosen

    return figure


def _below_one_percent(reports: Reports) -> Tree:
    chosen = _line(reports, "controls", "toy-a", "conditions", model="mt-sft", arm="sml")
    rate: Tree = chosen["rates"]["leak_rate"]
    return {name: rate[name] - 0.01 for name in ("value", "low", "high")}


CLAIMS = (
    Claim("SML", "Learning from dialogues makes feedback work on new problems", "62.7 to 67.1, LiC",
          "mt-sft less base, by turn 10, A", _less("main", "toy-a", "mt-sft", "base")),
    Claim("SML", "Online RL gives more than offline SFT", "67.1 to 69.9",
          "mt-rl less mt-sft, area, A", _less("main", "toy-a", "mt-rl", "mt-sft", "area")),
    Claim("SML", "It carries over to another family: A to B", "math to code, better over many turns",
          "mt-sft less base, by turn 10, B", _less("transfer", "toy-b", "mt-sft", "base")),
    Claim("SML", "RL carries over better than SFT", "54.8 against 53.0 (code)",
          "mt-rl less mt-sft, area, B", _less("transfer", "toy-b", "mt-rl", "mt-sft", "area")),
    Claim("SML", "It carries over the other way: B to A", "code to math",
          "trained on B less base, by turn 10, A", _less("reverse", "toy-a", "reverse", "base")),
    Claim("SML", "At one turn nothing changes on the other family", "equal at one turn",
          "mt-sft less base, by turn 1, B",
          _less("transfer", "toy-b", "mt-sft", "base", "first"), "equal"),
    Claim("SML", "Single-turn SFT does not give it", "63.3 against 67.1",
          "mt-sft less st-sft, by turn 10, A", _less("main", "toy-a", "mt-sft", "st-sft")),
    Claim("SML", "Single-turn RL does not give it", "63.7 against 69.9",
          "mt-rl less st-rl, by turn 10, A", _less("main", "toy-a", "mt-rl", "st-rl")),
    Claim("SML", "Single-turn RL with g = 32 ties at turn 1", "ties at turn 1",
          "mt-rl less st-rl-32, by turn 1, A",
          _less("main", "toy-a", "mt-rl", "st-rl-32", "first"), "equal"),
    Claim("SML", "and then falls behind", "a widening gap",
          "mt-rl less st-rl-32, gain, A", _less("main", "toy-a", "mt-rl", "st-rl-32", "gain")),
    Claim("SML", "Trained on 4 turns, it goes on improving up to 10", "improves up to 10",
          "mt-sft, turn 10 less turn 4, A", _later("mt-sft")),
    Claim("SML", "Q-priming makes it ask on underspecified tasks", "over 5 times as often",
          "question rate of q-rl over that of base, C", _ratio("q-rl", "base", "question_rate"),
          "ratio"),
    Claim("SML", "and answer too early less often", "far fewer",
          "early answers of q-sft less base, C", _rates("q-sft", "base", "premature_rate"), "below"),
    Claim("SML", "The loss on the gold answer falls turn by turn", "falls",
          "slope by turn, mt-rl", _slope("mt-rl"), "below"),
    Claim("SML", "that of the base does not", "no trend",
          "slope by turn, base", _slope("base"), "flat"),
    Claim("RL2F", "The teacher gives the answer away in under 1 % of messages", "0.3 %",
          "leak rate less 0.01, mt-sft, A", _below_one_percent, "below"),
    Claim("control", "Feedback gives more than `try again`, at equal turns", "",
          "mt-sft, sml less retry, by turn 10, A", _lift("mt-sft", "retry")),
    Claim("control", "and at equal tokens", "",
          "mt-sft, sml less retry, at equal tokens, A", _lift("mt-sft", "retry", "tokens")),
    Claim("control", "Its content does it: more than feedback on another problem", "",
          "mt-sft, sml less shuffled, by turn 10, A", _lift("mt-sft", "shuffled")),
    Claim("control", "and more than a teacher who knows nothing", "",
          "mt-sft, sml less blind, by turn 10, A", _lift("mt-sft", "blind")),
    Claim("control", "A teacher who lies one time in five still helps more than before", "",
          "mt-sft less base, by turn 10, A", _less("liar", "toy-a", "mt-sft", "base")),
    Claim("control", "It holds for a wording that no training had", "",
          "mt-sft less base, by turn 10, A", _less("other-words", "toy-a", "mt-sft", "base")),
    Claim("control", "Where nobody listens there is nothing to select", "",
          "trained on a web without listeners less its base, by turn 10, A",
          _less("web", "toy-a", "sft-base-0", "base-0"), "equal"),
    Claim("control", "One listener in twenty is enough to begin with", "",
          "trained on such a web less its base, by turn 10, A",
          _less("web", "toy-a", "sft-base-5", "base-5")),
    Claim("control", "Where gold can be learnt by heart, single-turn SFT wins", "",
          "by-heart-mt less by-heart-st, by turn 1",
          _less("by-heart", "toy-a", "by-heart-mt", "by-heart-st", "first"), "below"),
)  # fmt: skip


def rows(judged: list[Judged]) -> Iterator[dict[str, Any]]:
    """The table, for `report.json` and the page."""
    for one in judged:
        yield {
            "source": one.claim.source,
            "claim": one.claim.words,
            "theirs": one.claim.theirs,
            "what": one.claim.what,
            "wanted": one.claim.wanted,
            "figure": dict(one.figure) if one.figure is not None else None,
            "verdict": one.verdict,
        }
