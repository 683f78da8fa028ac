"""Runs one graph to its end; what a worker raised is raised here by its own class."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from tutelage import errors
from tutelage.errors import RunFailed, SettingsError, TutelageError
from tutelage.flow import beam_options
from tutelage.flow.workers import WorkerPool

_NAMED = re.compile(r"tutelage\.errors\.(\w+): ([^\n]*)")
_WHERE = " [while running"
_CANCEL_S = 180.0
_LOOK_S = 0.5


class RunningGraph:
    """The graph that runs now, for whoever may have to end it from another thread."""

    def __init__(self) -> None:
        self._result: Any = None

    def started(self, result: Any) -> None:
        """Takes what Beam gave for it."""
        self._result = result

    def cancel(self) -> None:
        """Asks the runner to end it, and waits until it has, or for a few minutes."""
        result, until = self._result, time.monotonic() + _CANCEL_S
        if result is None:
            return
        with suppress(Exception):  # whatever a runner raises where there is nothing to cancel
            result.cancel()
            while not PipelineState.is_terminal(result.state) and time.monotonic() < until:
                time.sleep(_LOOK_S)


def execute(
    options: PipelineOptions,
    build: Callable[..., None],
    *args: Any,
    workers: WorkerPool | None = None,
    running: RunningGraph | None = None,
) -> None:
    """Builds a graph by `build(pipeline, *args)`, runs it and waits.

    Args:
        options: Beam's.
        build: adds the steps.
        args: for `build`.
        workers: processes of a local run.
        running: is told of the graph as soon as it runs.

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
        result = pipeline.run()
        if running is not None:
            running.started(result)
        state = result.wait_until_finish()
    except Exception as fault:
        raise _unwrapped(fault) from fault
    if (state or result.state) != "DONE":
        raise RunFailed(f"Beam ended in state {state or result.state}")


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
