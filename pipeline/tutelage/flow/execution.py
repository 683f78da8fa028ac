"""Runs one graph to its end, and raises a worker's error here with its original class."""

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
_POLL_S = 0.5


class RunningGraph:
    """The graph that is running, so that another thread can cancel it."""

    def __init__(self) -> None:
        self._result: Any = None

    def started(self, result: Any) -> None:
        """Stores Beam's result object."""
        self._result = result

    def cancel(self) -> None:
        """Asks the runner to cancel it and waits until it has ended, at most `_CANCEL_S`."""
        result, until = self._result, time.monotonic() + _CANCEL_S
        if result is None:
            return
        with suppress(Exception):  # runners raise different errors if there is nothing to cancel
            result.cancel()
            while not PipelineState.is_terminal(result.state) and time.monotonic() < until:
                time.sleep(_POLL_S)


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
        args: arguments of `build`.
        workers: worker processes of a local run.
        running: receives the graph when it starts.

    Raises:
        SettingsError: Beam rejects the options.
        RunFailed: the graph failed or was cancelled.
        TutelageError: a step raised it.
    """
    try:
        pipeline = beam.Pipeline(runner=beam_options.runner(options, workers), options=options)
    except (ValueError, ImportError, AttributeError) as error:
        words = " ".join(str(error).split())[:300]
        raise SettingsError(f"Beam does not take these options: {words}") from error
    build(pipeline, *args)
    result: Any = None
    try:
        result = pipeline.run()
        if running is not None:
            running.started(result)
        state = result.wait_until_finish()
    except Exception as fault:
        raise _unwrapped(fault) from fault
    finally:
        if hasattr(result, "client"):  # Dask's, which Beam leaves open, with the cluster it started
            result.client.close()
    if (state or result.state) != "DONE":
        raise RunFailed(f"Beam ended in state {state or result.state}")


def _unwrapped(fault: Exception) -> Exception:
    """The error that a worker raised, without Beam's additions. From this process it arrives as itself,
    with the name of the step appended; from another process as the text of its traceback.
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
