"""verl's MultiTurnSFTDataset: trains every assistant message, each rendered on its own.

It cannot mask a message, and teaches a stop after each. It refuses chat templates that render a
single message differently, unless `ignore_input_ids_mismatch=True`.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import fully_trained
from tutelage.exports.taker import MESSAGES, RowDict, Shape, Taker, Task


def messages(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each dialogue in which every reply is trained and none was cut."""
    for row in unit:
        if chat := fully_trained(row, task):
            yield {"messages": chat, "enable_thinking": False}


TAKER = Taker(
    reads="verl 0.9 MultiTurnSFTDataset",
    unit="dialogues",
    limit=1024,
    beyond="stops with an error: data.max_length={length}",
    shapes={
        "messages": Shape(
            pa.schema([("messages", MESSAGES), ("enable_thinking", pa.bool_())]),
            messages,
            "data.train_files={path} data.messages_key=messages data.max_length={length}",
            suffixes=(".parquet",),
        )
    },
)
