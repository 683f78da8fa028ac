"""Axolotl's `chat_template` data sets: `messages` with a flag per message.

With `roles_to_train: []` and `message_field_training: train`, only the flags decide. It trains the
text of a message and the stop token, and nothing that the chat template puts in front of the text, such
as Qwen3's `<think>`.
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
    message_field_training: train
# eot_tokens: ["<end_of_turn>"]  # if the chat template stops with another token than the tokenizer's"""

TAKER = Taker(
    reads="Axolotl 0.19 chat_template",
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
