"""TRL's DPOTrainer: `prompt`, `chosen` and `rejected`; it trains the whole of a completion.

A completion is therefore a single student message: in a longer one, the teacher's messages would be
trained too. Both completions of a pair follow the same messages, including the system prompt.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import opening, with_reasoning
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task

_CUT = "attempts cut at the length limit"


def samples(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """Prefers a right first attempt to a wrong one at the same problem, after the same prompt.

    Each attempt is in at most one pair.
    """
    by_prompt: dict[str, tuple[list[tuple[RowDict, int]], list[tuple[RowDict, int]]]] = {}
    for row in unit:
        first = len(opening(row))
        if first == len(row["messages"]) or row["trail"][first]["act"] != "attempt":
            continue
        if (is_right := _is_right(row, first, task)) is not None:
            prompt = repr([(m["role"], m["content"]) for m in opening(row)])
            by_prompt.setdefault(prompt, ([], []))[not is_right].append((row, first))
    for right, wrong in by_prompt.values():
        for (good, k), (bad, j) in zip(right, wrong, strict=False):
            yield _pair(good, k, bad, j)


def turns(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """Within one dialogue, prefers the attempt that solved it to the wrong one before the last hint."""
    for row in unit:
        attempts = [k for k, entry in enumerate(row["trail"]) if entry["act"] == "attempt"]
        if len(attempts) < 2 or row["outcome"]["status"] != "solved":
            continue
        before, last = attempts[-2:]
        if _is_right(row, last, task) and _is_right(row, before, task) is False:
            yield _pair(row, last, row, before)


def _pair(good: RowDict, k: int, bad: RowDict, j: int) -> RowDict:
    return {
        "prompt": [dict(message) for message in good["messages"][:k]],
        "chosen": [{"role": "assistant", "content": with_reasoning(good, k)}],
        "rejected": [{"role": "assistant", "content": with_reasoning(bad, j)}],
        "chosen_id": good["dialogue_id"],
        "rejected_id": bad["dialogue_id"],
    }


def _is_right(row: RowDict, k: int, task: Task) -> bool | None:
    """Whether attempt `k` is right; None if it cannot be used in a pair."""
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
