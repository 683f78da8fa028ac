"""From rows to candidates: what must be known about a row before it is played.

`here` and `elsewhere` apply the same rule, on the local runner and on others; see `generate`. Each
returns (rows, tallies of the input, transform from rows to candidates); the transform is applied
within the step that plays.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam

from tutelage.corpora import Row
from tutelage.dedup.decontaminate import Match
from tutelage.flow.collected import collected
from tutelage.flow.reading import Source, journal_files
from tutelage.session import survey
from tutelage.session.survey import RowIndex
from tutelage.shards import RunFolder, entries, fetch
from tutelage.shards.journal import Kind, is_settled
from tutelage.shards.stretches import at_hand
from tutelage.storage import location

Gathered = tuple[beam.PCollection, beam.PCollection, beam.PTransform]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row, and what is known about it."""

    index: RowIndex
    row: Row
    first: RowIndex
    """Index of the first row with this statement: its own, unless it repeats another."""
    done: frozenset[str] = frozenset()
    """Keys of its finished entries in the journal; filled by `elsewhere` only."""
    match: Match | None = None
    """The evaluation problem that it matches."""

    @property
    def is_playable(self) -> bool:
        """Whether it is a problem and the first with its statement."""
        return self.row.problem is not None and self.index == self.first


def here(source: Source, folder: RunFolder, before: dict[int, int], run_id: str) -> Gathered:
    """Reads the corpus twice: to find repeated statements, and to play."""
    blocks = source.read("survey", survey.survey)
    repeated = collected(blocks, "repeated", survey.repeated)
    decide = beam.Map(_decided, beam.pvalue.AsDict(repeated))
    tallies = blocks | "tallies" >> beam.FlatMap(survey.tallies, before)
    return source.rows("play"), tallies, decide


def _decided(row: tuple[RowIndex, Row], repeated: dict[int, RowIndex]) -> Candidate:
    corpus, place = repeated.get(survey.key(*row), row[0])
    return Candidate(*row, (corpus, place))


class _Done(NamedTuple):
    """An entry of the journal. Sorts in the order of writing."""

    file: str
    offset: int
    kind: Kind
    key: str


def elsewhere(source: Source, folder: RunFolder, before: dict[int, int], run_id: str) -> Gathered:
    """Reads the corpus once: groups rows and journal entries by statement."""
    rows = source.rows("play")
    done = journal_files(source.pipeline, folder) | "what is done" >> beam.FlatMap(_done, run_id)
    # Not `CoGroupByKey`, which holds all rows of a statement at once.
    met = (
        (rows | "by statement" >> beam.Map(lambda row: (str(survey.key(*row)), row)), done)
        | "rows and journal" >> beam.Flatten()
        | "meet" >> beam.GroupByKey()
    )
    return met, rows | "tallies" >> beam.Map(survey.tally, before), beam.FlatMap(_of_statement)


def _done(file: str, run_id: str) -> Iterator[tuple[str, _Done]]:
    """(key of the statement, entry) of each line of a journal file."""
    journal = location(file)
    with at_hand(journal):
        lines = list(entries(journal, run_id=run_id))
        for entry, row in zip(lines, fetch(line.span for line in lines), strict=True):
            key = survey.journal_key(entry.key, row["statement"])
            yield str(key), _Done(file, entry.span.offset, entry.kind, entry.key)


def _of_statement(group: tuple[str, Iterable[tuple[RowIndex, Row] | _Done]]) -> Iterator[Candidate]:
    """The candidates with one statement, of which the first is to be played."""
    entries_of: dict[str, list[_Done]] = defaultdict(list)
    first: RowIndex | None = None
    for one in group[1]:
        if isinstance(one, _Done):
            entries_of[one.key].append(one)
        elif first is None or tuple(one[0]) < first:
            first = one[0][0], one[0][1]
    done = frozenset(
        key for key, lines in entries_of.items() if is_settled([one.kind for one in sorted(lines)])
    )
    for one in group[1]:
        if not isinstance(one, _Done) and first is not None:
            index, row = one
            yield Candidate((index[0], index[1]), row, first, done)
