"""LLaMA-Factory's sharegpt format: the two sides must alternate strictly, or it drops the row.

It trains every reply of a row, or only the last one with `mask_history: true`, for which the shape
`turns` is made. It renders by a template of its own, which has to be named, and trains whatever that
puts after a reply's stop token, such as a line end. An export to a folder includes the
`dataset_info.json` that it needs.
"""

import json
from collections.abc import Iterator

from tutelage.exports import sharegpt
from tutelage.exports.replies import replies
from tutelage.exports.taker import RowDict, Shape, Taker, Task


def turns(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each trained reply; earlier replies are context."""
    for row in unit:
        for reply in replies(row, task):
            yield from sharegpt.conversation([*reply.history, reply.message], task)


def info(files: list[str]) -> dict[str, str]:
    """`dataset_info.json` for these files."""
    columns = {"messages": "conversations", "system": "system"}
    sets = {
        f"tutelage_{name.partition('.')[0]}": {
            "file_name": name,
            "formatting": "sharegpt",
            "columns": columns,
        }
        for name in files
    }
    return {"dataset_info.json": json.dumps(sets, indent=2) + "\n"}


_ADVICE = """\
dataset_dir: {folder}
dataset: tutelage_{stem}
cutoff_len: {length}
# template: its name for your model's chat template, such as qwen3"""
_SUFFIXES = (".jsonl", ".parquet")

TAKER = Taker(
    reads="LLaMA-Factory 0.9 sharegpt",
    unit="dialogues",
    limit=2048,
    beyond="cuts: cutoff_len: {length}",
    companions=info,
    shapes={
        "conversations": Shape(sharegpt.SCHEMA, sharegpt.conversations, _ADVICE, _SUFFIXES),
        "turns": Shape(sharegpt.SCHEMA, turns, _ADVICE + "\nmask_history: true", _SUFFIXES),
    },
)
