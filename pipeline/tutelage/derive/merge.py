"""`merge` and `dedup`: makes one run of several and marks near-duplicates among all its dialogues."""

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
    """Writes one run with all dialogues of `runs` and returns its manifest.

    Args:
        runs: folders or URLs. A dialogue that several runs have is taken from the first of them.
        out: folder of the new run.
        name: name of the operation in the manifest.
        threshold: similarity from which dialogues are near-duplicates; None: as in the first run.
        progress: called with the number of rows read or written, and the total.

    Raises:
        Mistake: a run cannot be used, or two hold different dialogues under one id.
    """
    parents = open_parents(runs)
    copies = np.empty(0, np.int64)
    if len(parents.runs) > 1:
        connection = parents.connect()
        try:
            copies = repeated(connection)
        finally:
            connection.close()
    settings = altered(_combined(parents), dedup__threshold=threshold, dedup__enabled=True)
    duplicates = marks.find(parents, copies, settings, progress=progress)
    record = dedup_record(settings, duplicates)
    operation = Operation(name, {"threshold": settings.dedup.threshold}, {}, {"dedup": record})
    fates = duplicates.fates(copies)
    return write(out, parents, operation, fates, settings, duplicates.onto, progress)


def dedup_record(settings: Settings, duplicates: marks.Marks) -> dict[str, Any]:
    """The section `dedup` of the manifest; empty if nothing was compared."""
    from tutelage.dedup import Scheme

    if not settings.dedup.enabled:
        return {}
    scheme = Scheme.at(settings.dedup.threshold).record()
    return {"scheme": scheme, "within": "arm", "counts": duplicates.counts.record()}


def _combined(parents: Parents) -> Settings:
    """The settings of the first run, with the corpora and arms of all runs."""
    settings = [parent.settings for parent in parents.runs]
    # The splits of the run that has most of them: a run with a single split says nothing of others.
    splits = max((each.splits for each in settings), key=lambda splits: len(splits.ratios))
    update = {
        "corpora": tuple(dict.fromkeys(spec for each in settings for spec in each.corpora)),
        "arms": tuple(dict.fromkeys(arm for each in settings for arm in each.arms)),
        "splits": splits,
        "samples": max(each.samples for each in settings),
    }
    return settings[0].model_copy(update=update)
