"""What of a dialogue shows in its list and stands deep in its trail: a cut reply, a question.

Read leaf by leaf with Arrow, which leaves the rest of the trail, most of a row's bytes, on the disk;
DuckDB would read all of it.
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
        for pieces, name, word in (
            (cut, "finish_reason", "length"),
            (question, "act", "question"),
        ):
            here = np.zeros(len(trail), np.bool_)
            matches: Any = pc.equal(pc.struct_field(values, name), word)
            here[rows[matches.to_numpy(zero_copy_only=False)]] = True
            pieces.append(here)
    cuts, questions = np.concatenate(cut), np.concatenate(question)
    return pa.table({"row_index": np.arange(len(cuts)), "cut": cuts, "question": questions})


def _trails(files: Sequence[Location]) -> Iterator[Any]:
    for path in files:
        with opened(path) as source, pq.ParquetFile(source) as file:
            for batch in file.iter_batches(_BATCH, columns=_LEAVES):
                yield batch.column("trail")
