"""TRL's DPOTrainer: `prompt`, `chosen` and `rejected`; all of a completion is trained on.

So a completion is one message, the student's: of longer ones the teacher's words would be trained
as well. The two of a pair stand after the very same messages, the system prompt among them.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import opening, spoken
from tutelage.exports.taker import MESSAGES, TEXT, Row, Shape, Taker, Task

_CUT = "attempts cut at the length limit"


def samples(unit: list[Row], task: Task) -> Iterator[Row]:
    """First attempts at one problem, under the same prompt: a right one over a wrong one.

    Each attempt is in one pair at most.
    """
    by_prompt: dict[str, tuple[list[tuple[Row, int]], list[tuple[Row, int]]]] = {}
    for row in unit:
        first = len(opening(row))
        if first == len(row["messages"]) or row["trail"][first]["act"] != "attempt":
            continue
        if (status := _status(row, first, task)) is not None:
            prompt = repr([(m["role"], m["content"]) for m in opening(row)])
            by_prompt.setdefault(prompt, ([], []))[not status].append((row, first))
    for right, wrong in by_prompt.values():
        for (good, k), (bad, j) in zip(right, wrong, strict=False):
            yield _pair(good, k, bad, j)


def turns(unit: list[Row], task: Task) -> Iterator[Row]:
    """Within one dialogue: the attempt that solved it over the wrong one before the last hint."""
    for row in unit:
        attempts = [k for k, entry in enumerate(row["trail"]) if entry["act"] == "attempt"]
        if len(attempts) < 2 or row["outcome"]["status"] != "solved":
            continue
        before, last = attempts[-2:]
        if _status(row, last, task) and _status(row, before, task) is False:
            yield _pair(row, last, row, before)


def _pair(good: Row, k: int, bad: Row, j: int) -> Row:
    return {
        "prompt": [dict(message) for message in good["messages"][:k]],
        "chosen": [{"role": "assistant", "content": spoken(good, k)}],
        "rejected": [{"role": "assistant", "content": spoken(bad, j)}],
        "chosen_id": good["dialogue_id"],
        "rejected_id": bad["dialogue_id"],
    }


def _status(row: Row, k: int, task: Task) -> bool | None:
    """Whether attempt `k` is right; None where it cannot stand in a pair."""
    entry = row["trail"][k]
    if entry["finish_reason"] == "length":
        task.left_out[_CUT] += 1
        return None
    return {"correct": True, "incorrect": False}.get(entry["verdict"]["status"])


_SCHEMA = pa.schema(
    [
        ("prompt", MESSAGES),
        ("chosen", MESSAGES),
        ("rejected", MESSAGES),
        ("chosen_id", TEXT),
        ("rejected_id", TEXT),
    ]
)
_ADVICE = (
    'train_dataset = load_dataset("{kind}", data_files="{path}", split="train")\n'
    "DPOConfig(max_length={length})"
)

TAKER = Taker(
    reads="TRL 1.16 DPOTrainer",
    unit="groups",
    limit=1024,
    beyond="cuts: DPOConfig(max_length={length})",
    shapes={
        "samples": Shape(_SCHEMA, samples, _ADVICE),
        "turns": Shape(_SCHEMA, turns, _ADVICE),
    },
)
