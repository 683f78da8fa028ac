"""SkyRL: PromptDataset for RL, one row per problem; its pre-tokenised format for SFT.

Columns other than `prompt` and `env_class` reach the environment as `env_extras`.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import ground_truth, opening
from tutelage.exports.taker import IDS, MESSAGES, TEXT, RowDict, Shape, Taker, Task
from tutelage.exports.tokenised import pieces


def problems(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for the problem."""
    row = unit[0]
    yield {
        "data_source": f"tutelage/{row['source']}",
        "prompt": opening(row),
        "env_class": "tutelage",
        "reward_spec": {"method": "rule", "ground_truth": ground_truth(row)},
        "problem_id": row["problem_id"],
        "gold_kind": row["gold"]["kind"],
        "privileged_context": row["privileged_context"],
    }


def tokens(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each piece of a dialogue."""
    for row in unit:
        yield from pieces(row, task, "loss_mask")


TAKER = Taker(
    reads="SkyRL PromptDataset, and load_from_pretokenized for SFT",
    unit="problems",
    limit=512,
    beyond="leaves longer prompts out: trainer.max_prompt_length={length}",
    measured="prompt",
    shapes={
        "prompts": Shape(
            pa.schema(
                [
                    ("data_source", TEXT),
                    ("prompt", MESSAGES),
                    ("env_class", TEXT),
                    ("reward_spec", pa.struct([("method", TEXT), ("ground_truth", TEXT)])),
                    ("problem_id", TEXT),
                    ("gold_kind", TEXT),
                    ("privileged_context", TEXT),
                ]
            ),
            problems,
            "data.train_data=['{path}']  # with an environment registered as tutelage",
        ),
        "tokens": Shape(
            pa.schema([("input_ids", IDS), ("loss_mask", IDS), ("dialogue_id", TEXT)]),
            tokens,
            "pretokenized_dataset_paths=['{path}'] max_length={length}",
            tokens=True,
            unit="dialogues",
        ),
    },
)
