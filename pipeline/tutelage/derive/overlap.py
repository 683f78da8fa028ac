"""Which problems of the parents an evaluation set has, too: found over the rows, problem by problem."""

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
    """The matches, and the rows over them."""

    terms: Decontaminate
    sets: Sets
    names: list[str]
    """Of the runs that the problems come from."""
    matches: dict[str, tuple[int, Match]] = field(default_factory=dict)
    """Problem -> row index of its first dialogue, and the match."""
    row_indices: list[int] = field(default_factory=list)
    """Every row over one of them."""

    @classmethod
    def of(cls, parents: Parents, settings: Settings) -> "Overlap":
        """Compares every problem of the parents once.

        Raises:
            CorpusError: a set is none, or holds no problem that could be found again.
        """
        terms = settings.decontaminate
        overlap = cls(terms, open_sets(terms.paths), [parent.name for parent in parents.runs])
        known = Evaluations.build(problems(overlap.sets), terms.threshold, terms.ngram)
        clean = Keys()
        for source in parents.sources:
            for table in stream.rows([source], _COLUMNS):
                for row in table.to_pylist():
                    name, row_index = row["problem_id"], row[stream.ROW_INDEX]
                    if name in clean:
                        continue
                    if name not in overlap.matches:
                        match = known.match(problem_of(row))
                        if match is None:
                            clean.add(name)
                            continue
                        overlap.matches[name] = (row_index, match)
                    overlap.row_indices.append(row_index)
        return overlap

    @property
    def dropped(self) -> Ints:
        """Places of the rows to be dropped; none where matches are only to be marked."""
        return np.asarray(self.row_indices if self.terms.action == "drop" else [], np.int64)

    def write(self, folder: RunFolder) -> dict[str, object]:
        """Writes the report of the matches; what the manifest says of them."""
        rows = [((0, row_index), name, match) for name, (row_index, match) in self.matches.items()]
        return report(rows, self.sets, self.terms, [", ".join(self.names)], folder)
