"""How large the shards of a run will be, estimated from the rows of a sample.

Bytes per row of a sample say too much: every Parquet file has a footer, an index and dictionaries of
some 36 kB, and compression improves as there is more text to refer back to. So the sample is written
three times, with a quarter, half and all of its groups, and a curve is put through the three sizes:

    bytes of a file = fixed + slope * text + gain * ln(text)

The last term is what compression learns; its share of each further row vanishes, as it does in a long
file. Not here: tokens and calls, which grow with the number of problems (`estimate`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from math import ceil, log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tutelage.shards import write_shard

_ROWS = 4_000
"""Rows of a sample that are looked at; as many as a row group of a shard has, about."""
_FEW = 8
"""Groups below which three sizes are mostly noise, and a straight line is used."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ShardSizes:
    """The curve, and how the rows of the sample were distributed over shards."""

    fixed: float
    """Bytes."""
    slope: float
    """Bytes per byte of text."""
    gain: float
    """Bytes per e-fold of text."""
    text: float
    """Bytes of a row as JSON, on average."""
    shares: Sequence[float]
    """Share of the rows in each kind of shard: a split's solved rows, and its others."""

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], compression_level: int) -> "ShardSizes":
        """From the rows of a sample, in any order."""
        # Ids of groups are digests, so the smallest are a random choice; shards are sorted by them.
        sample = nsmallest(_ROWS, rows, key=lambda row: (row["group_id"], row["sample"]))
        if not sample:
            return cls(0.0, 0.0, 0.0, 0.0, ())
        groups = [list(group) for _, group in groupby(sample, key=lambda row: row["group_id"])]
        steps = (4, 2, 1) if len(groups) >= _FEW else (2, 1) if len(groups) > 1 else (1,)
        parts = [[row for group in groups[::step] for row in group] for step in steps]
        text = np.array([sum(map(_size, part)) for part in parts], float)
        written = np.array([_written(part, compression_level) for part in parts], float)
        terms = np.stack([np.ones(len(parts)), text, np.log(text)], 1)[:, : len(parts)]
        fixed, slope, gain = [*np.linalg.solve(terms, written), 0.0, 0.0][:3]
        if gain < 0 or slope < 0:  # noise of a small sample
            slope = (written[-1] - written[-2]) / (text[-1] - text[-2])
            fixed, gain = written[-1] - slope * text[-1], 0.0
        kinds = Counter((row["split"], _is_solved(row)) for row in sample)
        shares = [count / len(sample) for count in kinds.values()]
        return cls(fixed, slope, gain, text[-1] / len(sample), shares)

    def total(self, dialogues: int, rows_per_file: int) -> float:
        """Bytes of all shards of a run of so many dialogues."""
        return sum(self._kind(share * dialogues, rows_per_file) for share in self.shares)

    def _kind(self, rows: float, rows_per_file: int) -> float:
        """Bytes of all shards of one kind."""
        files = max(1, ceil(rows / rows_per_file))
        text = rows * self.text
        return files * (self.fixed + self.gain * log(max(1.0, text / files))) + self.slope * text


def _is_solved(row: Mapping[str, Any]) -> bool:
    """Whether the row lies in a shard for solved dialogues; see `plan`."""
    return row["outcome"]["status"] == "solved" and row["duplicate_of"] is None


def _size(row: Mapping[str, Any]) -> int:
    return len(json.dumps(row, ensure_ascii=False))


def _written(rows: Rows, compression_level: int) -> int:
    """Bytes of one shard with these rows."""
    with TemporaryDirectory(prefix="tutelage-") as folder:
        path = Path(folder) / "sample.parquet"
        write_shard(path, [dict(row) for row in rows], compression_level)
        return path.stat().st_size
