"""A dialogue as token ids and a loss mask, token for token what our own trainer reads.

The only form that loses nothing: replies are as they were sampled, and a cut reply teaches no stop.
A dialogue whose later turns saw a different history (such as one without earlier reasoning) becomes
several rows, each with the prompt that its replies really had (`contract.tokens`).
"""

from collections.abc import Iterator

from tutelage.exports.replies import SILENT
from tutelage.exports.taker import RowDict, Task


def pieces(row: RowDict, task: Task, mask: str) -> Iterator[RowDict]:
    """One row per piece, with `input_ids` and the column named by `mask`: 1 for trained tokens."""
    sample = task.encoder.sample(row, task.loss)
    task.left_out[SILENT] += not sample.pieces
    task.notes["dialogues in several rows"] += len(sample.pieces) > 1
    for piece in sample.pieces:
        yield {
            "input_ids": piece.ids.tolist(),
            mask: piece.train.astype("int8").tolist(),
            "dialogue_id": row["dialogue_id"],
        }
