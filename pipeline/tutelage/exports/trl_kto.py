"""TRL's KTOTrainer: `prompt`, `completion` and `label`; all of a completion is trained on.

Every judged attempt is a row, after what its student had seen by then.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import spoken
from tutelage.exports.taker import MESSAGES, TEXT, Row, Shape, Taker, Task


def attempts(unit: list[Row], task: Task) -> Iterator[Row]:
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
                right = entry["verdict"]["status"] == "correct"
                task.notes["right attempts" if right else "wrong attempts"] += 1
                yield {
                    "prompt": [dict(message) for message in row["messages"][:k]],
                    "completion": [{"role": "assistant", "content": spoken(row, k)}],
                    "label": right,
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
