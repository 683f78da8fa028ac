"""Calls a function once, in one place, with everything that a step emits.

`beam.combiners.ToList` does that, too, in a dozen steps, each of which Beam's local runner translates,
pickles, schedules and checks: a tenth of a second, as much as ten dialogues.
"""

from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam


def collected(
    parts: beam.PCollection, label: str, use: Callable[..., Iterable[Any] | None], *args: Any
) -> beam.PCollection:
    """What `use(parts, *args)` yields; it is called with an empty list if there are no parts."""
    return (
        parts.pipeline
        | f"{label}, once" >> beam.Create([None], reshuffle=False)  # Dask's runner has no Impulse
        | label >> beam.FlatMap(lambda _, parts: use(parts, *args), beam.pvalue.AsList(parts))
    )
