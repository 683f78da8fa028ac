"""Axolotl's `chat_template` data sets: `messages` with a flag a message.

Told `roles_to_train: []` and `message_field_training: train`, it goes by the flags alone.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import learnt, masked, replies
from tutelage.exports.taker import TEXT, Row, Shape, Taker, Task


def messages(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each dialogue."""
    for row in unit:
        chat, wanted = masked(row, learnt(row, task), task)
        if chat:
            yield {"messages": _flagged(chat, wanted)}


def turns(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each reply that is trained on; earlier ones are context."""
    for row in unit:
        for reply in replies(row, task):
            wanted = [False] * len(reply.history) + [True]
            yield {"messages": _flagged([*reply.history, reply.message], wanted)}


def _flagged(chat: list[dict[str, str]], wanted: list[bool]) -> list[Row]:
    return [message | {"train": train} for message, train in zip(chat, wanted, strict=True)]


_SCHEMA = pa.schema(
    [("messages", pa.list_(pa.struct([("role", TEXT), ("content", TEXT), ("train", pa.bool_())])))]
)
_ADVICE = """\
sequence_len: {length}
datasets:
  - path: {path}
    ds_type: {kind}
    type: chat_template
    roles_to_train: []
    train_on_eos: turn
    message_field_training: train"""

TAKER = Taker(
    reads="Axolotl chat_template (July 2026)",
    unit="dialogues",
    limit=512,
    beyond="leaves longer rows out: sequence_len: {length}",
    shapes={
        "messages": Shape(_SCHEMA, messages, _ADVICE, suffixes=(".jsonl", ".parquet")),
        "turns": Shape(_SCHEMA, turns, _ADVICE, suffixes=(".jsonl", ".parquet")),
    },
)
