"""Rows out of corpora, piece by piece, each with its index in the corpus.

A piece is a block of a file (64 MB of lines, some row groups of Parquet, or a whole file if it is an
array or compressed), or every n-th row of a generated corpus. The index of a block's first row is the
number of rows before it; so blocks are counted first, which only looks for the ends of lines. A row
thus has the same index, and its problem the same id, however the work is distributed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import apache_beam as beam

from tutelage.corpora import Corpus, Row
from tutelage.corpora.files import BLOCK, Block, Files
from tutelage.session.survey import RowIndex
from tutelage.shards import RunFolder
from tutelage.shards.journal import files
from tutelage.storage import location

Rows = Iterator[tuple[RowIndex, Row]]
Place = tuple[int, int]
"""(index of the corpus, number of the piece in it)."""
Start = tuple[int, int]
"""(rows of the corpus, lines of the file) before a piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one worker reads at a time."""

    corpus: int
    number: int
    block: Block | None = None
    """Set for a corpus in files."""
    parts: int = 1
    """Number of pieces of a generated corpus."""


class Source:
    """The rows of all corpora. Each step that needs them reads them anew: if steps shared one
    reading, rows that wait for a later step would be held in memory.
    """

    def __init__(
        self, pipeline: beam.Pipeline, corpora: Sequence[Corpus], limit: int, parts: int
    ) -> None:
        """`limit`: maximum rows per corpus, 0 for all. `parts`: pieces of a generated corpus."""
        self.pipeline = pipeline
        self._corpora = corpora
        self._limit = limit
        every = [piece for n in range(len(corpora)) for piece in pieces(n, corpora[n], parts)]
        is_shared = parts > 1
        self._every, self._is_shared = every, is_shared
        to_count = [
            piece
            for piece, after in pairwise(every)
            if piece.block and after.corpus == piece.corpus
        ]
        if not to_count:  # some runners emit nothing if a side input is empty
            self._starts: Any = dict(starts((), every))
            return
        self._starts = beam.pvalue.AsDict(
            pipeline
            | "blocks to count" >> beam.Create(to_count, reshuffle=is_shared)
            | "count" >> beam.Map(count, corpora, limit)
            | "counts" >> beam.combiners.ToList()
            | "where blocks begin" >> beam.FlatMap(starts, every)
        )

    def rows(self, label: str) -> beam.PCollection:
        """(index, row) of each row."""
        return self.read(label, lambda rows: rows)

    def read(self, label: str, use: Callable[[Rows], Iterable[Any]]) -> beam.PCollection:
        """The results of `use` on the rows of each piece."""
        corpora, limit = self._corpora, self._limit
        # With pieces of its own: two readings with one root would be one stage, and end together.
        pieces = f"pieces to {label}" >> beam.Create(self._every, reshuffle=self._is_shared)
        return (
            self.pipeline
            | pieces
            | f"read to {label}"
            >> beam.FlatMap(
                lambda piece, starts: use(read(piece, corpora, limit, starts)), self._starts
            )
        )


def journal_files(pipeline: beam.Pipeline, folder: RunFolder) -> beam.PCollection:
    """The files of the journal, distributed over workers; listed when the graph runs."""
    return (
        pipeline
        | "journal" >> beam.Create([str(folder.journal)])
        | "its files" >> beam.FlatMap(lambda journal: map(str, files(location(journal))))
        | "a file each" >> beam.Reshuffle()
    )


def pieces(number: int, corpus: Corpus, parts: int) -> Iterator[Piece]:
    """The pieces of corpus `number`, in order."""
    if isinstance(corpus, Files):
        for place, block in enumerate(corpus.blocks(BLOCK)):
            yield Piece(number, place, block)
    else:
        for place in range(parts):
            yield Piece(number, place, parts=parts)


def count(piece: Piece, corpora: Sequence[Corpus], limit: int) -> tuple[Place, Start]:
    """The rows and lines of a block, counted up to the limit."""
    corpus = corpora[piece.corpus]
    assert isinstance(corpus, Files) and piece.block is not None
    return (piece.corpus, piece.number), corpus.count(piece.block, limit)


def starts(
    counts: Iterable[tuple[Place, Start]], pieces: Sequence[Piece]
) -> Iterator[tuple[Place, Start]]:
    """Where each block begins."""
    counted = dict(counts)
    rows = lines = 0
    before: Piece | None = None
    for piece in pieces:
        if before is None or before.corpus != piece.corpus or before.block is None:
            rows = lines = 0
        elif piece.block is not None:
            more_rows, more_lines = counted[before.corpus, before.number]
            rows += more_rows
            lines = lines + more_lines if before.block.file == piece.block.file else 0
        yield (piece.corpus, piece.number), (rows, lines)
        before = piece


def read(piece: Piece, corpora: Sequence[Corpus], limit: int, starts: dict[Place, Start]) -> Rows:
    """The rows of a piece, each with its index; at most `limit` rows of a corpus."""
    corpus = corpora[piece.corpus]
    if isinstance(corpus, Files) and piece.block is not None:
        rows, lines = starts[piece.corpus, piece.number]
        if limit and rows >= limit:
            return
        of_piece = corpus.read(piece.block, rows, lines)
    else:
        of_piece = corpus.rows(piece.number, piece.parts)
    for row in of_piece:
        if limit and row.index >= limit:
            return
        yield (piece.corpus, row.index), row
