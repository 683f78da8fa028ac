"""ShareGPT's conversations, which many trainers read: every message of `gpt` is trained."""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import alternating, fully_trained
from tutelage.exports.taker import TEXT, RowDict, Shape, Taker, Task

NAMES = {"user": "human", "assistant": "gpt"}
SCHEMA = pa.schema(
    [("system", TEXT), ("conversations", pa.list_(pa.struct([("from", TEXT), ("value", TEXT)])))]
)


def conversations(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each dialogue in which every reply is trained and none was cut."""
    for row in unit:
        if chat := fully_trained(row, task):
            yield from conversation(chat, task)


def conversation(chat: list[dict[str, str]], task: Task) -> Iterator[RowDict]:
    """The chat as a ShareGPT conversation, if its two sides alternate."""
    system, rest = alternating(chat, task)
    if rest:
        turns = [{"from": NAMES[m["role"]], "value": m["content"]} for m in rest]
        yield {"system": system, "conversations": turns}


TAKER = Taker(
    reads="trainers that read ShareGPT's format",
    unit="dialogues",
    shapes={
        "conversations": Shape(
            SCHEMA,
            conversations,
            'load_dataset("{kind}", data_files="{path}", split="train")\n'
            "# turns of human and gpt; the system prompt is a column of its own",
            suffixes=(".jsonl", ".parquet"),
        )
    },
)
