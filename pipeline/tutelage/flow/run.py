"""One run from its settings to its manifest: opens the corpora, runs both graphs, keeps the books.

Local by default, on `FnApiRunner` by name: `DirectRunner` tries a Go binary first, which it
downloads, so the same command could run on different engines on two machines. Any Beam option
can follow `--`.
"""

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, suppress
from io import StringIO
from itertools import pairwise
from typing import Any, Literal

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TypeOptions,
    WorkerOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tutelage import contract, corpora, errors, models, templates
from tutelage.engines.keeper import Keeper
from tutelage.engines.launch import VllmServer
from tutelage.engines.replay import tidy
from tutelage.errors import CorpusError, RunFailed, SettingsError, TutelageError
from tutelage.flow import card, contamination, play, publish, telemetry
from tutelage.flow.halt import Halt
from tutelage.flow.staff import Staff, replies_of
from tutelage.flow.workers import Crew, LocalRunner
from tutelage.places import place, reason, remove
from tutelage.seeds import digest
from tutelage.settings import Settings, differences
from tutelage.shards import RunFolder, lock
from tutelage.shards.folder import near, writing
from tutelage.shards.journal import done, files

_NAMED = re.compile(r"tutelage\.errors\.(\w+): ([^\n]*)")
_WHERE = " [while running"
_SLICES_A_WORKER = 4

Resume = Literal["auto", "never", "always"]
"""Whether the folder may hold the run already: either way, must not, must."""


def run(
    settings: Settings,
    out: str,
    beam_args: Sequence[str] = (),
    watch: telemetry.Watch | None = None,
    resume: Resume = "auto",
) -> dict[str, Any]:
    """Generates what is still missing in the folder or URL `out`, publishes it, returns the manifest.

    Raises:
        Mistake: settings, corpora, templates, model or folder are not what they should be; nothing
            was generated.
        RunFailed: the engine or the disk gave up, too much failed, or the books do not balance;
            what was finished is in the journal, and the same command goes on from there.
        KeyboardInterrupt: a signal came; the same holds.
    """
    watch = watch or telemetry.Watch()
    options = _options(beam_args)
    found = [corpora.open_corpus(spec, settings.map, settings.format) for spec in settings.corpora]
    if not found:
        raise CorpusError("no corpus was named: try `starter`, or see `tutelage corpus list`")
    contamination.open_sets(settings.decontaminate.paths)
    stamp = _stamp(settings)
    folder = RunFolder(place(out))
    _open(folder, settings, stamp, resume)
    halt = Halt(folder)
    try:
        with lock.alone(folder.journal, watch.say, halt.ask), halt:
            _session(settings, folder, options, found, stamp, watch, halt)
    except OSError as error:
        raise RunFailed(
            f"{folder.root}: {reason(error)}; run the same command again to go on"
        ) from error
    manifest = folder.read_json("manifest.json")
    folder.write_text("README.md", card.render(settings, manifest))
    return manifest


def _session(
    settings: Settings,
    folder: RunFolder,
    options: PipelineOptions,
    found: list[corpora.Corpus],
    stamp: contract.Stamp,
    watch: telemetry.Watch,
    halt: Halt,
) -> None:
    """Runs both graphs."""
    _begin(folder, settings, stamp)
    took = {}

    def generate() -> None:
        begun = time.monotonic()
        _generate(settings, folder, options, found, stamp, watch, halt)
        took["generate"] = time.monotonic() - begun

    def publish_() -> None:
        begun = time.monotonic()
        _publish(settings, folder, options, stamp, halt)
        took["publish"] = time.monotonic() - begun

    telemetry.clear(folder)
    halt.attend(generate, lambda: bool(telemetry.pulses(folder)))
    halt.attend(publish_, lambda: False)
    folder.write_json(
        "telemetry.json", telemetry.summary(folder, took["generate"], took["publish"])
    )


def _generate(
    settings: Settings,
    folder: RunFolder,
    options: PipelineOptions,
    found: list[corpora.Corpus],
    stamp: contract.Stamp,
    watch: telemetry.Watch,
    halt: Halt,
) -> None:
    """Plays what the journal does not hold yet."""
    finished = done(folder.journal)
    tidy(replies_of(folder), finished)
    with ExitStack() as staff:
        workers = options.view_as(DirectOptions).direct_num_workers
        served = _serve(settings, folder, options, staff, watch, halt)
        parts = 1 if workers == 1 else _SLICES_A_WORKER * max(workers, 4)
        watch.begin(folder, settings, len(finished))
        del finished
        try:
            _execute(options, play.build, served, found, folder, stamp, parts, crew=halt.crew)
        finally:
            watch.end()
    shutil.rmtree(replies_of(folder), ignore_errors=True)


