"""TRL's KTOTrainer: `prompt`, `completion` and `label`; it trains the whole of a completion.

Each judged attempt is a row whose prompt is the dialogue up to it.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import with_reasoning
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task


def attempts(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each attempt that was judged."""
    for row in unit:
        for k, entry in enumerate(row["trail"]):
            if entry["act"] != "attempt":
                continue
            if entry["finish_reason"] == "length":
                task.left_out["attempts cut at the length limit"] += 1
            elif entry["verdict"]["status"] not in ("correct", "incorrect"):
                task.left_out["attempts that were not judged"] += 1
            else:
                is_right = entry["verdict"]["status"] == "correct"
                task.notes["right attempts" if is_right else "wrong attempts"] += 1
                yield {
                    "prompt": [dict(message) for message in row["messages"][:k]],
                    "completion": [{"role": "assistant", "content": with_reasoning(row, k)}],
                    "label": is_right,
                    "dialogue_id": row["dialogue_id"],
                }


TAKER = Taker(
    reads="TRL 1.16 KTOTrainer",
    unit="groups",
    limit=1024,
    beyond="cuts: KTOConfig(max_length={length})",
    shapes={
        "attempts": Shape(
            pa.schema(
                [
                    ("prompt", MESSAGES),
                    ("completion", MESSAGES),
                    ("label", pa.bool_()),
                    ("dialogue_id", TEXT),
                ]
            ),
            attempts,
            'train_dataset = load_dataset("{kind}", data_files="{path}", split="train")\n'
            "KTOConfig(max_length={length}, desirable_weight=..., undesirable_weight=...)",
        )
    },
)
