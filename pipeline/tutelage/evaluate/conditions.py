"""Groups played dialogues into conditions: a model under an arm on a set of problems."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tutelage.evaluate.rates import COLUMNS
from tutelage.settings import ARMS
from tutelage.shards import read_rows

RowDict = dict[str, Any]

WANTED = ("dialogue_id", "problem_id", "statement", "source", "arm", "sample", "gold", *COLUMNS)


@dataclass(frozen=True, slots=True)
class Played:
    """One published run of one model."""

    model: str
    """Label of the model; runs with the same label differ only in the training seed."""
    run: str
    """Its folder."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The dialogues of one model under one arm on one set of problems."""

    model: str
    arm: str
    set: str
    """Name of the corpus; `NAME in shards` if its problems come in shards."""
    seeds: tuple[tuple[RowDict, ...], ...]
    """One entry per training seed, in the order of the runs."""

    @property
    def rows(self) -> Iterator[RowDict]:
        """The rows of all seeds."""
        return (row for rows in self.seeds for row in rows)


def conditions(runs: Sequence[Played]) -> list[Condition]:
    """The conditions of these runs: sets in order of appearance, models as named, arms as in `ARMS`."""
    return sorted_rows((played.model, rows(played.run)) for played in runs)


def sorted_rows(runs: Iterable[tuple[str, Iterable[RowDict]]]) -> list[Condition]:
    """Conditions of (label, rows of one run); runs with the same label are seeds of one model."""
    cells_of: dict[tuple[str, str, str], list[list[RowDict]]] = {}
    seeds: dict[str, int] = {}
    for model, run_rows in runs:
        seed = seeds.setdefault(model, -1) + 1
        seeds[model] = seed
        for row in run_rows:
            cells = cells_of.setdefault((set_of(row), model, row["arm"]), [])
            while len(cells) <= seed:
                cells.append([])
            cells[seed].append(row)
    sets = list(dict.fromkeys(name for name, _, _ in cells_of))
    arms = [*ARMS, *(arm for _, _, arm in cells_of)]
    sort_keys = {
        key: (sets.index(key[0]), list(seeds).index(key[1]), arms.index(key[2])) for key in cells_of
    }
    return [
        Condition(model, arm, name, tuple(tuple(cell) for cell in cells_of[name, model, arm]))
        for name, model, arm in sorted(cells_of, key=sort_keys.__getitem__)
    ]


def rows(run: str) -> Iterator[RowDict]:
    """The rows of a run with the columns that figures need, and with indices in place of token ids.

    Ids and log-probabilities are most of a row, and only their number is used.
    """
    for row in read_rows(run, WANTED):
        for entry in row["trail"]:
            entry["token_ids"] = range(len(entry["token_ids"] or ()))
            entry.pop("logprobs", None)
        yield row


def set_of(row: Mapping[str, Any]) -> str:
    """Name of the set that a row belongs to."""
    return f"{row['source']} in shards" if row["shards"] else str(row["source"])
