"""Near-duplicates and splits over all rows of the parents, as publishing finds them.

What shares a problem, or is a near-duplicate in whatever arm, is in one split; a dialogue that ties
two splits together is held (`dedup.splits`). Near-duplicates are marked within an arm and a split.
The rows keep the split that they were published with, unless all are to be drawn anew.
"""

from collections.abc import Callable, Iterator
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
from tutelage.derive.writing import Bin, Fates
from tutelage.processes import cores
from tutelage.settings import Settings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is found anew of each row; all arrays are by row index."""

    splits: list[str]
    split: Ints
    """int64 [rows]: which of `splits`."""
    cluster: Ints
    """int64 [rows]: index of the row that has the smallest id of the cluster."""
    twin: Ints
    """int64 [rows]: index of the near-duplicate that stays, -1 where the row itself does."""
    keys: pa.Array
    """The dialogue ids."""
    solved: npt.NDArray[np.bool_]
    counts: dedup.Counts

    def fates(self, left_out: Ints, rule: str = "repeated") -> Fates:
        """The file of each row; those at `left_out` are dropped by this rule."""
        good = self.solved & (self.twin < 0)
        bins: list[Bin] = []
        to = np.full(len(self.split), -1, np.int16)
        for number, name in enumerate(self.splits):
            here = self.split == number
            is_solved = here & good & (name != HELD)
            for kind, chosen in (("solved", is_solved), ("rest", here & ~is_solved)):
                to[chosen] = len(bins)
                bins.append((name, kind))
        to[left_out] = -1
        return Fates(bins, to, {rule: len(left_out)} if len(left_out) else {})

    def onto(self, table: pa.Table) -> pa.Table:
        """The rows with these marks in place of theirs."""
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
    left_out: Ints,
    settings: Settings,
    draw: bool = False,
    progress: Progress = lambda done, total: None,
) -> Marks:
    """The marks of all rows.

    Args:
        parents: the runs.
        left_out: row indices that take no part.
        settings: `dedup` and `splits` count.
        draw: whether splits are drawn anew, whatever the rows were published with.
        progress: told how many rows were read.
    """
    rule = dedup.Scheme.at(settings.dedup.threshold)
    pieces: list[dict[str, Any]] = []
    blocks = _sketches(parents, set(left_out.tolist()), rule, pieces, progress)
    known = dedup.Sketches.concat(blocks if settings.dedup.enabled else _drained(blocks), rule)
    facts = _gathered(pieces)
    row_indices = np.delete(np.arange(parents.rows), left_out)
    rank = np.empty(parents.rows, np.int64)
    # Of ids that are equal in two runs only one takes part, so ranks are as good as ids.
    rank[pc.array_sort_indices(facts.keys).to_numpy()] = np.arange(parents.rows)
    at = np.asarray(known.ids, np.int64)
    ranked = replace(known, ids=rank[at].tolist())
    names, split = _splits(facts, row_indices, rank, ranked, rule, settings, draw)
    arm = np.unique(np.asarray(facts.arms), return_inverse=True)[1]
    parts = (arm[at] * len(names) + split[at]).tolist()
    near = dedup.find_within(ranked, parts, rule, cores())
    twin, cluster = np.full(parents.rows, -1), np.arange(parents.rows)
    twin[at] = np.where(near.twin < 0, -1, at[near.twin])
    cluster[at] = at[near.first]
    return Marks(names, split, cluster, twin, facts.keys, facts.solved, near.counts)


def _sketches(
    parents: Parents,
    left_out: set[int],
    rule: dedup.Scheme,
    pieces: list[dict[str, Any]],
    progress: Progress,
) -> Iterator[dedup.Sketches]:
    """Sketches by row index; puts the facts of each table that it reads into `pieces`."""
    wanted = ("dialogue_id", "problem_id", "arm", "split", "outcome", "messages")
    done = 0
    for source in parents.sources:
        for table in stream.rows([source], wanted):
            turn = pc.struct_field(table["outcome"].combine_chunks(), "solved_turn")
            pieces.append(
                {
                    "keys": table["dialogue_id"].combine_chunks(),
                    "solved": turn.is_valid().to_numpy(zero_copy_only=False),
                    **{name: table[name].to_pylist() for name in ("problem_id", "arm", "split")},
                }
            )
            ids = [p for p in table[stream.ROW_INDEX].to_pylist() if p not in left_out]
            first = table[stream.ROW_INDEX][0].as_py()
            chats = table["messages"].combine_chunks()
            yield dedup.sketch(ids, [dedup.spoken(chats[i - first].as_py()) for i in ids], rule)
            done += len(table)
            progress(done, parents.rows)


def _drained(blocks: Iterator[dedup.Sketches]) -> Iterator[dedup.Sketches]:
    """Reads on for the facts alone, where there is no comparing."""
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
    rule: dedup.Scheme,
    settings: Settings,
    draw: bool,
) -> tuple[list[str], Ints]:
    """The splits by name, in order, and which of them each row is in."""
    split_names = [name for name, share in settings.splits.ratios.items() if share > 0]
    published = sorted({*facts.recorded}) if not draw else []
    one = (
        published if len(published) == 1 else split_names if draw and len(split_names) == 1 else []
    )
    if one:
        return one, np.zeros(len(rank), np.int64)
    ratios = {**settings.splits.ratios}
    for name in published:
        ratios.setdefault(name, 0.0)
    ratios.pop(HELD, None)
    near = dedup.find(ranked, rule, cores())
    recorded: dict[Id, str] = {}
    if not draw:
        recorded = {int(rank[p]): facts.recorded[p] for p in row_indices.tolist()}
    split_of = splits.assign(
        {int(rank[p]): facts.problems[p] for p in row_indices.tolist()},
        splits.edges(near),
        ratios,
        settings.splits.seed,
        recorded,
        splits.texts(near),
    )
    names = sorted(set(split_of.values()))
    number = {name: i for i, name in enumerate(names)}
    split = np.zeros(len(rank), np.int64)
    split[row_indices] = [number[split_of[int(rank[p])]] for p in row_indices.tolist()]
    return names, split
