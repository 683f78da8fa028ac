"""TRL's GRPOTrainer: one row per problem; columns other than `prompt` reach reward functions by name.

Its `accuracy_reward` reads `solution`.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import ground_truth, opening
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task


def problems(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for the problem."""
    row = unit[0]
    yield {
        "prompt": opening(row),
        "solution": ground_truth(row),
        "problem_id": row["problem_id"],
        "domain": row["domain"],
        "gold_kind": row["gold"]["kind"],
        "privileged_context": row["privileged_context"],
    }


TAKER = Taker(
    reads="TRL 1.16 GRPOTrainer",
    unit="problems",
    measured="prompt",
    shapes={
        "prompts": Shape(
            pa.schema(
                [("prompt", MESSAGES)]
                + [
                    (name, TEXT)
                    for name in (
                        "solution",
                        "problem_id",
                        "domain",
                        "gold_kind",
                        "privileged_context",
                    )
                ]
            ),
            problems,
            'train_dataset = load_dataset("{kind}", data_files="{path}", split="train")\n'
            "GRPOTrainer(reward_funcs=accuracy_reward, ...)  # for gold_kind answer",
        )
    },
)