def _publish(
    settings: Settings,
    folder: RunFolder,
    options: PipelineOptions,
    stamp: contract.Stamp,
    halt: Halt,
) -> None:
    """Writes the shards anew from the journal. A run without a manifest is not published."""
    with writing(folder.root):
        remove(folder.root / "manifest.json")
    folder.clear_published()
    publish.give_back()
    _execute(options, publish.build, settings, folder, stamp.run_id, crew=halt.crew)
    folder.forget_copies()
    with suppress(OSError):
        remove(folder.spool)


def _open(folder: RunFolder, settings: Settings, stamp: contract.Stamp, resume: Resume) -> None:
    """Makes the run's folder, or finds it to be of this very run.

    Raises:
        SettingsError: the folder holds a run with other settings, templates, weights or columns,
            or `resume` forbids what it is.
        OutputError: it cannot be written.
    """
    shaping = settings.shaping()
    before = folder.read_json("run.json")
    # One that came to nothing, such as by a model that is not there, binds nobody.
    idle = bool(before) and resume == "auto" and not files(folder.journal)
    if idle:
        before = {}
    if before and resume == "never":
        raise SettingsError(
            f"{folder.root} holds a run, and --resume is never: choose another --out, or go on with "
            "the run by --resume auto"
        )
    if not before and resume == "always":
        raise SettingsError(
            f"{folder.root} holds no run to go on with, and --resume is always: correct --out, or "
            "begin one by --resume auto"
        )
    if before:
        if before["run_id"] != settings.run_id():
            changed = "; ".join(differences(before["shaping"], shaping)[:4])
            raise SettingsError(
                f"{folder.root} holds a run with other settings ({changed}): "
                "choose another --out, or repeat the settings to go on with it"
            )
        source = _source(stamp)
        if changed := "; ".join(differences(before.get("source", source), source)[:4]):
            raise SettingsError(
                f"{folder.root} holds a run with other templates, weights or columns ({changed}): "
                "choose another --out, or put back what the run was begun with"
            )
        if fewer := _fewer(before["settings"], settings):
            raise SettingsError(
                f"{folder.root} holds a run with more in it ({fewer}): a run can be extended, not "
                "cut; choose another --out"
            )
    elif folder.root.is_dir() and not idle and not _is_blank(folder):
        raise SettingsError(f"{folder.root} is neither empty nor a run: choose another --out")
    folder.create()


def _is_blank(folder: RunFolder) -> bool:
    """Whether there is nothing in it, or no more than a run that was killed as it began leaves."""
    ours = {folder.journal, folder.logs, folder.journal / lock.NAME}
    return all(path in ours or path.suffix == ".part" for path in folder.root.rglob("*"))


def _begin(folder: RunFolder, settings: Settings, stamp: contract.Stamp) -> None:
    """Writes down what the run is."""
    folder.write_json(
        "run.json",
        {
            "schema_version": "settings.v1",
            "run_id": settings.run_id(),
            "shaping": settings.shaping(),
            "settings": settings.model_dump(mode="json"),
            "source": _source(stamp),
        },
    )


def _source(stamp: contract.Stamp) -> dict[str, dict[str, str]]:
    """What settings only name or imply: digests of templates, of the student's weights, of columns."""
    columns = digest(str(contract.arrow_schema()))
    return {
        "prompts": dict(stamp.prompts),
        "models": dict(stamp.models),
        "columns": {"dialogue.v1": columns},
    }


def _fewer(before: dict[str, Any], settings: Settings) -> str:
    """Where these settings ask for less than the run was begun with; empty where they do not."""
    said = []
    if settings.samples < before["samples"]:
        said.append(f"samples: {before['samples']} -> {settings.samples}")
    if settings.limit and not 0 < before["limit"] <= settings.limit:
        said.append(f"limit: {before['limit'] or 'all'} -> {settings.limit}")
    return "; ".join(said)


