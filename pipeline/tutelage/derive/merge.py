"""`merge` and `dedup`: runs as one run, near-duplicates among all of their dialogues marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tutelage.derive import marks
from tutelage.derive.parents import Parents, open_parents, repeated
from tutelage.derive.writing import Operation, Progress, write
from tutelage.settings import Settings, altered


def merge(
    runs: Sequence[str],
    out: str,
    name: str = "merge",
    threshold: float | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Writes one run of all dialogues of `runs`; the manifest.

    Args:
        runs: their names. A dialogue that several have is taken from the first of them.
        out: folder of the new run.
        name: of the operation, in the manifest.
        threshold: similarity that makes a near-duplicate; that of the first run where None.
        progress: told how many rows are done of how many, for reading and for writing.

    Raises:
        Mistake: a run is not as wanted, or two hold different dialogues under one id.
    """
    parents = open_parents(runs)
    again = np.empty(0, np.int64)
    if len(parents.runs) > 1:
        connection = parents.connect()
        try:
            again = repeated(connection)
        finally:
            connection.close()
    settings = altered(_shared(parents), dedup__threshold=threshold, dedup__enabled=True)
    duplicates = marks.find(parents, again, settings, progress=progress)
    rule = dedup_record(settings, duplicates)
    operation = Operation(name, {"threshold": settings.dedup.threshold}, {}, {"dedup": rule})
    fates = duplicates.fates(again)
    return write(out, parents, operation, fates, settings, duplicates.onto, progress)


def dedup_record(settings: Settings, duplicates: marks.Marks) -> dict[str, Any]:
    """The manifest's `dedup`; empty where nothing was compared."""
    from tutelage.dedup import Scheme

    if not settings.dedup.enabled:
        return {}
    scheme = Scheme.at(settings.dedup.threshold).record()
    return {"scheme": scheme, "within": "arm", "counts": duplicates.counts.record()}


def _shared(parents: Parents) -> Settings:
    """The settings of the first run, with the corpora and arms of all of them."""
    all_of = [parent.settings for parent in parents.runs]
    corpora = dict.fromkeys(spec for one in all_of for spec in one.corpora)
    arms = dict.fromkeys(arm for one in all_of for arm in one.arms)
    # The widest division: a run that knows one split says nothing of the others.
    ratios = max((one.splits for one in all_of), key=lambda splits: len(splits.ratios))
    update = {"corpora": tuple(corpora), "arms": tuple(arms), "splits": ratios}
    return all_of[0].model_copy(update={**update, "samples": max(one.samples for one in all_of)})
