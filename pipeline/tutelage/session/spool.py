"""Passes data between the steps of publishing: Arrow files in the run's folder.

For each journal file there are **facts** (a row per entry: its location and what the plan needs to
know about it) and **sketches** of the texts of its kept dialogues. The plan writes a **list** for each
shard: the locations of its rows, in order, with the columns that only the plan knows. Beam transports
only the names of these files, so that no worker holds more than it works on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from tutelage.dedup import Scheme, Sketches
from tutelage.shards.folder import writing
from tutelage.storage import Location, streamed, whole

_NAME = pa.dictionary(pa.int32(), pa.string())
_TEXT = pa.large_string()
"""Ids of 20 bytes for a hundred million dialogues are 2 GB, which is all that `string` can address."""
FACTS = pa.schema(
    [
        ("key", _TEXT),  # dialogue id, or that of an input that became none
        ("kind", _NAME),  # see `shards.journal.Kind`
        ("file", _NAME),
        ("offset", pa.int64()),
        ("length", pa.int32()),
        ("arm", _NAME),
        ("group", _TEXT),
        ("sample", pa.int32()),
        ("problem", _TEXT),
        ("solved", pa.int32()),  # turn; null where it was not
    ]
)
"""Columns of facts."""

LISTED = pa.schema(
    [
        ("file", _NAME),
        ("offset", pa.int64()),
        ("length", pa.int32()),
        ("split", _NAME),  # these three are null for rejects, whose rows keep their values
        ("cluster_id", _TEXT),
        ("duplicate_of", _TEXT),
    ]
)
"""Columns of lists."""


@contextmanager
def saving(path: Location, schema: pa.Schema) -> Iterator[Any]:
    """Yields a stream for record batches. The file appears when the block ends without an error.

    Raises:
        OutputError: the disk is full.
    """
    with (
        writing(path),
        whole(path) as part,
        pa.OSFile(str(part), "wb") as file,
        # Dictionaries change between batches, which only the stream format allows.
        pa.ipc.new_stream(file, schema) as stream,
    ):
        yield stream


def reading(path: Location, columns: Sequence[int] | None = None) -> Iterator[pa.RecordBatch]:
    """The batches of a file, with all columns or those with these numbers."""
    options = pa.ipc.IpcReadOptions(included_fields=columns and list(columns))
    with streamed(path) as file, pa.ipc.open_stream(file, options=options) as stream:
        for batch in stream:
            # copied, because a column as it was read keeps all the others in memory
            yield batch if columns is None else batch.take(np.arange(len(batch)))


def facts(path: Location, names: Sequence[str] = FACTS.names) -> pa.Table:
    """The facts in a file, or some of their columns."""
    columns = sorted(FACTS.names.index(name) for name in names)
    schema = pa.schema([FACTS.field(column) for column in columns])
    return pa.Table.from_batches(reading(path, columns), schema)


def sketch_schema(rule: Scheme) -> pa.Schema:
    """Columns of sketches; `entry` is a position among the facts of the same journal file."""
    return pa.schema(
        [
            ("entry", pa.int64()),
            ("digest", pa.binary(16)),
            ("keys", pa.list_(pa.uint32(), rule.bands)),
            ("shingles", pa.list_(pa.uint32())),
        ]
    )


def packed(sketches: Sketches, rule: Scheme) -> pa.RecordBatch:
    """Sketches with positions of entries as ids, as a batch."""
    digests = pa.py_buffer(np.ascontiguousarray(sketches.digests))
    return pa.record_batch(
        [
            pa.array(sketches.ids, pa.int64()),
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(sketches), [None, digests]),
            pa.FixedSizeListArray.from_arrays(pa.array(sketches.keys.ravel()), rule.bands),
            pa.ListArray.from_arrays(
                pa.array(sketches.bounds.astype(np.int32)), pa.array(sketches.shingles)
            ),
        ],
        schema=sketch_schema(rule),
    )


def unpacked(batch: pa.RecordBatch, rule: Scheme) -> Sketches:
    """The sketches in a batch."""
    entry, digests, keys, shingles = batch.columns
    return Sketches(
        entry.to_pylist(),
        np.frombuffer(digests.buffers()[1], np.uint8).reshape(-1, 16),
        np.asarray(keys.values).reshape(-1, rule.bands),
        np.asarray(shingles.values),
        np.asarray(shingles.offsets, np.int64),
    )
