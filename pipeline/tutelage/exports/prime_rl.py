"""prime-rl's SFTDataset: `messages`, rendered by its own renderers; only roles decide the loss mask.

`prompt` and `completion` would not help: it joins them into one chat. Its renderers must know the
model's family (Qwen3, Llama 3, ...); it refuses the default one, which does not say what was sampled.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports.replies import fully_trained
from tutelage.exports.taker import MESSAGES, RowDict, Shape, Taker, Task


def messages(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each dialogue in which every reply is trained and none was cut."""
    for row in unit:
        if chat := fully_trained(row, task):
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
