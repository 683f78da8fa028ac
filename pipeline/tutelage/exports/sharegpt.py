"""ShareGPT's conversations, as many trainers read them: every word of `gpt` is trained on."""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import alternating, whole
from tutelage.exports.taker import TEXT, Row, Shape, Taker, Task

NAMES = {"user": "human", "assistant": "gpt"}
SCHEMA = pa.schema(
    [("system", TEXT), ("conversations", pa.list_(pa.struct([("from", TEXT), ("value", TEXT)])))]
)


def conversations(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each dialogue of which every reply is trained on, and none was cut."""
    for row in unit:
        if chat := whole(row, task):
            yield from conversation(chat, task)


def conversation(chat: list[dict[str, str]], task: Task) -> Iterator[Row]:
    """The chat in these words, if its two sides take turns."""
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
            "human, gpt; the system prompt is a column of its own",
            suffixes=(".jsonl", ".parquet"),
        )
    },
)
