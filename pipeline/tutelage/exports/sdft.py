"""TRL's experimental self-distillation trainers, whose teacher sees what the student does not.

SDFT builds the teacher's prompt from `prompt` and `privileged_context`. SDPO reads the same columns
but ignores the second unless `include_environment_feedback=True`.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import opening
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task


def problems(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for the problem, if it has a privileged context."""
    row = unit[0]
    if not row["privileged_context"].strip():
        task.left_out["problems without a solution"] += 1
        return
    yield {"prompt": opening(row), "privileged_context": row["privileged_context"]}


TAKER = Taker(
    reads="TRL 1.16 SDFTTrainer and SDPOTrainer",
    unit="problems",
    limit=512,
    beyond="cuts prompts: SDFTConfig(max_prompt_length={length})",
    measured="prompt",
    shapes={
        "prompts": Shape(
            pa.schema([("prompt", MESSAGES), ("privileged_context", TEXT)]),
            problems,
            'train_dataset = load_dataset("{kind}", data_files="{path}", split="train")\n'
            "# SDPO also wants include_environment_feedback=True",
        )
    },
)
