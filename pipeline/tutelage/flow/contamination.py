"""Evaluation problems among the problems to train on: found before anything is generated.

    rows that are no duplicates ─ compare with the evaluation sets ─┬─ contamination.md, .jsonl
                                                                    └─ reasons, which Play heeds

What counts as a match is in `dedup.decontaminate`. With the action `drop` a matching row is
filtered, with `mark` it is only reported: `contamination.jsonl` names its `problem_id`, by which
its dialogues can be left out (`shards.contaminated.marked`). Nothing here drops a row itself.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.utils.shared import Shared

from tutelage.corpora import Corpus, Row
from tutelage.dedup.decontaminate import Evaluations, Match
from tutelage.records import Problem
from tutelage.session import survey
from tutelage.session.evaluation_sets import Sets
from tutelage.session.survey import RowIndex
from tutelage.settings import Decontaminate, Settings
from tutelage.shards import RunFolder
from tutelage.shards.contaminated import REPORT

SUMMARY = "journal/contamination.json"
"""What was compared and found, for the manifest."""

_SHOWN = 200


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
        | "report" >> beam.Map(report, sets, terms, corpora, folder)
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
                _problems(self._sets), self._terms.threshold, self._terms.ngram
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


def report(
    matches: Iterable[tuple[RowIndex, str, Match]],
    sets: Sets,
    terms: Decontaminate,
    corpora: list[str],
    folder: RunFolder,
) -> None:
    """Writes what was found to the run's folder: for people, for programs, for the manifest."""
    ordered = sorted(matches, key=lambda match: match[0])
    lines = [
        {
            "corpus": corpora[corpus],
            "row": row,
            "problem_id": problem,
            "action": terms.action,
            **match.record(),
        }
        for (corpus, row), problem, match in ordered
    ]
    folder.write_text(
        REPORT,
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
    )
    summary = {
        "action": terms.action,
        "matches": len(ordered),
        "ngram": terms.ngram,
        "sets": {name: _tally(corpus) for name, corpus in sets},
        "threshold": terms.threshold,
    }
    folder.write_text("contamination.md", _page(summary, lines, [match for _, _, match in ordered]))
    folder.write_json(SUMMARY, summary)


def _problems(sets: Sets) -> Iterator[tuple[str, Problem]]:
    for name, corpus in sets:
        for row in corpus.rows():
            if row.problem is not None:
                yield name, row.problem


def _tally(corpus: Corpus) -> dict[str, int]:
    problems = unusable = 0
    for row in corpus.rows():
        problems += row.problem is not None
        unusable += row.problem is None
    return {"problems": problems, "unusable": unusable}


def _page(summary: dict[str, Any], lines: list[dict[str, Any]], matches: list[Match]) -> str:
    rows = "\n".join(
        f"| `{name}` | {tally['problems']} | {tally['unusable']} |"
        for name, tally in summary["sets"].items()
    )
    done = "left out" if summary["action"] == "drop" else "kept, and listed here"
    head = (
        "# Evaluation problems among the problems of this run\n\n"
        f"{len(matches)} found and {done}. A match: {summary['ngram']} words in a row, or a "
        f"similarity of {summary['threshold']}, of statement or worked solution.\n\n"
        "| evaluation set | problems | rows that are none, not compared |\n|---|---|---|\n"
        f"{rows}\n"
    )
    parts = [
        f"\n## Row {line['row']} of {line['corpus']}: {line['problem_id']}\n\n"
        f"~~~~text\n{match.side_by_side()}\n~~~~\n"
        for line, match in zip(lines[:_SHOWN], matches[:_SHOWN], strict=True)
    ]
    more = len(matches) - len(parts)
    tail = f"\nAnd {more} more, in `{REPORT}`.\n" if more else ""
    return head + "".join(parts) + tail
