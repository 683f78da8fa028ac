"""Finds near-duplicates and splits over all rows of the parents, as publishing does.

Dialogues of one problem and near-duplicates of any arm share a split; a dialogue that would tie two
splits together is held (`dedup.splits`). Near-duplicates are marked within an arm and a split. Rows
keep the split that they were published with, unless all splits are to be drawn again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tutelage import dedup
from tutelage.dedup import splits
from tutelage.dedup.sketches import Id
from tutelage.dedup.splits import HELD
from tutelage.derive import stream
from tutelage.derive.parents import Ints, Parents
from tutelage.derive.writing import Bin, Fates, Progress
from tutelage.processes import cores
from tutelage.settings import Settings


@dataclass(frozen=True, slots=True)
class Marks:
    """Split, cluster and near-duplicate of each row; all arrays are indexed by row index."""

    splits: list[str]
    """Names of the splits."""
    split: Ints
    """int64 [rows]: index into `splits`."""
    cluster: Ints
    """int64 [rows]: row index of the smallest dialogue id in the row's cluster."""
    twin: Ints
    """int64 [rows]: row index of the near-duplicate that is kept, -1 if the row itself is."""
    keys: pa.Array
    """Dialogue ids."""
    solved: npt.NDArray[np.bool_]
    counts: dedup.Counts

    def fates(self, excluded: Ints, rule: str = "repeated") -> Fates:
        """The file of each row; `rule` drops the rows with the indices `excluded`."""
        good = self.solved & (self.twin < 0)
        bins: list[Bin] = []
        bin_of = np.full(len(self.split), -1, np.int16)
        for number, name in enumerate(self.splits):
            in_split = self.split == number
            is_solved = in_split & good & (name != HELD)
            for kind, chosen in (("solved", is_solved), ("rest", in_split & ~is_solved)):
                bin_of[chosen] = len(bins)
                bins.append((name, kind))
        bin_of[excluded] = -1
        return Fates(bins, bin_of, {rule: len(excluded)} if len(excluded) else {})

    def onto(self, table: pa.Table) -> pa.Table:
        """The rows of `table` with these marks instead of their own."""
        row_indices = table[stream.ROW_INDEX].to_numpy()
        split = pa.array(self.splits, pa.string()).take(pa.array(self.split[row_indices]))
        twin = self.twin[row_indices]
        columns = {
            "split": split,
            "cluster_id": self.keys.take(pa.array(self.cluster[row_indices])),
            "duplicate_of": self.keys.take(pa.array(twin, mask=twin < 0)),
        }
        for name, column in columns.items():
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), column)
        return table


@dataclass(frozen=True, slots=True)
class _Facts:
    keys: pa.Array
    problems: list[str]
    arms: list[str]
    recorded: list[str]
    solved: npt.NDArray[np.bool_]


def find(
    parents: Parents,
    excluded: Ints,
    settings: Settings,
    draw: bool = False,
    progress: Progress = lambda done, total: None,
) -> Marks:
    """Computes the marks of all rows.

    Args:
        parents: the runs.
        excluded: row indices to ignore.
        settings: only the sections `dedup` and `splits` are used.
        draw: whether to draw splits again, ignoring the ones that the rows were published with.
        progress: called with the number of rows read, and the total.
    """
    scheme = dedup.Scheme.at(settings.dedup.threshold)
    pieces: list[dict[str, Any]] = []
    blocks = _sketches(parents, set(excluded.tolist()), scheme, pieces, progress)
    sketches = dedup.Sketches.concat(blocks if settings.dedup.enabled else _emptied(blocks), scheme)
    facts = _gathered(pieces)
    row_indices = np.delete(np.arange(parents.rows), excluded)
    rank = np.empty(parents.rows, np.int64)
    # If two runs have the same id, only one of the rows takes part, so ranks identify rows as ids do.
    rank[pc.array_sort_indices(facts.keys).to_numpy()] = np.arange(parents.rows)
    at = np.asarray(sketches.ids, np.int64)
    ranked = replace(sketches, ids=rank[at].tolist())
    names, split = _splits(facts, row_indices, rank, ranked, scheme, settings, draw)
    arm = np.unique(np.asarray(facts.arms), return_inverse=True)[1]
    parts = (arm[at] * len(names) + split[at]).tolist()
    near = dedup.find_within(ranked, parts, scheme, cores())
    twin, cluster = np.full(parents.rows, -1), np.arange(parents.rows)
    twin[at] = np.where(near.twin < 0, -1, at[near.twin])
    cluster[at] = at[near.first]
    return Marks(names, split, cluster, twin, facts.keys, facts.solved, near.counts)


