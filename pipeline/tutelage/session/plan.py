"""Decides which row goes into which file: near-duplicates, clusters, splits. For one worker; no text.

A dialogue is compared with those of its own arm, because the arms of a run answer the same problems
and begin alike by design. **Marks** (`duplicate_of`) and **clusters** are thus within an arm.
**Splits** are not: dialogues of one problem, and near-duplicates in any arm, go into the same split,
and stay in the split of an earlier publication (`splits.json`). A dialogue that would tie two splits
together is *held*: it goes to `shards/held` and belongs to neither (`dedup.splits`).

The plan depends only on the set of dialogues, not on the order or the workers that finished them. Per
dialogue it holds some 100 bytes of facts; the sketch of its text and, while near-duplicates are
searched, as much again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tutelage import dedup
from tutelage.dedup import splits
from tutelage.dedup.splits import HELD
from tutelage.processes import cores
from tutelage.session.spool import LISTED
from tutelage.settings import Dedup, Settings, Splits

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: its path below the run, and the list of its rows (`LISTED`)."""

    path: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Notes:
    """Counts of the whole run, for the manifest."""

    problems: dict[str, int]
    dialogues: dict[str, int]
    solved_at: dict[str, int]
    near_duplicates: int
    comparing: dict[str, int]
    """Counts of the near-duplicate search; see `dedup.Counts`."""
    splits: dict[str, list[str]]
    """The dialogues of each split; empty if there is only one split."""
    in_split: dict[str, int]


def plan(
    facts: Callable[..., pa.Table],
    sketches: Iterable[dedup.Sketches],
    settings: Settings,
    recorded: Mapping[str, str],
) -> Iterator[File | Notes]:
    """Every file of the run, and one `Notes`.

    Args:
        facts: returns the facts of all entries, or the named columns of them, in the order of the
            journal's files and lines. Called more than once, so that facts need not be held while
            texts are compared.
        sketches: of kept dialogues, in blocks, with positions in `facts` as ids; none if
            near-duplicates are not searched.
        settings: of the run.
        recorded: the split of each dialogue in the previous publication.
    """
    rule = scheme(settings.dedup)
    chosen, is_kept, arms, rank = _order(facts("key", "kind", "arm"))
    known = dedup.Sketches.concat((_ranked(block, rank) for block in sketches), rule)
    names, split = shares(settings.splits), np.zeros(len(arms), np.int64)
    if len(names) > 1:
        kept = facts("key", "problem").take(chosen[is_kept])
        names, split = _assign(kept, known, rule, settings.splits, recorded)
    # Splits are parts, too: a held dialogue may resemble two splits and is no twin of either.
    at = np.asarray(known.ids, np.int64)
    near = dedup.find_within(known, (arms[at] * len(names) + split[at]).tolist(), rule, cores())
    del known, rank
    all_facts = facts()
    kept, other = all_facts.take(chosen[is_kept]), all_facts.take(chosen[~is_kept])
    del all_facts
    twin, cluster = np.full(len(kept), -1), np.arange(len(kept))
    twin[at] = np.where(near.twin < 0, -1, at[near.twin])
    cluster[at] = at[near.first]

    good = (twin < 0) & kept["solved"].is_valid().to_numpy()
    good &= split != (names.index(HELD) if HELD in names else -1)
    bins = {
        f"shards/{name}/{what}": (split == number) & (good == (what == "solved"))
        for number, name in enumerate(names)
        for what in ("solved", "rest")
    }
    marks = {
        "split": pa.DictionaryArray.from_arrays(split.astype(np.int32), pa.array(names)),
        "cluster_id": kept["key"].take(cluster),
        "duplicate_of": kept["key"].take(pa.array(twin, mask=twin < 0)),
    }
    yield from _files(kept, marks, bins, settings.shards.rows)
    fates = _fates(other)
    nothing = {name: pa.nulls(len(other), LISTED.field(name).type) for name in marks}
    rejects = {f"rejects/{fate}": fates == fate for fate in np.unique(fates)}
    yield from _files(other, nothing, rejects, settings.shards.rows)
    yield _notes(kept, other, fates, names, split, near, len(shares(settings.splits)) > 1)


def _order(facts: pa.Table) -> tuple[Ints, npt.NDArray[np.bool_], npt.NDArray[np.int32], Ints]:
    """The entries that count, by key; which of them were kept; the arms of those, as numbers; and for
    each entry its position among the kept, or -1.
    """
    chosen = standing(facts)
    is_kept = _kept(facts)[chosen]
    arms = facts["arm"].combine_chunks().indices.to_numpy()[chosen[is_kept]]
    rank = np.full(len(facts), -1)
    rank[chosen[is_kept]] = np.arange(len(arms))
    return chosen, is_kept, arms, rank


