"""Runs one graph to its end; what a worker raised is raised here by its own class."""

import re
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from tutelage import errors
from tutelage.errors import RunFailed, SettingsError, TutelageError
from tutelage.flow import beam_options
from tutelage.flow.workers import WorkerPool

_NAMED = re.compile(r"tutelage\.errors\.(\w+): ([^\n]*)")
_WHERE = " [while running"


def execute(
    options: PipelineOptions,
    build: Callable[..., None],
    *args: Any,
    workers: WorkerPool | None = None,
) -> None:
    """Builds a graph by `build(pipeline, *args)`, runs it and waits.

    Raises:
        SettingsError: Beam does not take the options.
        RunFailed: the graph did not end well.
        TutelageError: what a step raised.
    """
    try:
        pipeline = beam.Pipeline(runner=beam_options.runner(options, workers), options=options)
    except (ValueError, ImportError, AttributeError) as error:
        words = " ".join(str(error).split())[:300]
        raise SettingsError(f"Beam does not take these options: {words}") from error
    build(pipeline, *args)
    try:
        state = pipeline.run().wait_until_finish()
    except Exception as fault:
        raise _unwrapped(fault) from fault
    if state != "DONE":
        raise RunFailed(f"Beam ended in state {state}")


def _unwrapped(fault: Exception) -> Exception:
    """What a worker raised, without what Beam adds: it arrives as it was, with the step's name at
    the end, from this process, and as the text of its traceback from another.
    """
    if isinstance(fault, TutelageError):
        return type(fault)(str(fault).split(_WHERE)[0])
    named = _NAMED.findall(str(fault))
    if not named:
        return RunFailed(f"{type(fault).__name__}: {str(fault).strip().splitlines()[-1][:300]}")
    name, words = named[-1]
    kind = getattr(errors, name, RunFailed)
    is_ours = isinstance(kind, type) and issubclass(kind, TutelageError)
    return (kind if is_ours and kind is not errors.BadRow else RunFailed)(words.split(_WHERE)[0])
