"""OpenAI's fine-tuning format, which Together and others read too: JSONL of `messages`.

`weight` 0 excludes an assistant message from the loss. An example ends with an assistant message.
"""

import pyarrow as pa

from tutelage.exports import flagged
from tutelage.exports.taker import TEXT, RowDict, Shape, Taker


def _weight(message: dict[str, str], is_trained: bool) -> RowDict:
    return message | ({"weight": int(is_trained)} if message["role"] == "assistant" else {})


_SCHEMA = pa.schema(
    [("messages", pa.list_(pa.struct([("role", TEXT), ("content", TEXT), ("weight", pa.int8())])))]
)
_ADVICE = 'client.files.create(file=open("{path}", "rb"), purpose="fine-tune")'

TAKER = Taker(
    reads="OpenAI's and Together's chat fine-tuning",
    unit="dialogues",
    shapes={
        "messages": Shape(_SCHEMA, flagged.messages(_weight), _ADVICE, suffixes=(".jsonl",)),
        "turns": Shape(_SCHEMA, flagged.turns(_weight), _ADVICE, suffixes=(".jsonl",)),
    },
)
