"""The step that plays: candidates in, finished dialogues in the journal.

Every candidate ends in the journal as exactly one of kept, filtered, duplicate or dead.
"""

import asyncio
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import apache_beam as beam

from tutelage import contract, dialogue
from tutelage.corpora import Corpus
from tutelage.corpora.mutants import gold
from tutelage.driver import Scheduler
from tutelage.errors import RunFailed
from tutelage.flow.candidates import Candidate
from tutelage.records import Dialogue, Problem, Rules
from tutelage.seeds import digest
from tutelage.session import machine, shutdown, survey
from tutelage.session.circuit_breaker import CircuitBreaker
from tutelage.session.runtime import Runtime
from tutelage.session.telemetry import Heartbeat
from tutelage.settings import Settings
from tutelage.shards import Journal, RunFolder
from tutelage.shards.journal import Kind, done

_PASSING = ("transient", "internal")
"""Failures that the next session may not meet: an engine was unreachable, or a bug has been fixed."""
_LOOK_S = 0.2
_LOOK_AT_MOST_S = 1.0
_REST = 10
"""Pause between two looks, as a multiple of what a look takes: a store is asked less often."""
_PANEL = 64
_DONORS = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker needs to know. Can be pickled."""

    settings: Settings
    corpora: list[Corpus]
    folder: RunFolder
    stamp: contract.Stamp
    session: str
    """The session whose request to stop counts; see `session.shutdown`."""
    elsewhere: bool = False
    """Whether workers are on other machines; their runner repeats a bundle that raises."""
    begun_ns: int = 0
    """When this session began by the launcher's clock, less what clocks may differ by."""


def panel(corpus: Corpus) -> list[Problem]:
    """The problems from which the arm `shuffled` borrows feedback: the corpus's first few.

    They are the same for all problems, so that a problem's donors depend neither on which worker plays
    it nor on how far the corpus has been read.
    """
    rows = islice(corpus.rows(), _PANEL)
    return [row.problem for row in rows if row.problem is not None]


def donors(problem: Problem, among: list[Problem]) -> tuple[Problem, ...]:
    """A few other problems, chosen by digest, in the order in which they are tried."""
    others = [other for other in among if other.statement != problem.statement]
    others.sort(key=lambda other: digest("donor", problem.problem_id, other.problem_id))
    return tuple(others[:_DONORS])


