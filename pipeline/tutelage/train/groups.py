"""Returns and advantages of a group, recomputed from its rows.

A group is the g dialogues of one problem under one arm, failures included. Its advantages are
(r - mean) / max(std, floor), with std the sample standard deviation (n - 1, as torch and TRL have
it; TRL divides by std + 1e-4, so that its advantages are smaller by a share of 1e-4 / std). Where
all returns are equal there is nothing to learn from the comparison: such a group is counted and
skipped, so that a step is made of groups that say something.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from tutelage.contract import discounted

Row = Mapping[str, Any]


def returned(row: Row) -> float:
    """The return of a row, from the turn at which it was solved."""
    return discounted(row["outcome"]["solved_turn"])


def advantages(returns: Sequence[float], floor: float = 0.0) -> list[float]:
    """The group's advantages, in order; zeros where all returns are equal or there is but one.

    >>> advantages([1.0, 0.0, 0.0, 1.0])
    [0.8660254037844387, -0.8660254037844387, -0.8660254037844387, 0.8660254037844387]
    """
    if len(returns) < 2 or max(returns) == min(returns):
        return [0.0] * len(returns)
    mean, spread = fmean(returns), max(stdev(returns), floor)
    return [(r - mean) / spread for r in returns]


def gathered(rows: Iterable[Row], left_out: Counter[str]) -> list[list[Row]]:
    """The rows by group, in the order in which groups first appear; within one by sample.

    Dialogues that failed by no doing of their own (`outcome.status` is `failed`) say nothing of
    the policy: they are counted in `left_out`, and the group is what remains.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row["outcome"]["status"] == "failed":
            left_out["failed"] += 1
            continue
        groups.setdefault(row["group_id"], []).append(row)
    return [sorted(group, key=lambda row: row["sample"]) for group in groups.values()]


def speaking(groups: Iterable[list[Row]], left_out: Counter[str]) -> list[list[Row]]:
    """The groups whose returns differ; the others are counted in `left_out`."""
    kept = []
    for group in groups:
        returns = {returned(row) for row in group}
        if len(group) < 2:
            left_out["groups of one"] += 1
        elif len(returns) < 2:
            left_out[f"groups all {'solved alike' if returns.pop() else 'unsolved'}"] += 1
        else:
            kept.append(group)
    return kept
