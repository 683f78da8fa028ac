"""Selects the rows of a run to export, in the units that a taker needs.

Trainers that imitate get the solved dialogues that our own SFT trains on. Trainers that compare get
whole groups including failures, as our own RL does. Trainers that generate by themselves get each
problem once. Every row that is left out is counted under its reason.

Groups are scattered over the shards, so DuckDB sorts the rows, on disk if there are many.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from tutelage.errors import Mistake
from tutelage.exports.taker import RowDict, Unit
from tutelage.shards import sql
from tutelage.shards.contaminated import marked
from tutelage.shards.keys import Keys
from tutelage.shards.reader import connect, read_rows, shard_files

COLUMNS = (
    "dialogue_id", "problem_id", "group_id", "sample", "arm", "split", "duplicate_of", "domain",
    "source", "licence", "statement", "gold", "privileged_context", "messages", "trail", "outcome",
    "leak", "primed_turns", "models",
)  # fmt: skip
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows to export."""

    run: str
    split: str = "train"
    arms: tuple[str, ...] = ()
    where: str = ""
    """An SQL condition on the columns of a row."""
    keep_leaks: bool = False


def splits(run: str) -> list[str]:
    """The splits of a run, `train` first; without `held`, whose rows are in no split."""
    names = {str(path.parent.name) for path in shard_files(run)} - {"held"}
    return sorted(names, key=lambda name: (name != "train", name))


def units(wanted: Selection, unit: Unit, left_out: Counter[str]) -> Iterator[list[RowDict]]:
    """The selected rows, in lists of one unit each; counts the others in `left_out`.

    Raises:
        Mistake: there is no such run or split, or the condition is not valid SQL on its columns.
    """
    if wanted.split not in (known := splits(wanted.run)):
        names = ", ".join(known) or "none"
        raise Mistake(f"{wanted.run!r} has no split {wanted.split!r}: its splits are {names}")
    contaminated = marked(wanted.run)
    if unit == "groups":
        rows = _chosen(_sorted(wanted), wanted, contaminated, left_out)
        for _, group in groupby(_played(rows, left_out), key=lambda row: row["group_id"]):
            yield list(group)
        return
    solved = unit == "dialogues"
    kind = "solved" if solved else "*"
    rows = read_rows(wanted.run, COLUMNS, wanted.where, (wanted.split,), kind)
    if solved:
        yield from ([row] for row in _chosen(rows, wanted, contaminated, left_out))
    else:
        yield from _problems(rows, wanted, contaminated, left_out)


def _problems(
    rows: Iterable[RowDict], wanted: Selection, contaminated: frozenset[str], left_out: Counter[str]
) -> Iterator[list[RowDict]]:
    """The first row of each problem, whatever its dialogue."""
    seen = Keys()
    for row in rows:
        key = row["problem_id"]
        if key in seen or (wanted.arms and row["arm"] not in wanted.arms):
            continue
        seen.add(key)
        if key in contaminated:
            left_out["problems that evaluation sets have"] += 1
        else:
            yield [row]


def _chosen(
    rows: Iterable[RowDict], wanted: Selection, contaminated: frozenset[str], left_out: Counter[str]
) -> Iterator[RowDict]:
    for row in rows:
        if wanted.arms and row["arm"] not in wanted.arms:
            left_out["dialogues of another arm"] += 1
        elif row["problem_id"] in contaminated:
            left_out["dialogues over problems that evaluation sets have"] += 1
        elif row["leak"]["any"] and not wanted.keep_leaks:
            left_out["dialogues in which the answer leaked (see --keep-leaks)"] += 1
        else:
            yield row


def _played(rows: Iterable[RowDict], left_out: Counter[str]) -> Iterator[RowDict]:
    """Leaves out dialogues that failed for technical reasons: they say nothing about the policy."""
    for row in rows:
        if row["outcome"]["status"] == "failed":
            left_out["dialogues that failed"] += 1
        else:
            yield row


def _sorted(wanted: Selection) -> Iterator[RowDict]:
    """All rows of the split, group by group; above `sql.MEMORY` they are sorted on disk."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    condition = f"WHERE {sql.condition(wanted.where)}" if wanted.where else ""
    connection = connect(shard_files(wanted.run, (wanted.split,)))
    ordered = f"SELECT {names} FROM dialogues {condition} ORDER BY group_id, sample, dialogue_id"
    for batch in sql.selected(connection, ordered, _BATCH):
        yield from batch.to_pylist()
