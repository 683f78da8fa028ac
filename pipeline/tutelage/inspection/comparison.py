"""Compares runs in one JSON-ready tree: curves, lifts over `retry`, rates with their intervals.

runs          name, notes, balance, telemetry, prompts and models of each
conditions    each run under each arm: curve, rates, lengths, tokens
lifts         within a run, each arm minus `retry`: at equal turns and at equal tokens
comparisons   between runs, the same arm on the problems that both have: each later run minus the first
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from tutelage.evaluate.figures import described, plain
from tutelage.evaluate.lift import lift
from tutelage.evaluate.scores import Scores
from tutelage.inspection.counting import MOST, Inspected
from tutelage.intervals import wilson

Tree = dict[str, Any]

CONTROL = "retry"

RATES = {
    "solved": ("solved", "dialogues"),
    "repeats a wrong answer": ("repeated_wrong_answers", "later_attempts"),
    "solved by a false sum": ("solved_by_a_false_sum", "solved"),
    "solved by a cut turn": ("solved_by_a_cut_turn", "solved"),
    "attempts cut at the limit": ("cut_at_length", "attempts"),
    "attempts unjudged": ("unjudged", "attempts"),
    "messages with a leaking draft": ("gated_with_a_leaking_draft", "gated_messages"),
    "messages in which a leak stands": ("leaks_that_stand", "gated_messages"),
    "questions, of student turns": ("questions", "student_turns"),
    "near-duplicates": ("near_duplicates", "dialogues"),
    "groups without a difference": ("groups_without_signal", "groups"),
}
"""Label -> (numerator, denominator) among the figures of an arm."""

NUMBERS = {
    "dialogues": "dialogues",
    "problems": "problems",
    "mean return": "mean_return",
    "mean turns": "mean_turns",
    "tokens written, median": "median_tokens_written",
    "tokens written, nine of ten": "tokens_written_by_nine_of_ten",
    "tokens written, most": "most_tokens_written",
    "student tokens read": "student_prompt_tokens",
    "student tokens written": "student_completion_tokens",
    "teacher tokens written": "teacher_completion_tokens",
}
"""Label -> figure of an arm that is not a share."""


def tree(runs: Sequence[Inspected]) -> Tree:
    """The tree for these runs."""
    turns = max(run.turns for run in runs)
    return {
        "turns": turns,
        "runs": [_run(run) for run in runs],
        "conditions": [_condition(run, arm, turns) for run in runs for arm in run.scores],
        "lifts": [line for run in runs for line in _lifts(run)],
        "comparisons": _comparisons(runs, turns),
        "drawn_from": MOST,
    }


def _run(run: Inspected) -> Tree:
    telemetry = run.figures["telemetry"]
    return {
        "run": run.label,
        "run_id": run.figures["run_id"],
        "note": run.note,
        "balance": run.figures["balance"],
        "derived": run.figures.get("derived"),
        "selected_by": _selected_by(run.figures.get("derived")),
        "sources": run.figures["sources"],
        "makers": run.figures["makers"],
        "plan": run.figures.get("plan", {}),
        "seconds": telemetry.get("generate_s"),
        "tokens_per_s": telemetry.get("tokens_per_s"),
        "engine_busy_share": telemetry.get("engine_busy_share"),
    }


def _selected_by(derived: Tree | None) -> list[str]:
    """The rules by which a filter dropped dialogues from the run."""
    if derived is None or derived["operation"] != "filter":
        return []
    return [rule for rule, count in derived["balance"]["dropped"].items() if count]


def _condition(run: Inspected, arm: str, turns: int) -> Tree:
    figures = dict(run.figures["arms"][arm])
    figures["student_turns"] = sum(figures.get("moves", {}).values())
    curve = [plain(point) for point in run.curves[arm]]
    rates = {}
    for label, (numerator, denominator) in RATES.items():
        count = figures.get(numerator) or 0
        share = wilson(count, figures.get(denominator) or 0)
        if isfinite(share.value):
            rates[label] = {"of": figures[denominator], "n": count, **plain(share)}
    return {
        "model": run.label,
        "arm": arm,
        "curve": curve + curve[-1:] * (turns - len(curve)),
        "rates": rates,
        "numbers": {label: figures.get(name) for label, name in NUMBERS.items()},
        "forms": figures.get("forms", {}),
        "moves": figures.get("moves", {}),
        "solved_at": figures["solved_at"],
    }


def _lifts(run: Inspected) -> list[Tree]:
    """Each arm of a run minus `retry`, on the problems that both have."""
    control = run.scores.get(CONTROL)
    lines = []
    for arm, scores in run.scores.items():
        over_control = lift(scores, control) if control and arm != CONTROL else None
        if over_control is not None:
            lines.append(
                {"model": run.label, "arm": arm, "over": CONTROL} | described(over_control)
            )
    return lines


def _comparisons(runs: Sequence[Inspected], turns: int) -> list[Tree]:
    first, *later = runs
    lines = []
    for run in later:
        for arm, scores in run.scores.items():
            if arm not in first.scores:
                continue
            difference = lift(_extended(scores, turns), _extended(first.scores[arm], turns))
            if difference is not None:
                line = {"model": run.label, "over": first.label, "arm": arm}
                lines.append(line | {"problems": difference.last.problems} | described(difference))
    return lines


def _extended(scores: Scores, turns: int) -> Scores:
    """The scores up to a later turn: what was not solved by the last turn stays unsolved."""
    import numpy as np

    padding = ((0, 0), (0, 0), (0, turns - scores.turns))
    return Scores(
        scores.problems,
        np.pad(scores.solved, padding, mode="edge"),
        np.pad(scores.tokens, padding, mode="edge"),
    )
