"""Evaluation problems among the problems to train on: found before anything is generated.

    rows that are no duplicates ─ compare with the evaluation sets ─┬─ contamination.md, .jsonl
                                                                    └─ reasons, which Play heeds

What counts as a match is in `dedup.decontaminate`. With the action `drop` a matching row is
filtered, with `mark` it is only reported: `contamination.jsonl` names its `problem_id`, by which
its dialogues can be left out (`shards.contaminated.marked`). Nothing here drops a row itself.
"""

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.utils.shared import Shared

from tutelage.corpora import Row
from tutelage.dedup.decontaminate import Evaluations, Match
from tutelage.session import survey
from tutelage.session.evaluation_sets import Sets
from tutelage.session.overlap_report import problems, report
from tutelage.session.survey import RowIndex
from tutelage.settings import Decontaminate, Settings
from tutelage.shards import RunFolder

SUMMARY = "journal/contamination.json"
"""What was compared and found, for the manifest."""


def find(
    rows: beam.PCollection,
    duplicates: beam.PCollection,
    sets: Sets,
    settings: Settings,
    folder: RunFolder,
) -> beam.PCollection:
    """Adds the comparison to a graph; (index, reason) of each row to be dropped.

    Args:
        rows: (index, row) of every input row.
        duplicates: (key, index of the first) for keys that several rows share; see `survey`.
        sets: what is compared with.
        settings: how.
        folder: where the report goes.
    """
    terms = settings.decontaminate
    corpora = settings.shaping()["corpora"]
    matches = rows | "compare" >> beam.ParDo(Compare(sets, terms), beam.pvalue.AsDict(duplicates))
    _ = (
        matches
        | "matches" >> beam.combiners.ToList()
        | "report" >> beam.Map(record, sets, terms, corpora, folder)
    )
    return matches | "drop" >> beam.FlatMap(
        lambda match: [(match[0], match[2].reason)] if terms.action == "drop" else []
    )


class Compare(beam.DoFn):
    """Emits (index, problem id, match) of each problem that an evaluation set has, too.

    The index is built once in a process, from the sets themselves, so that it need not travel.
    """

    def __init__(self, sets: Sets, terms: Decontaminate) -> None:
        self._sets = sets
        self._terms = terms
        self._shared = Shared()

    def setup(self) -> None:
        """Takes this process's index."""
        self._evaluations: Evaluations = self._shared.acquire(
            lambda: Evaluations.build(
                problems(self._sets), self._terms.threshold, self._terms.ngram
            )
        )

    def process(
        self, indexed_row: tuple[RowIndex, Row], first: dict[int, RowIndex]
    ) -> Iterator[tuple[RowIndex, str, Match]]:
        """Looks one row up."""
        index, row = indexed_row
        if row.problem is None or tuple(first.get(survey.key(index, row), index)) != index:
            return
        match = self._evaluations.match(row.problem)
        if match is not None:
            yield index, row.problem.problem_id, match


def record(
    matches: Iterable[tuple[RowIndex, str, Match]],
    sets: Sets,
    terms: Decontaminate,
    corpora: list[str],
    folder: RunFolder,
) -> None:
    """Writes what was found to the run's folder, and for the manifest."""
    folder.write_json(SUMMARY, report(matches, sets, terms, corpora, folder))
