"""The description of a taker: the rows it wants, in which shapes, and what its user has to know.

Data only. Each taker has a file in this room, written from the code of that trainer's own loader;
`Taker.reads` names the version. These files look alike because each states the facts about one
loader; the logic that they share is in `replies`, `flagged` and `tokenised`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

RowDict = dict[str, Any]

Unit = Literal["dialogues", "groups", "problems"]
"""What a taker converts at a time: one solved dialogue, all dialogues of a problem and arm, or the
first dialogue of a problem, of which only the problem is used."""

TEXT = pa.string()
MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))
"""Plain chat messages, without optional keys, because Arrow would fill those with nulls."""
IDS = pa.list_(pa.int32())


@dataclass(slots=True)
class Task:
    """The parameters of one conversion, and the counts of what it left out."""

    split: str
    """Split of the rows that are converted."""
    loss: str = ""
    """Loss policy that replaces the run's; empty: as the rows have it."""
    encoder: Any = None
    """`contract.tokens.Encoder`, for shapes that want token ids."""
    alternative: str = "--to trl-sft"
    """What to suggest if this taker cannot do what was requested."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> rows, pairs or messages that were not exported."""
    notes: Counter[str] = field(default_factory=Counter)
    """Remark -> rows that were exported in an unexpected form."""
    count: int = 0
    """Rows exported so far."""


Convert = Callable[[list[RowDict], Task], Iterable[RowDict]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of row that a taker reads."""

    schema: pa.Schema
    convert: Convert
    """Makes the rows of one unit."""
    advice: str
    """How to make the taker read it; `{path}`, `{length}`, `{licence}`, ... are filled in."""
    suffixes: tuple[str, ...] = (".parquet", ".jsonl")
    """File types that the taker reads; the first is the default."""
    tokens: bool = False
    """Whether it needs a tokenizer."""
    unit: Unit | None = None
    """The unit that it converts, if it differs from the taker's."""


@dataclass(frozen=True, slots=True)
class Taker:
    """The data loader of another trainer."""

    reads: str
    """Name and version of the loader."""
    unit: Unit
    shapes: Mapping[str, Shape]
    """By name; the first is the default."""
    limit: int = 0
    """Default maximum tokens of a row; the loader cuts, drops or refuses longer ones. 0: no limit."""
    beyond: str = ""
    """What it does with longer rows, and the option that raises the limit; `{length}` is filled in."""
    measured: str = "all"
    """What the limit applies to: `all` of a row, or its `prompt` alone."""
    companions: Callable[[list[str]], dict[str, str]] | None = None
    """Names of the data files -> other files that the loader needs, as name -> content."""

    licence: Callable[[Sequence[str]], str] = ", ".join
    """Licences of the rows, as SPDX writes them -> what the taker calls them, for the advice."""

    def shape(self, name: str) -> tuple[str, Shape]:
        """The shape of that name, or the default. Raises `KeyError`."""
        name = name or next(iter(self.shapes))
        return name, self.shapes[name]
