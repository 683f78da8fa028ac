"""prime-rl's SFTDataset: `messages`, rendered by its own renderers; the mask goes by role alone.

`prompt` and `completion` would be joined to one chat, so they are no way around that.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import whole
from tutelage.exports.taker import MESSAGES, Row, Shape, Taker, Task


def messages(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each dialogue of which every reply is trained on, and none was cut."""
    for row in unit:
        if chat := whole(row, task):
            yield {"messages": chat}


TAKER = Taker(
    reads="prime-rl SFTDataset (August 2026)",
    unit="dialogues",
    limit=128,
    beyond="cuts, or splits where it packs: data.seq_len={length}",
    shapes={
        "messages": Shape(
            pa.schema([("messages", MESSAGES)]),
            messages,
            "uv run sft --data.name {folder} --data.seq_len {length}",
        )
    },
)
