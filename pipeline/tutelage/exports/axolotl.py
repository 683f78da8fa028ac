"""Axolotl's `chat_template` data sets: `messages` with a flag per message.

With `roles_to_train: []` and `message_field_training: train`, only the flags decide.
"""

import pyarrow as pa

from tutelage.exports import flagged
from tutelage.exports.taker import TEXT, RowDict, Shape, Taker


def _train_flag(message: dict[str, str], is_trained: bool) -> RowDict:
    return message | {"train": is_trained}


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
        "messages": Shape(
            _SCHEMA, flagged.messages(_train_flag), _ADVICE, suffixes=(".jsonl", ".parquet")
        ),
        "turns": Shape(
            _SCHEMA, flagged.turns(_train_flag), _ADVICE, suffixes=(".jsonl", ".parquet")
        ),
    },
)