class Play(beam.DoFn):
    """Submits the dialogues of each problem to this worker's scheduler; journals each as it ends.

    The scheduler is kept full across elements: a new dialogue begins when any other has ended. Beam
    sees no dialogue; a retried bundle skips what it finds in the journal.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._settings = job.settings
        self._folder = job.folder
        self._stamp = job.stamp
        self._is_stopping = False

    def setup(self) -> None:
        """Acquires this process's engines and verifiers, and reads which dialogues are finished."""
        self._open = ExitStack()
        settings = self._settings
        if self._job.elsewhere:  # where other processes of the machine may play, too
            settings = self._open.enter_context(machine.shared(settings))
        runtime = self._open.enter_context(Runtime.shared(settings, self._folder))
        self._journal = Journal(self._folder.journal)
        self._open.callback(self._journal.close)
        # Elsewhere each candidate has its finished dialogues with it, except those of a bundle that
        # failed in this session.
        since_ns = self._job.begun_ns if self._job.elsewhere else 0
        self._done = done(self._folder.journal, run_id=self._stamp.run_id, since_ns=since_ns)
        self._done_lock = threading.Lock()
        self._breaker = CircuitBreaker(
            self._settings.driver.window, self._settings.driver.failure_limit
        )
        shuffled = "shuffled" in self._settings.arms
        self._panels = [panel(corpus) if shuffled else [] for corpus in self._job.corpora]
        self._verify = runtime.pool.verify
        self._rules = {arm: self._settings.rules(arm) for arm in self._settings.arms}
        slots = self._settings.driver.concurrency or max(1, runtime.players.capacity * 3 // 2)
        self._scheduler = self._open.enter_context(
            Scheduler(runtime.players, runtime.pool, slots, self._ended)
        )
        adapts = not self._settings.driver.concurrency
        self._heartbeat = Heartbeat(
            self._folder, self._scheduler, runtime.players, self._journal, adapts
        )
        self._open.callback(self._heartbeat.write)
        self._heartbeat.write()  # from here on a stop waits for dialogues in play
        self._scheduler.call(self._heartbeat.repeat())
        self._scheduler.call(self._obey())

    def process(self, candidate: Candidate, _: Any = None) -> Iterable[None]:
        """Plays the dialogues of one row. Emits nothing: the journal is the output."""
        if self._ends_early():
            return ()
        index, problem, first = candidate.index, candidate.row.problem, candidate.first
        if problem is None:
            return self._refuse(candidate, "dead", candidate.row.failure, candidate.row.reason)
        if first != index:
            why = f"same statement as row {first[1]} of corpus {first[0]}"
            return self._refuse(candidate, "duplicate", "duplicate", why)
        if candidate.match is not None and self._settings.decontaminate.action == "drop":
            return self._refuse(candidate, "filtered", "contaminated", candidate.match.reason)
        if fault := self._gold_fault(problem):
            return self._refuse(candidate, "filtered", "gold", fault)
        for sample in range(self._settings.samples):
            for rules in self._rules.values():
                try:
                    self._submit(candidate, problem, rules, sample)
                except RunFailed:
                    if not self._ends_early():
                        raise
                    return ()
        return ()

    def finish_bundle(self) -> None:
        """A bundle counts as done when all of its dialogues are in the journal.

        After a request to stop, the others are left to the next session. On other machines the bundle
        then ends normally, because a bundle that raises would be retried.
        """
        try:
            self._scheduler.drain()
        except RunFailed:
            if not self._ends_early():
                raise
        if self._breaker.tripped(is_drained=True):
            raise self._forgive()
        self._journal.flush()
        self._heartbeat.write()

    def teardown(self) -> None:
        """Releases the engines."""
        self._open.close()

    def _ends_early(self) -> bool:
        return self._is_stopping and self._job.elsewhere

    def _gold_fault(self, problem: Problem) -> str:
        """Why the verifier would refuse the right answer; empty where it accepts it."""
        answer = gold(problem) if self._settings.verifier.check_gold else ""
        if not answer:
            return ""
        verdict = self._verify(problem, answer)
        if verdict.status == "correct":
            return ""
        return f"its own verifier says {verdict.status} to the gold answer: {verdict.reason}"

    def _submit(self, candidate: Candidate, problem: Problem, rules: Rules, sample: int) -> None:
        seed = self._settings.seed
        key, _ = dialogue.identify(problem.problem_id, rules, seed, sample)
        if key not in self._done and key not in candidate.done:
            panel_ = self._panels[candidate.index[0]]
            chosen = donors(problem, panel_) if rules.arm == "shuffled" else ()
            self._scheduler.submit(dialogue.begin(problem, rules, seed, sample, chosen))

    def _ended(self, ended: Dialogue) -> None:
        with self._done_lock:
            if ended.dialogue_id in self._done:
                return
            self._done.add(ended.dialogue_id)
        self._write(ended, _kind(ended))
        self._breaker.record(ended)
        if self._breaker.tripped(is_drained=False):
            raise self._forgive()

    def _forgive(self) -> Exception:
        """Marks the recent failures to be played again; returns the error to raise."""
        for failed in self._breaker.failed:
            self._write(failed, "passing")
        return self._breaker.fault()

    def _write(self, ended: Dialogue, kind: Kind) -> None:
        self._journal.append(ended.dialogue_id, kind, contract.row(ended, self._stamp))

    def _refuse(
        self, candidate: Candidate, kind: Kind, failure: str, reason: str
    ) -> Iterable[None]:
        key, row = survey.row_id(candidate.index), candidate.row
        if key not in self._done and key not in candidate.done:
            self._done.add(key)
            columns = contract.reject(
                failure,
                reason,
                run_id=self._stamp.run_id,
                row_id=key,
                source=row.problem.source if row.problem else row.source,
                problem=row.problem,
            )
            self._journal.append(key, kind, columns)
        return ()

    async def _obey(self) -> None:
        """Watches for the request to stop; after it, no further dialogue begins."""
        begun = time.monotonic()
        while not await asyncio.to_thread(shutdown.is_requested, self._folder, self._job.session):
            took = time.monotonic() - begun
            await asyncio.sleep(min(max(_LOOK_S, _REST * took), _LOOK_AT_MOST_S))
            begun = time.monotonic()
        self._is_stopping = True
        self._scheduler.stop(self._settings.driver.grace_s)


def _kind(ended: Dialogue) -> Kind:
    if ended.outcome is None or ended.outcome.status != "failed":
        return "kept"
    return "passing" if ended.outcome.reason.split(":", 1)[0] in _PASSING else "dead"
