"""Finds the problems of the parents that are also in an evaluation set, from the stored rows."""

from dataclasses import dataclass, field

import numpy as np

from tutelage.dedup.decontaminate import Evaluations, Match
from tutelage.derive import stream
from tutelage.derive.judging import problem_of
from tutelage.derive.parents import Ints, Parents
from tutelage.session.evaluation_sets import Sets, open_sets
from tutelage.session.overlap_report import problems, report
from tutelage.settings import Decontaminate, Settings
from tutelage.shards import RunFolder
from tutelage.shards.keys import Keys

_COLUMNS = (
    "problem_id", "domain", "source", "licence", "statement", "gold", "privileged_context", "shards",
)  # fmt: skip


@dataclass(slots=True)
class Overlap:
    """The matching problems, and the rows about them."""

    terms: Decontaminate
    sets: Sets
    names: list[str]
    """Names of the runs that were compared."""
    matches: dict[str, tuple[int, Match]] = field(default_factory=dict)
    """Problem id -> (row index of its first dialogue, the match)."""
    row_indices: list[int] = field(default_factory=list)
    """Every row about a matching problem."""

    @classmethod
    def of(cls, parents: Parents, settings: Settings) -> "Overlap":
        """Compares every problem of the parents once.

        Raises:
            CorpusError: an evaluation set cannot be read, or has no problem to compare with.
        """
        terms = settings.decontaminate
        overlap = cls(terms, open_sets(terms.paths), [parent.name for parent in parents.runs])
        evaluations = Evaluations.build(problems(overlap.sets), terms.threshold, terms.ngram)
        clean = Keys()
        for source in parents.sources:
            for table in stream.rows([source], _COLUMNS):
                for row in table.to_pylist():
                    name, row_index = row["problem_id"], row[stream.ROW_INDEX]
                    if name in clean:
                        continue
                    if name not in overlap.matches:
                        match = evaluations.match(problem_of(row))
                        if match is None:
                            clean.add(name)
                            continue
                        overlap.matches[name] = (row_index, match)
                    overlap.row_indices.append(row_index)
        return overlap

    @property
    def dropped(self) -> Ints:
        """Row indices of the rows to drop; empty if matches are only to be marked."""
        return np.asarray(self.row_indices if self.terms.action == "drop" else [], np.int64)

    def write(self, folder: RunFolder) -> dict[str, object]:
        """Writes the report of the matches and returns the manifest's section about them."""
        rows = [((0, row_index), name, match) for name, (row_index, match) in self.matches.items()]
        return report(rows, self.sets, self.terms, [", ".join(self.names)], folder)