def _sketches(
    parents: Parents,
    excluded: set[int],
    scheme: dedup.Scheme,
    pieces: list[dict[str, Any]],
    progress: Progress,
) -> Iterator[dedup.Sketches]:
    """Sketches by row index; also appends the facts of each table that it reads to `pieces`."""
    columns = ("dialogue_id", "problem_id", "arm", "split", "outcome", "messages")
    done = 0
    for source in parents.sources:
        for table in stream.rows([source], columns):
            turn = pc.struct_field(table["outcome"].combine_chunks(), "solved_turn")
            pieces.append(
                {
                    "keys": table["dialogue_id"].combine_chunks(),
                    "solved": turn.is_valid().to_numpy(zero_copy_only=False),
                    **{name: table[name].to_pylist() for name in ("problem_id", "arm", "split")},
                }
            )
            ids = [i for i in table[stream.ROW_INDEX].to_pylist() if i not in excluded]
            first = table[stream.ROW_INDEX][0].as_py()
            chats = table["messages"].combine_chunks()
            yield dedup.sketch(ids, [dedup.spoken(chats[i - first].as_py()) for i in ids], scheme)
            done += len(table)
            progress(done, parents.rows)


def _emptied(blocks: Iterator[dedup.Sketches]) -> Iterator[dedup.Sketches]:
    """Consumes the blocks, which gathers their facts, but keeps no sketch: nothing is compared."""
    for block in blocks:
        yield block.only([])


def _gathered(pieces: list[dict[str, Any]]) -> _Facts:
    return _Facts(
        pa.chunked_array([piece["keys"] for piece in pieces], pa.string()).combine_chunks(),
        [name for piece in pieces for name in piece["problem_id"]],
        [name for piece in pieces for name in piece["arm"]],
        [name for piece in pieces for name in piece["split"]],
        np.concatenate([np.empty(0, bool), *(piece["solved"] for piece in pieces)]),
    )


def _splits(
    facts: _Facts,
    row_indices: Ints,
    rank: Ints,
    ranked: dedup.Sketches,
    scheme: dedup.Scheme,
    settings: Settings,
    draw: bool,
) -> tuple[list[str], Ints]:
    """The names of the splits, in order, and the index of the split that each row is in."""
    published = sorted({*facts.recorded}) if not draw else []
    possible = [name for name, share in settings.splits.ratios.items() if share > 0]
    possible = possible if draw else published
    if len(possible) == 1:
        return possible, np.zeros(len(rank), np.int64)
    ratios = {**settings.splits.ratios}
    for name in published:
        ratios.setdefault(name, 0.0)
    ratios.pop(HELD, None)
    near = dedup.find(ranked, scheme, cores())
    recorded: dict[Id, str] = {}
    if not draw:
        recorded = {int(rank[i]): facts.recorded[i] for i in row_indices.tolist()}
    split_of = splits.assign(
        {int(rank[i]): facts.problems[i] for i in row_indices.tolist()},
        splits.edges(near),
        ratios,
        settings.splits.seed,
        recorded,
        splits.texts(near),
    )
    names = sorted(set(split_of.values()))
    number = {name: k for k, name in enumerate(names)}
    split = np.zeros(len(rank), np.int64)
    split[row_indices] = [number[split_of[int(rank[i])]] for i in row_indices.tolist()]
    return names, split
