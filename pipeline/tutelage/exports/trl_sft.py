"""TRL's SFTTrainer (`trl.trainer.sft_trainer`, `_prepare_dataset`).

By default it trains all tokens of `messages`, including the teacher's. Given `prompt` and
`completion`, it trains the whole completion, so a completion is a single message. `input_ids` with
`assistant_masks` is used unchanged. It silently cuts rows after 1,024 tokens.
"""

from collections.abc import Iterator

import pyarrow as pa

from tutelage.exports import replies
from tutelage.exports.taker import IDS, MESSAGES, TEXT, RowDict, Shape, Taker, Task
from tutelage.exports.tokenised import pieces


def turns(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each trained reply."""
    for row in unit:
        for reply in replies.replies(row, task):
            yield {
                "prompt": reply.history,
                "completion": [reply.message],
                "dialogue_id": row["dialogue_id"],
                "turn": reply.entry["turn"],
            }


def tokens(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each piece of a dialogue."""
    for row in unit:
        yield from pieces(row, task, "assistant_masks")


def messages(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One row for each dialogue in which every reply is trained and none was cut."""
    for row in unit:
        if chat := replies.fully_trained(row, task):
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