def standing(facts: pa.Table) -> Ints:
    """Positions of the entries that count, one per key, sorted by key.

    Of a dialogue that was kept, the first such entry counts; otherwise the last entry.
    """
    n = len(facts)
    if not n:
        return np.empty(0, np.int64)
    order = pc.sort_indices(facts, [("key", "ascending")]).to_numpy().astype(np.int64)
    keys = facts["key"].take(order)
    opens = np.ones(n, bool)
    opens[1:] = pc.not_equal(keys[1:], keys[:-1]).to_numpy()
    begins = np.flatnonzero(opens)
    last = np.append(begins[1:], n) - 1
    first = np.minimum.reduceat(np.where(_kept(facts)[order], np.arange(n), n), begins)
    chosen: Ints = order[np.where(first <= last, first, last)]
    return chosen


def _kept(facts: pa.Table) -> npt.NDArray[np.bool_]:
    is_kept: npt.NDArray[np.bool_] = pc.equal(facts["kind"].cast(pa.string()), "kept").to_numpy()
    return is_kept


def scheme(settings: Dedup) -> dedup.Scheme:
    """The rule by which dialogues are near-duplicates."""
    return dedup.Scheme.at(settings.threshold)


def _ranked(block: dedup.Sketches, rank: Ints) -> dedup.Sketches:
    """The block with the ranks of its entries as ids, without entries that do not count."""
    ids = rank[np.asarray(block.ids, np.int64)]
    if (ids < 0).any():
        block, ids = block.only(np.flatnonzero(ids >= 0).tolist()), ids[ids >= 0]
    return replace(block, ids=ids.tolist())


def _assign(
    kept: pa.Table,
    sketches: dedup.Sketches,
    rule: dedup.Scheme,
    wanted: Splits,
    recorded: Mapping[str, str],
) -> tuple[list[str], Ints]:
    """The sorted names of the splits, and the split of each dialogue as a position among them."""
    pairs = dedup.find(sketches, rule, cores())
    before: dict[Any, str] = {}
    if recorded:
        at = ((rank, recorded.get(key)) for rank, key in enumerate(kept["key"].to_pylist()))
        before = {rank: split for rank, split in at if split is not None}
    groups: dict[Any, Any] = dict(enumerate(kept["problem"].to_pylist()))
    assigned = splits.assign(
        groups, splits.edges(pairs), wanted.ratios, wanted.seed, before, splits.texts(pairs)
    )
    names = sorted(set(assigned.values()))
    number = {name: place for place, name in enumerate(names)}
    return names, np.fromiter((number[assigned[rank]] for rank in range(len(kept))), np.int64)


def shares(wanted: Splits) -> list[str]:
    """The splits with a share above 0."""
    return [name for name, share in wanted.ratios.items() if share > 0]


def _files(
    facts: pa.Table, marks: Mapping[str, Any], bins: Mapping[str, Any], rows_a_file: int
) -> Iterator[File]:
    """The files of each bin, with whole groups in sequence and at most `rows_a_file` rows each."""
    order = pc.sort_indices(
        facts, [("group", "ascending"), ("sample", "ascending"), ("key", "ascending")]
    ).to_numpy()
    columns = {name: facts[name] for name in ("file", "offset", "length")} | dict(marks)
    rows = pa.table(columns, schema=LISTED)
    for name, where in sorted(bins.items()):
        places = order[where[order]]
        pieces = [places[i : i + rows_a_file] for i in range(0, len(places), rows_a_file)]
        for i, piece in enumerate(pieces):
            path = f"{name}-{i:05d}-of-{len(pieces):05d}.parquet"
            yield File(path, rows.take(piece))


def _fates(other: pa.Table) -> npt.NDArray[np.str_]:
    """How each entry that was not kept ends if there is no further session."""
    kinds = np.asarray(other["kind"].to_pylist(), "U16")
    return np.where(kinds == "passing", "dead", kinds)


def _notes(
    kept: pa.Table,
    other: pa.Table,
    fates: npt.NDArray[np.str_],
    names: list[str],
    split: Ints,
    near: dedup.Result,
    several: bool,
) -> Notes:
    """Counts of problems and dialogues."""
    dead = other.filter(fates == "dead")
    had_begun = pc.not_equal(dead["group"], "").to_numpy()
    alive = pc.unique(kept["problem"])
    tried = pc.unique(dead.filter(had_begun)["problem"])
    lost = pc.sum(pc.invert(pc.is_in(tried, alive))).as_py() or 0
    dead_inputs = len(dead) - int(had_begun.sum())
    turns, dialogues = pc.value_counts(kept["solved"].drop_null()).flatten()
    solved_at = dict(zip(turns.to_pylist(), dialogues.to_pylist(), strict=True))
    listed = {
        name: kept["key"].filter(split == number).to_pylist()
        for number, name in enumerate(names)
        if several
    }
    return Notes(
        problems={
            "kept": len(alive),
            "filtered": int((fates == "filtered").sum()),
            "duplicate": int((fates == "duplicate").sum()),
            "dead": dead_inputs + lost,
        },
        dialogues={"kept": len(kept), "dead": len(dead) - dead_inputs},
        solved_at={str(turn): count for turn, count in sorted(solved_at.items())},
        near_duplicates=near.counts.exact + near.counts.near,
        comparing=near.counts.record(),
        splits=listed,
        in_split={names[i]: int((split == i).sum()) for i in np.unique(split)},
    )