def _stamp(settings: Settings) -> contract.Stamp:
    """Provenance that all rows share. Raises where a template or a model is not there."""
    student, teacher, judge = settings.student, settings.teacher, settings.judge
    used = {
        "student": [f"student/{student.prompt}.j2"],
        "teacher": ["shared/retry.j2", f"teacher/{teacher.prompt}.j2", "teacher/attempt.j2"],
    }
    if teacher.engine == "worked":
        used["teacher"][1:] = ["teacher/worked.j2"]
    if "blind" in settings.arms:
        used["teacher"] += ["teacher/blind.j2", "teacher/blind_attempt.j2"]
    if settings.underspecified.rephrase:
        used["teacher"] += ["teacher/lazy.j2"]
    if settings.q_priming.enabled:
        used["question"] = ["question/ask.j2"]
    if judge.engine:
        used["judge"] = ["judge/leak.j2", "judge/move.j2"]
    templates.check([name for names in used.values() for name in names], settings.prompts)
    revision = ""
    if student.engine == "vllm":
        models.resolve(student.model)
        revision = models.revision(student.model)
    if teacher.engine == "vllm":
        models.resolve(teacher.model)
    return contract.Stamp(
        run_id=settings.run_id(),
        models={
            "student": student.model,
            "teacher": teacher.model or teacher.engine,
            "judge": judge.model if judge.engine else "",
            "revision": revision,
        },
        prompts={k: templates.fingerprint(v, settings.prompts) for k, v in used.items()},
        loss=settings.loss,
    )


def _serve(
    settings: Settings,
    folder: RunFolder,
    options: PipelineOptions,
    staff: ExitStack,
    watch: telemetry.Watch,
    halt: Halt,
) -> Settings:
    """Makes the engine ready where all workers of this machine can reach it.

    One process: it holds the engine itself, and starts it here so that a model that does not load
    is a mistake of one line. Several: one server for all of them.
    """
    local = isinstance(_runner(options), FnApiRunner)
    direct = options.view_as(DirectOptions)
    if not local:
        return settings
    if direct.direct_running_mode != "multi_processing":
        watch.say("starting the engine")
        staff.enter_context(Staff.shared(settings, folder))
        return settings
    players = {"student": settings.student, "teacher": settings.teacher}
    on_vllm = {side: player for side, player in players.items() if player.engine == "vllm"}
    if not on_vllm:
        return settings
    if len({player.model for player in on_vllm.values()}) > 1:
        raise SettingsError(
            "two models in several local processes want two servers: start one yourself and name "
            "it by server.url, or use one process"
        )
    model = next(iter(on_vllm.values())).model
    server = staff.enter_context(
        VllmServer(settings, model, near(folder.logs) / "vllm.log", watch.say)
    )
    staff.enter_context(Keeper(server, settings.vllm, watch.say, halt.ask))
    update: dict[str, Any] = {
        side: player.model_copy(update={"engine": "server"}) for side, player in on_vllm.items()
    }
    update["server"] = settings.server.model_copy(update={"url": server.url})
    return settings.model_copy(update=update)


def _options(beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options. Raises `SettingsError` for one that Beam does not know."""
    said = StringIO()
    try:
        with redirect_stderr(said):  # argparse ends the process, with a page of usage
            options = PipelineOptions(list(beam_args))
            workers = options.view_as(DirectOptions).direct_num_workers
    except SystemExit:
        why = said.getvalue().strip().rpartition("error: ")[2]
        raise SettingsError(f"Beam does not take {' '.join(beam_args)!r}: {why}") from None
    if workers < 0:
        raise SettingsError(f"direct_num_workers: wanted 0 (all cores) or more, got {workers}")
    unknown = [
        arg
        for arg in beam_args
        if arg.startswith("--") and arg[2:].split("=")[0] not in options.get_all_options()
    ]
    unknown += [
        arg
        for before, arg in pairwise(["", *beam_args])
        if not arg.startswith("--") and ("=" in before or not before.startswith("--"))
    ]
    if unknown:
        raise SettingsError(f"Beam has no option {', '.join(unknown)}: see its pipeline options")
    options.view_as(SetupOptions).save_main_session = False
    # mypy has checked the types; Beam's own check cannot read protocols.
    if not any(arg.startswith("--default_sdk_harness_log_level") for arg in beam_args):
        options.view_as(WorkerOptions).default_sdk_harness_log_level = "WARNING"
    options.view_as(TypeOptions).pipeline_type_check = False
    return options


def _runner(options: PipelineOptions, crew: Crew | None = None) -> Any:
    """The runner that was asked for by name; `FnApiRunner` where none was, its workers of `crew`."""
    named = options.view_as(StandardOptions).runner
    if named in (None, "DirectRunner", "FnApiRunner"):
        return LocalRunner(crew) if crew else FnApiRunner()
    return named


def _execute(options: PipelineOptions, build: Any, *args: Any, crew: Crew | None = None) -> None:
    """Runs one graph to its end; what a worker raised is raised here by its own class."""
    try:
        pipeline = beam.Pipeline(runner=_runner(options, crew), options=options)
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
    known = isinstance(kind, type) and issubclass(kind, TutelageError) and kind is not errors.BadRow
    return (kind if known else RunFailed)(words.split(_WHERE)[0])
