"""NeMo Gym and NeMo-RL: JSONL, one row per problem, the prompt as the input of a Responses API call.

Its math server reads `question` and `expected_answer`, a code server gets tests as
`verifier_metadata`. Its configuration of a data set must name a licence.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import ground_truth, opening
from tutelage.exports.taker import MESSAGES, TEXT, RowDict, Shape, Taker, Task


def problems(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for the problem."""
    row = unit[0]
    yield {
        "responses_create_params": {"input": opening(row)},
        "question": row["statement"],
        "expected_answer": ground_truth(row),
        "verifier_metadata": {
            "gold_kind": row["gold"]["kind"],
            "tests_json": row["gold"]["tests_json"],
            "problem_id": row["problem_id"],
        },
        "license": row["licence"],
    }


TAKER = Taker(
    reads="NeMo Gym (August 2026)",
    unit="problems",
    measured="prompt",
    shapes={
        "prompts": Shape(
            pa.schema(
                [
                    ("responses_create_params", pa.struct([("input", MESSAGES)])),
                    ("question", TEXT),
                    ("expected_answer", TEXT),
                    (
                        "verifier_metadata",
                        pa.struct([(n, TEXT) for n in ("gold_kind", "tests_json", "problem_id")]),
                    ),
                    ("license", TEXT),
                ]
            ),
            problems,
            "datasets:\n- name: tutelage\n  type: train\n  jsonl_fpath: {path}\n"
            "  license: {licence}",
            suffixes=(".jsonl",),
        )
    },
)
