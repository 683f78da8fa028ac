"""NeMo Gym and NeMo-RL: JSONL, one row per problem, the prompt as the input of a Responses API call.

Its math servers read `question` and `expected_answer`; a code server of your own gets the tests as
`verifier_metadata`. Its configuration of a data set must name a licence, in names of its own.
"""

from collections.abc import Iterator, Sequence

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


_LICENCES = {
    "Apache-2.0": "Apache 2.0",
    "MIT": "MIT",
    "CC-BY-4.0": "Creative Commons Attribution 4.0 International",
    "CC-BY-SA-4.0": "Creative Commons Attribution-ShareAlike 4.0 International",
    "CC-BY-NC-3.0": "CC BY-NC 3.0",
    "GPL-3.0": "GNU General Public License v3.0",
}
"""By their SPDX identifiers, those that its configuration accepts."""


def licence(names: Sequence[str]) -> str:
    """Its name of the licence; "to be determined" if it has none, or if there are several."""
    known = _LICENCES.get(names[0]) if len(names) == 1 else None
    return known or f"TBD  # {', '.join(names)}"


TAKER = Taker(
    reads="NeMo Gym 0.7",
    unit="problems",
    measured="prompt",
    licence=licence,
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
