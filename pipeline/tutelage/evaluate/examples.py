"""Pairs of dialogues about problems on which two conditions differ."""

from collections.abc import Iterator, Sequence
from typing import Any

from tutelage.evaluate.conditions import Condition, RowDict
from tutelage.evaluate.figures import METHOD
from tutelage.seeds import digest

_MOST = 10


def examples(conditions: Sequence[Condition]) -> Iterator[dict[str, Any]]:
    """At most ten problems that one of two conditions solves and the other does not.

    The two are the first and the last model under the method; with a single model, the method and
    the first control. Equally many of both kinds if possible; a digest selects them.
    """
    pair = _pair(conditions)
    if pair is None:
        return
    first_rows, second_rows = (
        {(row["source"], row["problem_id"], row["sample"]): row for row in side.seeds[0]}
        for side in pair
    )
    keys = sorted(first_rows.keys() & second_rows.keys(), key=lambda key: digest("example", *key))
    gained = [k for k in keys if not _solved(first_rows[k]) and _solved(second_rows[k])]
    lost = [k for k in keys if _solved(first_rows[k]) and not _solved(second_rows[k])]
    half = _MOST // 2
    lost_count = min(len(lost), half)
    chosen = gained[: _MOST - lost_count] + lost[: max(lost_count, _MOST - len(gained))]
    for key in chosen[:_MOST]:
        yield {
            "set": pair[0].set,
            "problem_id": key[1],
            "gold": first_rows[key]["gold"]["value"][:400],
            "sides": [
                _side(condition, row)
                for condition, row in zip(pair, (first_rows[key], second_rows[key]), strict=True)
            ],
        }


def _pair(conditions: Sequence[Condition]) -> tuple[Condition, Condition] | None:
    for name in dict.fromkeys(condition.set for condition in conditions):
        chosen = [condition for condition in conditions if condition.set == name]
        method = [condition for condition in chosen if condition.arm == METHOD]
        if len(method) > 1:
            return method[0], method[-1]
        if method and len(chosen) > 1:
            return next(c for c in chosen if c.arm != METHOD), method[0]
    return None


def _solved(row: RowDict) -> bool:
    return row["outcome"]["solved_turn"] is not None


def _side(condition: Condition, row: RowDict) -> dict[str, Any]:
    return {
        "model": condition.model,
        "arm": condition.arm,
        "dialogue_id": row["dialogue_id"],
        "solved_turn": row["outcome"]["solved_turn"],
        "messages": [
            {
                "speaker": entry["speaker"],
                "act": entry["act"],
                "turn": entry["turn"],
                "status": entry["verdict"]["status"],
                "content": message["content"],
            }
            for message, entry in zip(row["messages"], row["trail"], strict=True)
            if entry["speaker"] != "system"
        ],
    }
