"""One run, from settings to manifest: opens the corpora, runs both graphs, checks the account."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions

from tutelage import contract, engines
from tutelage.corpora.paths import is_url
from tutelage.engines.replay import tidy
from tutelage.errors import RunFailed
from tutelage.flow import beam_options, generate, publish, publish_elsewhere, staging
from tutelage.flow.execution import RunningGraph, execute
from tutelage.flow.play import Job
from tutelage.flow.workers import WorkerPool
from tutelage.session import (
    admission,
    budget,
    card,
    mending,
    pins,
    provenance,
    publication,
    telemetry,
)
from tutelage.session.admission import Resume
from tutelage.session.collector import spared_collector
from tutelage.session.inputs import Inputs, check_reachable, open_inputs
from tutelage.session.runtime import Runtime, replies_of
from tutelage.session.serving import serving
from tutelage.session.shutdown import PATIENCE_S, Shutdown
from tutelage.settings import Settings
from tutelage.shards import Damage, RunFolder, lock
from tutelage.shards.folder import near
from tutelage.shards.journal import done
from tutelage.storage import location, opened, reason

_CLOCKS_DIFFER_NS = 600_000_000_000
"""Largest difference between the clocks of two machines that is allowed for."""
_PATIENCE_ELSEWHERE_S = 60.0
"""From a signal until the job is cancelled: remote workers notice it late and end their bundles."""


def run(
    settings: Settings,
    out: str,
    beam_args: Sequence[str] = (),
    watch: telemetry.Watch | None = None,
    resume: Resume = "auto",
    inputs: Inputs | None = None,
) -> dict[str, Any]:
    """Generates what the run at `out` (folder or URL) still lacks, publishes, returns the manifest.

    `inputs`, if given, are the opened corpora and evaluation sets that `settings` name.

    Raises:
        Mistake: something is wrong with the settings, corpora, templates, model or folder; nothing was
            generated.
        RunFailed: the engine or the disk failed, too many dialogues failed, or the account does not
            balance. Finished dialogues are in the journal, and the same command continues from there.
        KeyboardInterrupt: a signal arrived. Finished dialogues are safe here, too.
    """
    watch = watch or telemetry.Watch()
    options = beam_options.parse(beam_args)
    inputs = inputs or open_inputs(settings, RunFolder(location(out)))
    elsewhere_ = not beam_options.is_local(options)
    if elsewhere_:
        check_reachable(inputs, out, beam_options.name(options))
        pins.check(settings, inputs.pins)
        out = out if is_url(out) else str(Path(out).absolute())
    stamp = provenance.stamp(settings, inputs.pins)
    folder = RunFolder(location(out))
    admission.admit(folder, settings, stamp, resume)
    patience_s = _PATIENCE_ELSEWHERE_S if elsewhere_ else PATIENCE_S
    shutdown = Shutdown(folder, patience_s, elsewhere_)
    workers = WorkerPool(near(folder.logs) / "workers.log", shutdown.request)
    inputs = inputs.pinned() if elsewhere_ else inputs
    session = _Session(settings, folder, options, inputs, stamp, watch, shutdown, workers)
    try:
        with ExitStack() as stack:
            if elsewhere_:
                scratch = stack.enter_context(TemporaryDirectory(prefix="tutelage-"))
                staging.stage(options, Path(scratch))
            stack.enter_context(lock.alone(folder.journal, watch.say, shutdown.request))
            stack.enter_context(shutdown)
            session.run()
    except OSError as error:
        raise RunFailed(
            f"{folder.root}: {reason(error)}; run the same command again to go on"
        ) from error
    manifest = folder.read_json("manifest.json")
    folder.write_text("README.md", card.render(settings, manifest, folder))
    _check_that_some_are_kept(folder, manifest)
    return manifest


def _check_that_some_are_kept(folder: RunFolder, manifest: dict[str, Any]) -> None:
    """Raises `RunFailed`, with the commonest reason, where every dialogue failed."""
    dialogues = manifest["dialogues"]
    if not dialogues["planned"] or dialogues["kept"]:
        return
    reasons: Counter[str] = Counter()
    for file in folder.rejects.glob("dead-*.parquet"):
        with opened(file) as source:
            rows = pq.read_table(source, columns=["arm", "outcome"]).to_pylist()
        reasons.update(row["outcome"]["reason"] for row in rows if row["arm"])  # else no dialogue
    (reason, count), *_ = reasons.most_common(1)
    raise RunFailed(
        f"all {dialogues['planned']} dialogues failed, {count} of them with: {reason[:300]}; "
        f"they lie in {folder.rejects}"
    )


@dataclass(frozen=True, slots=True)
class _Session:
    """One session of a run: both graphs, and what they share."""

    settings: Settings
    folder: RunFolder
    options: PipelineOptions
    inputs: Inputs
    stamp: contract.Stamp
    watch: telemetry.Watch
    shutdown: Shutdown
    workers: WorkerPool
    running: RunningGraph = field(default_factory=RunningGraph)

    def run(self) -> None:
        """Generates, publishes, and records the telemetry."""
        admission.record(self.folder, self.settings, self.stamp, self.inputs.pins)
        mending.mend(self.folder, self.watch.say)
        telemetry.clear(self.folder)
        begun = time.monotonic()
        is_playing = lambda: bool(telemetry.heartbeats(self.folder))  # noqa: E731
        self.shutdown.run(self._generate, is_playing, self._abandon)
        generated = time.monotonic()
        self.shutdown.run(self._publish, lambda: False, self._abandon)
        published = time.monotonic()
        took = telemetry.summary(self.folder, generated - begun, published - generated)
        self.folder.write_json("telemetry.json", took)

    def _abandon(self) -> None:
        """Ends the workers, and cancels the job if they are on other machines."""
        self.workers.end()
        if self._is_elsewhere:
            self.watch.say("cancelling the job")
            self.running.cancel()

    @property
    def _is_elsewhere(self) -> bool:
        return not beam_options.is_local(self.options)

    def _execute(self, build: Callable[..., None], *args: Any) -> None:
        execute(self.options, build, *args, workers=self.workers, running=self.running)

    def _generate(self) -> None:
        """Plays the dialogues that are not in the journal yet."""
        finished = 0 if self._is_elsewhere else self._finished()
        for note in engines.notes(self.inputs.settings):
            self.watch.say(note)
        with ExitStack() as started:
            served = self._serve(started)
            spending = budget.watched(self.folder, self.settings, self.shutdown.request)
            started.enter_context(spending)
            parts = beam_options.slices(self.options)
            self.watch.begin(self.folder, self.settings, finished)
            job = Job(
                served,
                self.inputs.corpora,
                self.folder,
                self.stamp,
                self.shutdown.session,
                self._is_elsewhere,
                time.time_ns() - _CLOCKS_DIFFER_NS,
            )
            try:
                self._execute(generate.build, job, self.inputs.evaluations, parts)
            finally:
                self.watch.end()
        if not self.folder.read_json(mending.INPUT):
            raise RunFailed(
                f"the workers wrote nothing to {self.folder.root}: they see another folder by that "
                "name; name one by a URL that leads to the same place from everywhere"
            )
        shutil.rmtree(replies_of(self.folder), ignore_errors=True)

    def _finished(self) -> int:
        """Number of finished dialogues. Also reports a damaged journal, and drops obsolete replies."""
        damage: list[Damage] = []
        finished = done(self.folder.journal, damage.append, self.stamp.run_id)
        if damage:
            self.watch.say(
                f"{len(damage)} lines of the journal are damaged ({damage[0].file}, byte "
                f"{damage[0].offset}: {damage[0].reason}); they are set aside in "
                f"{self.folder.rejects}/journal, and their dialogues are played again"
            )
        tidy(replies_of(self.folder), finished)
        return len(finished)

    def _serve(self, started: ExitStack) -> Settings:
        """Starts the engine for the workers of this machine.

        A single process holds the engine itself; it starts here, so that a model that does not load
        is reported in one line. Several processes or several engines share servers.
        """
        settings = self.inputs.settings
        if self._is_elsewhere:
            return settings
        if beam_options.is_multiprocess(self.options) or settings.vllm.replicas != 1:
            return started.enter_context(
                serving(settings, self.folder, self.watch.say, self.shutdown.request)
            )
        self.watch.say("starting the engine")
        started.enter_context(Runtime.shared(settings, self.folder))
        return settings

    def _publish(self) -> None:
        """Writes all shards from the journal, and then replaces the previous ones."""
        publication.prepare(self.folder)
        publish.trim_heap()
        of_run = self.settings, self.folder, self.stamp.run_id
        with spared_collector():
            if self._is_elsewhere:
                self._execute(publish_elsewhere.build, *of_run)
            else:
                self._execute(publish.build, *of_run, beam_options.slices(self.options) > 1)
        publication.promote(self.folder)
        self.folder.forget_copies()
