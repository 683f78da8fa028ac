"""A dialogue as token ids and a mask: what our own trainer reads, to the token.

The one form in which nothing is lost: replies stand as they were sampled, a reply that was cut has
no stop that would be learnt, and a dialogue whose later turns saw something else is several rows,
each after the prompt that its reply really had (`contract.tokens`).
"""

from collections.abc import Iterator

from tutelage.exports.replies import SILENT
from tutelage.exports.taker import Row, Task


def pieces(row: Row, task: Task, mask: str) -> Iterator[Row]:
    """`input_ids` and the column `mask`, 1 where a token is trained on; one row a piece."""
    sample = task.encoder.sample(row, task.loss)
    task.left_out[SILENT] += not sample.pieces
    task.notes["dialogues in several rows"] += len(sample.pieces) > 1
    for piece in sample.pieces:
        yield {
            "input_ids": piece.ids.tolist(),
            mask: piece.train.astype("int8").tolist(),
            "dialogue_id": row["dialogue_id"],
        }
