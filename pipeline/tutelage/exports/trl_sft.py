"""TRL's SFTTrainer (`trl.trainer.sft_trainer`, `_prepare_dataset`).

It trains all tokens of `messages` unless told otherwise, the teacher's too; of `prompt` and
`completion` it trains the completion whole, so a completion is one message. `input_ids` with
`assistant_masks` is taken as it is. It cuts at 1,024 tokens, keeps the start, and says nothing.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports import replies
from tutelage.exports.taker import IDS, MESSAGES, TEXT, Row, Shape, Taker, Task
from tutelage.exports.tokenised import pieces


def turns(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each reply that is trained on."""
    for row in unit:
        for reply in replies.replies(row, task):
            yield {
                "prompt": reply.history,
                "completion": [reply.message],
                "dialogue_id": row["dialogue_id"],
                "turn": reply.entry["turn"],
            }


def tokens(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each piece of a dialogue."""
    for row in unit:
        yield from pieces(row, task, "assistant_masks")


def messages(unit: list[Row], task: Task) -> Iterator[Row]:
    """One row for each dialogue of which every reply is trained on."""
    for row in unit:
        if chat := replies.whole(row, task):
            yield {"messages": chat, "dialogue_id": row["dialogue_id"]}


_READ = 'train_dataset = load_dataset("{kind}", data_files="{path}", split="train")\n'

TAKER = Taker(
    reads="TRL 1.16 SFTTrainer",
    unit="dialogues",
    limit=1024,
    beyond="cuts, keeping the start, in silence: SFTConfig(max_length={length})",
    shapes={
        "turns": Shape(
            pa.schema(
                [
                    ("prompt", MESSAGES),
                    ("completion", MESSAGES),
                    ("dialogue_id", TEXT),
                    ("turn", pa.int32()),
                ]
            ),
            turns,
            _READ + "SFTConfig(max_length={length})  # the completion alone is trained",
        ),
        "tokens": Shape(
            pa.schema([("input_ids", IDS), ("assistant_masks", IDS), ("dialogue_id", TEXT)]),
            tokens,
            _READ + "SFTConfig(max_length={length})  # the mask is taken as it is",
            tokens=True,
        ),
        "messages": Shape(
            pa.schema([("messages", MESSAGES), ("dialogue_id", TEXT)]),
            messages,
            _READ + "SFTConfig(assistant_only_loss=True, max_length={length})\n"
            "# wants a chat template with {{% generation %}}; without the option, hints are trained",
        ),
    },
)
