"""Drives many dialogues at once, without a turn barrier.

Each dialogue is a task of its own: it asks for its next reply the moment it can, so the engine
always has the next request and never waits for a straggler. This is the only place that knows
dialogue, engine and verifier together. No Beam here, and no files: what becomes of a finished
dialogue is the caller's `on_end`.

    with Table(cast, pool, places, on_end) as table:
        for dialogue in dialogues:
            table.seat(dialogue)      # blocks while the table is full
        table.clear()                 # blocks until the last one has ended
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from tutelage import dialogue as protocol
from tutelage.engines import Cast
from tutelage.errors import EngineError, Fatal, RunFailed, TutelageError
from tutelage.leaks import find_leak
from tutelage.records import Check, Dialogue, Inspect, Leak, Problem, Reply, Verdict

_SAMPLE_S = 0.2
_PLACES_AT_MOST = 4096


class Judge(Protocol):
    """Judges an attempt without blocking the event loop; `verifiers.VerifierPool` is one."""

    async def judge_async(self, problem: Problem, answer: str) -> Verdict:
        """The verdict; never raises for bad model output."""


@dataclass(slots=True)
class Tally:
    """Counts since the table was laid. Read by telemetry; never written to a shard."""

    begun: float = field(default_factory=time.monotonic)
    seated: int = 0
    ended: int = 0
    failed: int = 0
    solved_at: dict[int, int] = field(default_factory=dict)
    """Turn -> dialogues solved at it."""
    exhausted: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    """`student.prompt`, `student.cached`, `student.completion`, and the same for `teacher`, `judge`
    and `donors`."""
    waiting_for_engine_s: float = 0.0
    """Summed over dialogues: time between an ask and its reply."""
    waiting_for_verifier_s: float = 0.0
    asking_s: float = 0.0
    """Time in which at least one ask was with an engine."""
    starved_s: dict[str, float] = field(default_factory=dict)
    """Why -> time in which the engines had fewer asks than they work on at once."""

    def count(self, ended: Dialogue) -> None:
        """Adds one ended dialogue."""
        self.ended += 1
        outcome = ended.outcome
        if outcome is None or outcome.status == "failed":
            self.failed += 1
        elif outcome.solved_turn is None:
            self.exhausted += 1
        else:
            self.solved_at[outcome.solved_turn] = self.solved_at.get(outcome.solved_turn, 0) + 1
        for side in ("student", "teacher", "judge", "donors"):
            usage = getattr(ended, f"usage_{side}")
            for kind in ("prompt", "cached", "completion"):
                key = f"{side}.{kind}"
                self.tokens[key] = self.tokens.get(key, 0) + getattr(usage, kind)


class Table:
    """Places for so many dialogues at once; a new one is seated when one has ended."""

    def __init__(
        self, cast: Cast, judge: Judge, places: int, on_end: Callable[[Dialogue], None]
    ) -> None:
        """Starts the event loop. `on_end` is called on it, once for each dialogue, at its end."""
        self.tally = Tally()
        self._cast = cast
        self._judge = judge
        self._on_end = on_end
        self._places = places
        self._free = threading.Semaphore(places)
        self._idle = threading.Condition()
        self._in_play = 0
        self._asking = 0
        self._judging = 0
        self._clearing = False
        self._roomy = 0
        self._fault: BaseException | None = None
        self._leave_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="table", daemon=True)
        self._thread.start()
        self.call(self._sample())

    @property
    def in_play(self) -> int:
        """Dialogues that have begun and not ended."""
        return self._in_play

    @property
    def places(self) -> int:
        """Dialogues that may be in play at once."""
        return self._places

    def seat(self, dialogue: Dialogue) -> None:
        """Lets a dialogue begin; blocks while all places are taken.

        Raises:
            Fatal: the engine is gone.
            RunFailed: the table was told to stop; those in play had their time.
            TutelageError: what `on_end` raised, such as `OutputError` on a full disk.
        """
        while not self._free.acquire(timeout=_SAMPLE_S):
            if self._fault is not None or self._leave_at is not None:
                break
        if self._leave_at is not None:
            self.clear()
        self._raise()
        with self._idle:
            self._in_play += 1
        self.tally.seated += 1
        self._loop.call_soon_threadsafe(self._begin, dialogue)

    def clear(self) -> None:
        """Blocks until every seated dialogue has ended. Raises as `seat` does."""
        self._clearing = True
        with self._idle:
            while self._in_play and self._fault is None and not self._is_late():
                self._idle.wait(timeout=_SAMPLE_S)
        self._clearing = False
        self._raise()

    def stop(self, within_s: float) -> None:
        """Seats nobody any more; those in play get `within_s` seconds. From any thread."""
        if self._leave_at is None:
            self._leave_at = time.monotonic() + within_s

    def adapt(self, running: float, waiting: float) -> None:
        """Adds places where the engine would take more: it runs what a full table asks, none waits.

        To be called about once a second with what the engine says. Two looks must agree, because
        replies come in bursts. That none waits is not enough: before its first step is done, an
        engine has counted nothing at all.
        """
        taken = 3 * min(self._asking, running) > 2 * self._places
        roomy = taken and self._in_play >= self._places and not waiting
        self._roomy = self._roomy + 1 if roomy else 0
        if self._roomy < 2:
            return
        more = min(self._places // 2 + 1, _PLACES_AT_MOST - self._places)
        for _ in range(more):
            self._free.release()
        self._places += max(0, more)
        self._roomy = 0

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine beside the dialogues, such as telemetry."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stops the loop; what is still in play is dropped, for a resumed run to play again."""

        async def stop() -> None:
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop)
        self._thread.join(timeout=10)

    def __enter__(self) -> "Table":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self, dialogue: Dialogue) -> None:
        # By the name of its task, an engine can tell whose ask it has: see `engines.replay`.
        task = self._loop.create_task(self._play(dialogue), name=dialogue.dialogue_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, dialogue: Dialogue) -> None:
        try:
            ended = await self._converse(dialogue)
            self._on_end(ended)
            self.tally.count(ended)
        except Exception as fault:
            self._fault = self._fault or fault
        finally:
            self._free.release()
            with self._idle:
                self._in_play -= 1
                self._idle.notify_all()

    async def _converse(self, dialogue: Dialogue) -> Dialogue:
        """Plays one dialogue to its end. Only `Fatal` gets out: it is not the dialogue's own end."""
        try:
            while (want := protocol.need(dialogue)) is not None:
                answer: Reply | Verdict | Leak
                if isinstance(want, Inspect):
                    answer = _look(want)
                elif isinstance(want, Check):
                    answer = await self._verdict(want)
                else:
                    side = self._cast.player(want.player)
                    begun = time.monotonic()
                    self._asking += 1
                    try:
                        answer = await side.reply(want)
                    finally:
                        self._asking -= 1
                    self.tally.waiting_for_engine_s += time.monotonic() - begun
                dialogue = protocol.advance(dialogue, answer, want)
        except Fatal:
            raise
        except EngineError as fault:
            return protocol.fail(dialogue, fault.failure, str(fault))
        except Exception as fault:
            return protocol.fail(dialogue, "internal", f"{type(fault).__name__}: {fault}")
        return dialogue

    async def _verdict(self, want: Check) -> Verdict:
        begun = time.monotonic()
        self._judging += 1
        try:
            return await self._judge.judge_async(want.problem, want.answer)
        finally:
            self._judging -= 1
            self.tally.waiting_for_verifier_s += time.monotonic() - begun

    async def _sample(self) -> None:
        """Looks several times a second whether the engines have enough to do, and if not, why."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_SAMPLE_S)
            now = time.monotonic()
            passed, last = now - last, now
            if self._asking:
                self.tally.asking_s += passed
            if self._in_play and self._asking < self._cast.capacity:
                why = self._shortage()
                self.tally.starved_s[why] = self.tally.starved_s.get(why, 0.0) + passed

    def _shortage(self) -> str:
        if self._clearing:
            return "last dialogues"
        if self._judging >= self._cast.capacity - self._asking:
            return "verifier"
        if self._places < self._cast.capacity:
            return "concurrency"
        return "input" if self._in_play < self._places else "driver"

    def _is_late(self) -> bool:
        return self._leave_at is not None and time.monotonic() > self._leave_at

    def _raise(self) -> None:
        if isinstance(self._fault, TutelageError):
            raise self._fault
        if self._fault is not None:
            raise RunFailed(f"{type(self._fault).__name__}: {self._fault}") from self._fault
        if self._leave_at is not None:
            raise RunFailed(f"stopped with {self._in_play} dialogues in play")


def _look(want: Inspect) -> Leak:
    """The leak gate's finding; quick enough for the event loop."""
    problem = want.problem
    return find_leak(
        problem.domain,
        problem.gold,
        problem.statement,
        want.history,
        want.text,
        problem.privileged_context,
    )
