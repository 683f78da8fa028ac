"""OpenAI's fine-tuning format, which Together and others read too: JSONL of `messages`.

`weight` 0 leaves an assistant message out of the loss. An example ends on an assistant message.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import learnt, masked, replies
from tutelage.exports.taker import TEXT, Row, Shape, Taker, Task

Chat = list[dict[str, str]]


def messages(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each dialogue."""
    for row in unit:
        chat, wanted = masked(row, learnt(row, task), task)
        if chat:
            yield {"messages": _weighted(chat, wanted)}


def turns(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each reply that is trained on; earlier ones are context."""
    for row in unit:
        for reply in replies(row, task):
            wanted = [False] * len(reply.history) + [True]
            yield {"messages": _weighted([*reply.history, reply.message], wanted)}


def _weighted(chat: Chat, wanted: list[bool]) -> list[Row]:
    return [
        message | ({"weight": int(train)} if message["role"] == "assistant" else {})
        for message, train in zip(chat, wanted, strict=True)
    ]


_SCHEMA = pa.schema(
    [("messages", pa.list_(pa.struct([("role", TEXT), ("content", TEXT), ("weight", pa.int8())])))]
)
_ADVICE = "upload {path} with purpose fine-tune"

TAKER = Taker(
    reads="OpenAI's and Together's chat fine-tuning",
    unit="dialogues",
    shapes={
        "messages": Shape(_SCHEMA, messages, _ADVICE, suffixes=(".jsonl",)),
        "turns": Shape(_SCHEMA, turns, _ADVICE, suffixes=(".jsonl",)),
    },
)
