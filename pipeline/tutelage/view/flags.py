"""The facts in a dialogue's trail that the list of dialogues shows: a cut reply, a question.

Arrow reads only the leaf columns that are needed. DuckDB would read the whole trail, which makes up
most of a row's bytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tutelage.storage import Location, opened

_LEAVES = ["trail.list.element.act", "trail.list.element.finish_reason"]
_BATCH = 20_000


def flags(files: Sequence[Location]) -> pa.Table:
    """`row_index`, `cut` and `question` of every row, in the order of the files."""
    cut, question = [np.zeros(0, np.bool_)], [np.zeros(0, np.bool_)]
    for trail in _trails(files):
        values = trail.flatten()
        rows = pc.list_parent_indices(trail).to_numpy()
        for pieces, name, value in (
            (cut, "finish_reason", "length"),
            (question, "act", "question"),
        ):
            has_value = np.zeros(len(trail), np.bool_)
            matches: Any = pc.equal(pc.struct_field(values, name), value)
            has_value[rows[matches.to_numpy(zero_copy_only=False)]] = True
            pieces.append(has_value)
    cuts, questions = np.concatenate(cut), np.concatenate(question)
    return pa.table({"row_index": np.arange(len(cuts)), "cut": cuts, "question": questions})


def _trails(files: Sequence[Location]) -> Iterator[Any]:
    for path in files:
        with opened(path) as source, pq.ParquetFile(source) as file:
            for batch in file.iter_batches(_BATCH, columns=_LEAVES):
                yield batch.column("trail")
