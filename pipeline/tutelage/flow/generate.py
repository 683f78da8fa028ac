"""First graph: problems in, finished dialogues in the journal.

    here       pieces ─┬─ survey ─ first row of each statement that is repeated ─┐
                       └─ read ──────────────────────────────── candidates ◀─────┘─ compare ─ play

    elsewhere  pieces ─ read ─┐
               journal ───────┴─ by statement ─ candidates ─ compare ─ play

A piece is what one worker reads at a time (`reading`). Of several rows with the same statement the
one with the smallest index is played, however fast the workers are, so all rows must be seen before
the first is played. On this machine the corpus is therefore read twice, because the local runner
holds everything that crosses a shuffle in memory. Elsewhere it is read once: rows are grouped by their
statement together with the journal's entries for it, so that no worker reads the whole journal and only
missing dialogues reach a machine with a GPU.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from tutelage.flow import candidates, contamination
from tutelage.flow.collected import collected
from tutelage.flow.play import Job, Play
from tutelage.flow.reading import Source
from tutelage.session import mending, survey
from tutelage.session.evaluation_sets import Sets
from tutelage.session.mending import INPUT
from tutelage.settings import Flow
from tutelage.shards import RunFolder
from tutelage.shards.journal import files


def build(pipeline: beam.Pipeline, job: Job, evaluations: Sets, parts: int) -> None:
    """Adds the graph to `pipeline`. Generated corpora are read in `parts` pieces."""
    folder, settings = job.folder, job.settings
    before = folder.read_json(INPUT) if files(folder.journal) else {}
    source = Source(pipeline, job.corpora, settings.limit, parts)
    gather = candidates.elsewhere if job.elsewhere else candidates.here
    rows, tallies, decide = gather(source, folder, survey.rows_before(before), job.stamp.run_id)
    totals = tallies | "what the input is" >> beam.CombinePerKey(survey.total)
    known = collected(totals, "input.json", _record, before, folder)
    playing = _Playing(job, evaluations, decide, known)
    if job.elsewhere:
        playing = playing.with_resource_hints(**hints(settings.flow))
    matches = rows | "play" >> playing
    if evaluations:
        contamination.report(matches, evaluations, settings, folder)


class _Playing(beam.PTransform):
    """Turns what `candidates` gathers into journal entries; emits the matches with evaluation sets.

    A composite, because all of its steps run on the machines that play, with their resource hints.
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
        # Waits for the check that the input is the one of the previous session.
        known = beam.pvalue.AsList(self._known)
        played = candidates | "dialogues" >> beam.ParDo(Play(self._job), known)
        if not self._evaluations:
            return played
        matches = candidates | "matches" >> beam.FlatMap(contamination.matched)
        # Playing emits nothing. It is joined because Dask computes only what the last step needs.
        return (played, matches) | "all that was done" >> beam.Flatten()


def hints(flow: Flow) -> dict[str, str]:
    """Beam's resource hints for the step that plays."""
    wanted = {"accelerator": flow.accelerator, "min_ram": flow.min_ram}
    return {name: value for name, value in wanted.items() if value}


def _record(
    corpora: Iterable[tuple[int, survey.Tally]], before: dict[str, Any], folder: RunFolder
) -> Iterator[bool]:
    """Records the input; raises if the journal was begun with another one."""
    folder.write_json(INPUT, mending.sealed(survey.record(corpora, before)))
    yield True
