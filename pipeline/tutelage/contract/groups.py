"""A group: the g dialogues of one problem under one arm, failures included, and their returns.

A group whose returns are all equal has nothing to compare: it is counted and skipped. What returns
are made into is the trainer's (`train.loss`).
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
"""Columns that a row is chosen by: a small part of its bytes."""


def returned(row: RowDict) -> float:
    """The return of a row, from the turn at which it was solved."""
    return discounted(row["outcome"]["solved_turn"])


def gathered(rows: Iterable[RowDict], left_out: Counter[str]) -> list[list[RowDict]]:
    """The rows by group, in the order in which groups first appear; within one by sample.

    Dialogues that failed by no doing of their own are counted in `left_out`; the rest is the group.
    """
    groups: dict[str, list[RowDict]] = {}
    for row in rows:
        if row["outcome"]["status"] == "failed":
            left_out["failed"] += 1
        else:
            groups.setdefault(row["group_id"], []).append(row)
    return [sorted(group, key=lambda row: row["sample"]) for group in groups.values()]


def speaking(groups: Iterable[list[RowDict]], left_out: Counter[str]) -> list[list[RowDict]]:
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
