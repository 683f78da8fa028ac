"""Finds evaluation problems among the problems to train on, before any of them is played.

    candidates ─ compare with the evaluation sets ─┬─ play, which leaves out the matches
                                                   └─ contamination.md, .jsonl

What counts as a match is in `dedup.decontaminate`. With the action `drop` a matching row is
filtered, with `mark` it is only reported: `contamination.jsonl` names its `problem_id`, by which
its dialogues can be left out (`shards.contaminated.marked`). Nothing here drops a row itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import apache_beam as beam
from apache_beam.utils.shared import Shared

from tutelage.dedup.decontaminate import Evaluations, Match
from tutelage.flow.candidates import Candidate
from tutelage.session import overlap_report
from tutelage.session.evaluation_sets import Sets
from tutelage.session.survey import RowIndex
from tutelage.settings import Decontaminate, Settings
from tutelage.shards import RunFolder

SUMMARY = "journal/contamination.json"
"""Which sets were compared, and how many matches there are; copied into the manifest."""

Matched = tuple[RowIndex, str, Match]
"""(index, problem id, match) of a row that is also in an evaluation set."""


def report(matches: beam.PCollection, sets: Sets, settings: Settings, folder: RunFolder) -> None:
    """Adds the report of all matches to a graph.

    Args:
        matches: `Matched`.
        sets: the evaluation sets.
        settings: of the run.
        folder: of the run.
    """
    _ = (
        matches
        | "all matches" >> beam.combiners.ToList()
        | "report" >> beam.Map(_write, sets, settings, folder)
    )


class Compare(beam.DoFn):
    """Adds to each candidate the evaluation problem that it matches, if there is one.

    Each process builds the index once, from the sets themselves, so that it need not be sent.
    """

    def __init__(self, sets: Sets, terms: Decontaminate) -> None:
        self._sets = sets
        self._terms = terms
        self._shared = Shared()

    def setup(self) -> None:
        """Acquires this process's index."""
        self._evaluations: Evaluations = self._shared.acquire(
            lambda: Evaluations.build(
                overlap_report.problems(self._sets), self._terms.threshold, self._terms.ngram
            )
        )

    def process(self, candidate: Candidate) -> Iterator[Candidate]:
        """Looks up one candidate."""
        problem = candidate.row.problem
        if problem is None or not candidate.is_playable:
            yield candidate
        else:
            yield replace(candidate, match=self._evaluations.match(problem))


def matched(candidate: Candidate) -> Iterator[Matched]:
    """The match of a candidate, if it has one."""
    if candidate.match is not None and candidate.row.problem is not None:
        yield candidate.index, candidate.row.problem.problem_id, candidate.match


def _write(matches: Iterable[Matched], sets: Sets, settings: Settings, folder: RunFolder) -> None:
    """Writes the report, and the summary for the manifest."""
    corpora = settings.shaping()["corpora"]
    terms = settings.decontaminate
    folder.write_json(SUMMARY, overlap_report.report(matches, sets, terms, corpora, folder))
