"""Warnings to readers of a report, from its figures alone."""

from collections.abc import Iterator
from typing import Any

Tree = dict[str, Any]

LEAKS = 0.01
"""The companion paper's teachers reveal the answer in under 1 % of cases."""
COPIES = 0.5
"""With a larger share of solutions that only evaluate a spelled-out step, the hints did the work."""
CUT_OFF = 0.1
UNJUDGED = 0.05
COARSE = 0.15
"""With a larger detectable difference, most effects in the paper would be missed."""
EASY = 0.8
"""Solved at the first turn: no feedback was given on the rest."""


def of_report(tree: Tree) -> Iterator[str]:
    """Warnings in plain words, the most serious first."""
    for run in tree["runs"]:
        if run["dead"]:
            classes = ", ".join(
                f"{n} {failure_class}" for failure_class, n in run["dead_by_class"].items()
            )
            total = run["dead"] + run["kept"]
            yield (
                f"{run['run']}: {run['dead']} of {total} dialogues failed ({classes}) and are in no "
                "figure; `tutelage inspect` says why"
            )
    for name, figures in tree["sets"].items():
        for line in figures["conditions"]:
            yield from _of_condition(name, line)
        for line in figures["lifts"]:
            coarse = line["by_turn"][-1]["detectable"]
            if coarse is not None and coarse > COARSE:
                yield (
                    f"{name}, {line['model']}: with {line['by_turn'][-1]['problems']} problems a "
                    f"lift over {line['over']} below {coarse:.2f} would mostly not be seen; play more"
                )
    if any(c["seeds"] == 1 for figures in tree["sets"].values() for c in figures["conditions"]):
        yield (
            "one training seed: intervals cover the choice of problems, not how a training turns out "
            "(name several with --model LABEL=A,B,C)"
        )


def _of_condition(name: str, line: Tree) -> Iterator[str]:
    rates = {key: figure["value"] for key, figure in line["rates"].items()}
    subject = f"{name}, {line['model']}, {line['arm']}"
    if rates.get("leak_rate", 0) > LEAKS:
        yield f"{subject}: the answer stands in {rates['leak_rate']:.1%} of the teacher's messages"
    if line["arm"] != "retry" and rates.get("copied_solutions", 0) > COPIES:
        yield (
            f"{subject}: {rates['copied_solutions']:.0%} of the solutions only work out a step that "
            "the last hint spelt out"
        )
    if rates.get("cut_off_rate", 0) > CUT_OFF:
        yield (
            f"{subject}: {rates['cut_off_rate']:.0%} of the student's turns were cut off; raise "
            "student.max_tokens"
        )
    if rates.get("unjudged_rate", 0) > UNJUDGED:
        yield f"{subject}: {rates['unjudged_rate']:.0%} of the attempts could not be judged"
    if line["curve"][0]["value"] > EASY and len(line["curve"]) > 1:
        yield (
            f"{subject}: {line['curve'][0]['value']:.0%} are solved at turn 1, so little is left that "
            "feedback could do; take harder problems"
        )
