"""Groups: the g dialogues of one problem under one arm, failures included, and their returns.

A group with equal returns gives no training signal: it is counted and skipped. The trainer computes
advantages from the returns (`train.loss`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tutelage.contract.rows import discounted

RowDict = Mapping[str, Any]

FACTS = (
    "dialogue_id", "problem_id", "group_id", "sample", "arm", "duplicate_of", "outcome", "leak",
    "models", "sampling",
)  # fmt: skip
"""Columns by which rows are selected: a small part of a row's bytes."""


def returned(row: RowDict) -> float:
    """The return of a row, computed from the turn at which it was solved."""
    return discounted(row["outcome"]["solved_turn"])


def gathered(rows: Iterable[RowDict], left_out: Counter[str]) -> list[list[RowDict]]:
    """The rows by group, groups in order of first appearance, rows by sample.

    Dialogues with the status `failed` are not part of a group; `left_out` counts them.
    """
    groups: dict[str, list[RowDict]] = {}
    for row in rows:
        if row["outcome"]["status"] == "failed":
            left_out["failed"] += 1
        else:
            groups.setdefault(row["group_id"], []).append(row)
    return [sorted(group, key=lambda row: row["sample"]) for group in groups.values()]


def speaking(groups: Iterable[list[RowDict]], left_out: Counter[str]) -> list[list[RowDict]]:
    """The groups whose returns differ; `left_out` counts the others."""
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
