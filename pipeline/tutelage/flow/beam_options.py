"""What follows `--` on the command line, read and checked as Beam's pipeline options.

Local by default, on `FnApiRunner` by name: `DirectRunner` tries a Go binary first, which it
downloads, so the same command could run on different engines on two machines.
"""

from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from typing import Any

from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TypeOptions,
    WorkerOptions,
)

from tutelage.errors import SettingsError
from tutelage.flow.workers import LocalRunner, WorkerPool


def parse(beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options.

    Raises:
        SettingsError: Beam does not know one of them, or does not take its value.
    """
    usage = StringIO()
    try:
        with redirect_stderr(usage):  # argparse ends the process, with a page of usage
            options = PipelineOptions(list(beam_args))
            workers = options.view_as(DirectOptions).direct_num_workers
    except SystemExit:
        why = usage.getvalue().strip().rpartition("error: ")[2]
        raise SettingsError(f"Beam does not take {' '.join(beam_args)!r}: {why}") from None
    if workers < 0:
        raise SettingsError(f"direct_num_workers: wanted 0 (all cores) or more, got {workers}")
    if unknown := _unknown(beam_args, options):
        raise SettingsError(f"Beam has no option {', '.join(unknown)}: see its pipeline options")
    options.view_as(SetupOptions).save_main_session = False
    # mypy has checked the types; Beam's own check cannot read protocols.
    if not any(arg.startswith("--default_sdk_harness_log_level") for arg in beam_args):
        options.view_as(WorkerOptions).default_sdk_harness_log_level = "WARNING"
    options.view_as(TypeOptions).pipeline_type_check = False
    return options


def _unknown(beam_args: Sequence[str], options: PipelineOptions) -> list[str]:
    """The arguments that Beam would ignore in silence."""
    flags = [
        arg
        for arg in beam_args
        if arg.startswith("--") and arg[2:].split("=")[0] not in options.get_all_options()
    ]
    words = [
        arg
        for before, arg in pairwise(["", *beam_args])
        if not arg.startswith("--") and ("=" in before or not before.startswith("--"))
    ]
    return flags + words


def is_local(options: PipelineOptions) -> bool:
    """Whether the graph runs on this machine, by the runner that is used where none is named."""
    named = options.view_as(StandardOptions).runner
    return named in (None, "DirectRunner", "FnApiRunner")


def is_multiprocess(options: PipelineOptions) -> bool:
    """Whether a local run has worker processes besides this one."""
    return bool(options.view_as(DirectOptions).direct_running_mode == "multi_processing")


def runner(options: PipelineOptions, workers: WorkerPool | None = None) -> Any:
    """The runner that was asked for by name; where none was, ours, with its worker processes
    from `workers`.
    """
    if is_local(options):
        return LocalRunner(workers)
    return options.view_as(StandardOptions).runner
