"""First graph: problems in, finished dialogues in the journal.

    here       pieces ─┬─ survey ─ first row of each statement that is repeated ─┐
                       └─ read ──────────────────────────────── candidates ◀─────┘─ compare ─ play

    elsewhere  pieces ─ read ─┐
               journal ───────┴─ by statement ─ candidates ─ compare ─ play

A piece is what one worker reads at a time (`reading`). Which of two equal statements stays depends on
their indices alone, not on which worker was faster, so all rows must be seen before the first may
be played. On this machine the corpus is read twice for that, because its runner holds in memory
what crosses a shuffle. Elsewhere it is read once: rows meet under their statement, and with them
what the journal has of them, so that nobody reads a journal whole and only what is missing reaches
a machine with a GPU.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from tutelage.flow import candidates, contamination
from tutelage.flow.play import Job, Play
from tutelage.flow.reading import Source
from tutelage.session import mending, survey
from tutelage.session.evaluation_sets import Sets
from tutelage.session.mending import INPUT
from tutelage.settings import Flow
from tutelage.shards import RunFolder
from tutelage.shards.journal import files


def build(pipeline: beam.Pipeline, job: Job, evaluations: Sets, parts: int) -> None:
    """Adds the graph to `pipeline`; corpora that are made, not read, are cut into `parts`."""
    folder, settings = job.folder, job.settings
    before = folder.read_json(INPUT) if files(folder.journal) else {}
    source = Source(pipeline, job.corpora, settings.limit, parts)
    gather = candidates.elsewhere if job.elsewhere else candidates.here
    rows, tallies, decide = gather(source, folder, survey.rows_before(before), job.stamp.run_id)
    known = (
        tallies
        | "what the input is" >> beam.CombinePerKey(survey.total)
        | "in one place" >> beam.combiners.ToList()
        | "input.json" >> beam.Map(_record, before, folder)
    )
    playing = _Playing(job, evaluations, decide, known)
    if job.elsewhere:
        playing = playing.with_resource_hints(**hints(settings.flow))
    matches = rows | "play" >> playing
    if evaluations:
        contamination.report(matches, evaluations, settings, folder)


class _Playing(beam.PTransform):
    """From what `candidates` gathers to the journal; gives what matches an evaluation set.

    One step in many parts, because all that is in it runs on the machines that play.
    """

    def __init__(self, job: Job, evaluations: Sets, decide: Any, known: Any) -> None:
        super().__init__()
        self._job = job
        self._evaluations = evaluations
        self._decide = decide
        self._known = known

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """See the class."""
        candidates = rows | "candidates" >> self._decide
        if self._evaluations:
            compare = contamination.Compare(self._evaluations, self._job.settings.decontaminate)
            candidates |= "compare" >> beam.ParDo(compare)
        # Nothing is played before the input is known to be that of the session before.
        known = beam.pvalue.AsList(self._known)
        played = candidates | "dialogues" >> beam.ParDo(Play(self._job), known)
        matches = candidates | "matches" >> beam.FlatMap(contamination.matched)
        # What was played gives nothing; joined, because Dask computes only what the last step needs.
        return (played, matches) | "all that was done" >> beam.Flatten()


def hints(flow: Flow) -> dict[str, str]:
    """What the step that plays wants of the machines, as Beam has it."""
    wanted = {"accelerator": flow.accelerator, "min_ram": flow.min_ram}
    return {name: value for name, value in wanted.items() if value}


def _record(
    corpora: Iterable[tuple[int, survey.Tally]], before: dict[str, Any], folder: RunFolder
) -> bool:
    """Writes down what the input is; raises where what is in the journal came of another."""
    folder.write_json(INPUT, mending.sealed(survey.record(corpora, before)))
    return True
