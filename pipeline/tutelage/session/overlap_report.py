"""Reports on problems that a run shares with evaluation sets, for people and for programs.

`dedup.decontaminate` defines a match. `contamination.jsonl` has the `problem_id` of each, by which its
dialogues can be left out (`shards.contaminated.marked`). Nothing here drops a row.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tutelage.corpora import Corpus
from tutelage.dedup.decontaminate import Match
from tutelage.records import Problem
from tutelage.session.evaluation_sets import Sets
from tutelage.session.survey import RowIndex
from tutelage.settings import Decontaminate
from tutelage.shards import RunFolder
from tutelage.shards.contaminated import REPORT

_SHOWN = 200


def report(
    matches: Iterable[tuple[RowIndex, str, Match]],
    sets: Sets,
    terms: Decontaminate,
    corpora: list[str],
    folder: RunFolder,
) -> dict[str, Any]:
    """Writes both reports to the folder of the run, and returns the summary for the manifest.

    Args:
        matches: (row index, problem id, match) of each problem that is also in a set.
        sets: the evaluation sets.
        terms: the settings of the comparison.
        corpora: the names of the corpora.
        folder: of the run.
    """
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
    return summary


def problems(sets: Sets) -> Iterator[tuple[str, Problem]]:
    """(name of the set, problem) of all problems in the sets."""
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
