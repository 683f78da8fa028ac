"""What a taker is: the rows it wants, in which shapes, and what its user has to know.

Data only. Each taker has a file of its own in this room, which was written from the taker's own
loader; the version that was read is in `Taker.reads`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

Row = dict[str, Any]

Unit = Literal["dialogues", "groups", "problems"]
"""What comes in at one go: a solved dialogue, all dialogues of a problem and arm, or the first
dialogue of a problem, of which nothing but the problem is used."""

TEXT = pa.string()
MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))
"""Plain chat messages. Never an optional key in them: Arrow would fill it with nulls."""
IDS = pa.list_(pa.int32())


@dataclass(slots=True)
class Task:
    """What a taker's rows are made by, and where it says what it left out."""

    split: str
    """Of the rows that come in."""
    loss: str = ""
    """Loss policy by which the trained messages are drawn anew; empty: as the rows have them."""
    encoder: Any = None
    """`contract.tokens.Encoder`, for shapes that want token ids."""
    other: str = "--to trl-sft"
    """What to use where this taker cannot do what is asked."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows, pairs or messages that did not go out, by reason."""
    notes: Counter[str] = field(default_factory=Counter)
    """What went out otherwise than one may expect, by what it is."""
    count: int = 0
    """Rows that went out so far."""


Convert = Callable[[list[Row], Task], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of row that a taker reads."""

    schema: pa.Schema
    convert: Convert
    """Makes rows of one unit."""
    advice: str
    """How the taker is told to read it. `{path}`, `{length}`, `{licence}` are filled in."""
    suffixes: tuple[str, ...] = (".parquet", ".jsonl")
    """Kinds of files that the taker reads; the first is the default."""
    tokens: bool = False
    """Whether it wants a tokenizer."""
    unit: Unit | None = None
    """What comes in, where it is not as for the taker's other shapes."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Somebody else's loader."""

    reads: str
    """Who it is, with the version whose code was read."""
    unit: Unit
    shapes: Mapping[str, Shape]
    """By name; the first is the default."""
    limit: int = 0
    """Tokens of a row beyond which it cuts, drops or refuses unless told; 0: none."""
    beyond: str = ""
    """What it does with a longer row, and how it is told otherwise; `{length}` is filled in."""
    measured: str = "all"
    """What of a row counts: `all` of it, or its `prompt` alone."""
    beside: Callable[[list[str]], dict[str, str]] | None = None
    """Other files that a folder of it has, by name, given the names of the data files."""

    def shape(self, name: str) -> tuple[str, Shape]:
        """The shape of that name, or the default. Raises `KeyError`."""
        name = name or next(iter(self.shapes))
        return name, self.shapes[name]
