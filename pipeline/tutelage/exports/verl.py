"""verl's RLHFDataset: one row per problem, the gold of any kind as a string.

verl raises on an unknown `data_source` unless a reward function is set. `interaction_kwargs` reach
the interaction with that name, which may play the teacher.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import ground_truth, opening
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task

_KWARGS = pa.struct([(n, TEXT) for n in ("name", "query", "ground_truth", "privileged_context")])


def problems(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for the problem."""
    row = unit[0]
    yield {
        "data_source": f"tutelage/{row['source']}",
        "prompt": opening(row),
        "ability": row["domain"],
        "reward_model": {"style": "rule", "ground_truth": ground_truth(row)},
        "extra_info": {
            "index": task.count,
            "split": task.split,
            "problem_id": row["problem_id"],
            "gold_kind": row["gold"]["kind"],
            "interaction_kwargs": {
                "name": "tutelage",
                "query": row["statement"],
                "ground_truth": ground_truth(row),
                "privileged_context": row["privileged_context"],
            },
        },
    }


TAKER = Taker(
    reads="verl 0.9 RLHFDataset",
    unit="problems",
    limit=512,
    beyond="leaves longer prompts out: data.max_prompt_length={length}",
    measured="prompt",
    shapes={
        "prompts": Shape(
            pa.schema(
                [
                    ("data_source", TEXT),
                    ("prompt", MESSAGES),
                    ("ability", TEXT),
                    ("reward_model", pa.struct([("style", TEXT), ("ground_truth", TEXT)])),
                    (
                        "extra_info",
                        pa.struct(
                            [
                                ("index", pa.int64()),
                                ("split", TEXT),
                                ("problem_id", TEXT),
                                ("gold_kind", TEXT),
                                ("interaction_kwargs", _KWARGS),
                            ]
                        ),
                    ),
                ]
            ),
            problems,
            "data.train_files={path}\n"
            "reward.custom_reward_function.path=...  # verl knows no data source tutelage/...",
        )
    },
)
