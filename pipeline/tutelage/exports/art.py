"""OpenPipe ART: Parquet of trajectories, in whole groups including failures (`trajectory_logging`).

`trainable` is a flag per message. ART identifies a group by the number `group_index`.
"""

import json
from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import HIDDEN, trainable
from tutelage.exports.taker import TEXT, RowDict, Shape, Taker, Task

_MESSAGE = pa.struct(
    [
        ("role", TEXT),
        ("content", TEXT),
        ("tool_calls", TEXT),
        ("tool_call_id", TEXT),
        ("trainable", pa.bool_()),
    ]
)


def trajectories(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each dialogue of the group."""
    index, task.notes["groups"] = task.notes["groups"], task.notes["groups"] + 1
    for row in unit:
        flags, outcome = trainable(row, task), row["outcome"]
        if any(
            flag and entry["reasoning"] for flag, entry in zip(flags, row["trail"], strict=True)
        ):
            task.notes[HIDDEN.partition(" (")[0]] += 1
        yield {
            "group_index": index,
            "group_metadata": json.dumps({"problem_id": row["problem_id"], "arm": row["arm"]}),
            "group_metrics": None,
            "group_logs": None,
            "reward": outcome["return"],
            "metrics": json.dumps(
                {"solved": outcome["status"] == "solved", "turns": outcome["turns"]}
            ),
            "metadata": json.dumps({"dialogue_id": row["dialogue_id"], "split": task.split}),
            "tools": None,
            "logs": None,
            "messages": [
                {
                    "role": message["role"],
                    "content": message["content"],
                    "tool_calls": None,
                    "tool_call_id": None,
                    "trainable": flag,
                }
                for message, flag in zip(row["messages"], flags, strict=True)
            ],
        }


TAKER = Taker(
    reads="OpenPipe ART 0.5",
    unit="groups",
    shapes={
        "trajectories": Shape(
            pa.schema(
                [
                    ("group_index", pa.int64()),
                    ("group_metadata", TEXT),
                    ("group_metrics", TEXT),
                    ("group_logs", pa.list_(TEXT)),
                    ("reward", pa.float64()),
                    ("metrics", TEXT),
                    ("metadata", TEXT),
                    ("tools", TEXT),
                    ("logs", pa.list_(TEXT)),
                    ("messages", pa.list_(_MESSAGE)),
                ]
            ),
            trajectories,
            'art.utils.trajectory_logging.read_trajectory_groups_parquet("{path}")',
            suffixes=(".parquet",),
        )
    },
)
