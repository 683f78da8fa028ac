"""What follows `--` on the command line, read and checked as Beam's pipeline options.

The default is `FnApiRunner`, by name: `DirectRunner` first tries to download a Go binary, so the same
command could run on different engines on two machines.
"""

from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    TypeOptions,
    WorkerOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.runner import create_runner

from tutelage.errors import SettingsError
from tutelage.flow.workers import LocalRunner, WorkerPool

_RUNNERS = {"DaskRunner": "tutelage.flow.dask_runner.DaskRunner"}
"""Runners that Beam does not know by their short names."""
_TIMEOUT_S = 10
_SLICES_A_WORKER = 4


def parse(beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options.

    Raises:
        SettingsError: Beam does not know an option, or rejects its value.
    """
    usage = StringIO()
    try:
        with redirect_stderr(usage):  # argparse would exit after printing a page of usage
            options = PipelineOptions(list(beam_args))
            _known_runner(options)
            unknown = _unknown(beam_args, options)
            workers = options.view_as(DirectOptions).direct_num_workers
    except SystemExit:
        why = usage.getvalue().strip().rpartition("error: ")[2]
        raise SettingsError(f"Beam does not take {' '.join(beam_args)!r}: {why}") from None
    if unknown:
        raise SettingsError(f"Beam has no option {', '.join(unknown)}: see its pipeline options")
    if workers < 0:
        raise SettingsError(f"direct_num_workers: wanted 0 (all cores) or more, got {workers}")
    if (
        options.view_as(TestOptions).dry_run
        or options.view_as(GoogleCloudOptions).template_location
    ):
        raise SettingsError(
            "a run is two jobs, the second of which depends on what the first has done, so there is "
            "no template of it and no dry run: leave out --dry_run and --template_location"
        )
    options.view_as(SetupOptions).save_main_session = False
    # mypy has checked the types; Beam's own check cannot read protocols.
    if not any(arg.startswith("--default_sdk_harness_log_level") for arg in beam_args):
        options.view_as(WorkerOptions).default_sdk_harness_log_level = "WARNING"
    options.view_as(TypeOptions).pipeline_type_check = False
    return options


def _known_runner(options: PipelineOptions) -> None:
    """Imports the runner, which defines further options.

    Raises:
        SettingsError: Beam has no such runner, or a library that it needs is not installed.
    """
    standard = options.view_as(StandardOptions)
    standard.runner = _RUNNERS.get(standard.runner, standard.runner)
    if is_local(options):
        return
    try:
        create_runner(standard.runner)
    except (ImportError, ValueError, AttributeError) as error:
        words = " ".join(str(error).split())[:300]
        raise SettingsError(f"Beam has no runner {name(options)} here: {words}") from error


def _unknown(beam_args: Sequence[str], options: PipelineOptions) -> list[str]:
    """The arguments that Beam would silently ignore, by its own parser."""
    parsers: list[Any] = []
    options.get_all_options(add_extra_args_fn=parsers.append)
    unknown: list[str] = parsers[0].parse_known_args(list(beam_args))[1]
    endpoint = options.view_as(PortableOptions).job_endpoint
    if unknown and endpoint:
        theirs = _of_job_server(endpoint)
        unknown = [arg for arg in unknown if arg.lstrip("-").partition("=")[0] not in theirs]
    return unknown


def _of_job_server(endpoint: str) -> set[str]:
    """The options that a job server defines itself; none if it does not answer."""
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        try:
            answer = service.DescribePipelineOptions(request, timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return set()
    return {option.name for option in answer.options}


def is_local(options: PipelineOptions) -> bool:
    """Whether the graph runs on this machine, on the default runner."""
    named = options.view_as(StandardOptions).runner
    return named in (None, "DirectRunner", "FnApiRunner")


def name(options: PipelineOptions) -> str:
    """The runner's short name, for messages."""
    named = options.view_as(StandardOptions).runner
    return str(named or "FnApiRunner").rpartition(".")[2]


def is_multiprocess(options: PipelineOptions) -> bool:
    """Whether a local run has worker processes besides this one."""
    return bool(options.view_as(DirectOptions).direct_running_mode == "multi_processing")


def slices(options: PipelineOptions) -> int:
    """Number of pieces of a generated corpus, enough for all workers."""
    direct = options.view_as(DirectOptions).direct_num_workers
    if is_local(options):
        return 1 if direct == 1 else _SLICES_A_WORKER * max(int(direct), 4)
    workers = options.view_as(WorkerOptions)
    most = max(workers.num_workers or 0, workers.max_num_workers or 0, direct)
    return _SLICES_A_WORKER * max(int(most), 16)


def runner(options: PipelineOptions, workers: WorkerPool | None = None) -> Any:
    """The runner that the options name, or else ours, with worker processes from `workers`."""
    if is_local(options):
        return LocalRunner(workers)
    return options.view_as(StandardOptions).runner
