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
    """Problem -> place of its first dialogue, and the match."""
    places: list[int] = field(default_factory=list)
    """Every row over one of them."""

    @classmethod
    def of(cls, parents: Parents, settings: Settings) -> "Overlap":
        """Compares every problem of the parents once.

        Raises:
            CorpusError: a set is none, or holds no problem that could be found again.
        """
        terms = settings.decontaminate
        made = cls(terms, open_sets(terms.paths), [parent.name for parent in parents.runs])
        known = Evaluations.build(problems(made.sets), terms.threshold, terms.ngram)
        clean = Keys()
        for source in parents.sources:
            for table in stream.rows([source], _COLUMNS):
                for row in table.to_pylist():
                    name, place = row["problem_id"], row[stream.PLACE]
                    if name in clean:
                        continue
                    if name not in made.matches:
                        match = known.match(problem_of(row))
                        if match is None:
                            clean.add(name)
                            continue
                        made.matches[name] = (place, match)
                    made.places.append(place)
        return made

    @property
    def dropped(self) -> Ints:
        """Places of the rows to be dropped; none where matches are only to be marked."""
        return np.asarray(self.places if self.terms.action == "drop" else [], np.int64)

    def write(self, folder: RunFolder) -> dict[str, object]:
        """Writes the report of the matches; what the manifest says of them."""
        rows = [((0, place), name, match) for name, (place, match) in self.matches.items()]
        return report(rows, self.sets, self.terms, [", ".join(self.names)], folder)
