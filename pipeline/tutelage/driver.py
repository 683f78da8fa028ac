"""Plays many dialogues at once, without a turn barrier.

Each dialogue is a task of its own and requests its next reply as soon as it can, so the engine
always has work and never waits for a straggler. This is the only module that knows dialogues,
engines and verifiers. No Beam here, and no files: the caller's `on_end` receives each finished
dialogue.

    with Scheduler(players, pool, slots, on_end) as scheduler:
        for dialogue in dialogues:
            scheduler.submit(dialogue)  # blocks while all slots are taken
        scheduler.drain()  # blocks until the last dialogue has ended
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from tutelage import dialogue as protocol
from tutelage.engines import Players
from tutelage.errors import EngineError, Fatal, RunFailed, TutelageError
from tutelage.leaks import find_leak
from tutelage.records import Dialogue, Leak, LeakRequest, Problem, Reply, Verdict, VerifyRequest

_SAMPLE_S = 0.2
_MOST_SLOTS = 4096
_INLINE_CHARS = 4_000
"""Drafts with more characters than this are checked for leaks in a thread, not on the event loop.
"""


class Verifiers(Protocol):
    """Judges an attempt without blocking the event loop; `verifiers.VerifierPool` is one."""

    async def verify_async(
        self, problem: Problem, message: str, finish_reason: str = ""
    ) -> Verdict:
        """The verdict; never raises for bad model output."""


@dataclass(slots=True)
class Tally:
    """Counts since the scheduler started. Read by telemetry; never written to a shard."""

    begun: float = field(default_factory=time.monotonic)
    submitted: int = 0
    ended: int = 0
    failed: int = 0
    solved_at: dict[int, int] = field(default_factory=dict)
    """Turn -> dialogues solved at that turn."""
    exhausted: int = 0
    turns: int = 0
    """Student replies, both in ended dialogues and in those still in play."""
    turns_of_ended: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    """`student.prompt`, `student.cached`, `student.completion`, and the same for `teacher`, `judge`
    and `donors`."""
    waiting_for_engine_s: float = 0.0
    """Time between a request and its reply, summed over dialogues."""
    waiting_for_verifier_s: float = 0.0
    requesting_s: float = 0.0
    """Time during which at least one request was with an engine."""
    starved_s: dict[str, float] = field(default_factory=dict)
    """Reason -> time during which the engines had fewer requests than they can work on at once."""

    def count(self, ended: Dialogue) -> None:
        """Adds one ended dialogue."""
        self.ended += 1
        outcome = ended.outcome
        self.turns_of_ended += outcome.turns if outcome is not None else 0
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


class Scheduler:
    """Keeps up to `slots` dialogues in play; a new one begins when another has ended."""

    def __init__(
        self, players: Players, verifiers: Verifiers, slots: int, on_end: Callable[[Dialogue], None]
    ) -> None:
        """Starts the event loop, which calls `on_end` once for each dialogue, when it has ended."""
        self.tally = Tally()
        self._players = players
        self._verifiers = verifiers
        self._on_end = on_end
        self._slots = slots
        self._free = threading.Semaphore(slots)
        self._idle = threading.Condition()
        self._in_play = 0
        self._requesting = 0
        self._verifying = 0
        self._draining = False
        self._busy_samples = 0
        self._fault: BaseException | None = None
        self._deadline: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="scheduler", daemon=True
        )
        self._thread.start()
        self.call(self._sample())

    @property
    def in_play(self) -> int:
        """Dialogues that have begun and not ended."""
        return self._in_play

    @property
    def slots(self) -> int:
        """Dialogues that may be in play at once."""
        return self._slots

    def submit(self, dialogue: Dialogue) -> None:
        """Begins a dialogue; blocks while all slots are taken.

        Raises:
            Fatal: the engine is gone.
            RunFailed: the scheduler was stopped, and the time for the dialogues in play is over.
            TutelageError: what `on_end` raised, such as `OutputError` on a full disk.
        """
        while not self._free.acquire(timeout=_SAMPLE_S):
            if self._fault is not None or self._deadline is not None:
                break
        if self._deadline is not None:
            self.drain()
        self._raise()
        with self._idle:
            self._in_play += 1
        self.tally.submitted += 1
        self._loop.call_soon_threadsafe(self._begin, dialogue)

    def drain(self) -> None:
        """Blocks until every submitted dialogue has ended. Raises as `submit` does."""
        self._draining = True
        with self._idle:
            while self._in_play and self._fault is None and not self._is_late():
                self._idle.wait(timeout=_SAMPLE_S)
        self._draining = False
        self._raise()

    def stop(self, within_s: float) -> None:
        """Begins no further dialogue; those in play have `within_s` seconds. Thread-safe."""
        if self._deadline is None:
            self._deadline = time.monotonic() + within_s

    def adapt(self, running: float, waiting: float) -> None:
        """Adds slots if the engine could take more: it runs over two thirds of them, and none waits.

        To be called about once a second with the engine's own counts of requests. Two calls in a row
        must agree, because replies come in bursts. `waiting` alone is not enough: before its first
        step an engine reports zero for everything.
        """
        is_busy = 3 * min(self._requesting, running) > 2 * self._slots
        has_room = is_busy and self._in_play >= self._slots and not waiting
        self._busy_samples = self._busy_samples + 1 if has_room else 0
        if self._busy_samples < 2:
            return
        extra_slots = min(self._slots // 2 + 1, _MOST_SLOTS - self._slots)
        for _ in range(extra_slots):
            self._free.release()
        self._slots += max(0, extra_slots)
        self._busy_samples = 0

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine beside the dialogues, such as telemetry."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stops the loop and drops the dialogues in play; a resumed run plays them again."""

        async def stop() -> None:
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop)
        self._thread.join(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, dialogue: Dialogue) -> None:
        # The name of the task tells an engine which dialogue a request is from: see `engines.replay`.
        task = self._loop.create_task(self._play(dialogue), name=dialogue.dialogue_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, dialogue: Dialogue) -> None:
        try:
            ended = await self._drive(dialogue)
            self._on_end(ended)
            self.tally.count(ended)
        except Exception as fault:
            self._fault = self._fault or fault
        finally:
            self._free.release()
            with self._idle:
                self._in_play -= 1
                self._idle.notify_all()

    async def _drive(self, dialogue: Dialogue) -> Dialogue:
        """Plays one dialogue to its end. Raises only `Fatal`, which concerns the whole run; any other
        error ends this dialogue as failed."""
        try:
            while (request := protocol.need(dialogue)) is not None:
                response: Reply | Verdict | Leak
                if isinstance(request, LeakRequest):
                    is_short = len(request.text) <= _INLINE_CHARS
                    response = (
                        _leak(request) if is_short else await asyncio.to_thread(_leak, request)
                    )
                elif isinstance(request, VerifyRequest):
                    response = await self._verdict(request)
                else:
                    player = self._players.player(request.player)
                    start = time.monotonic()
                    self._requesting += 1
                    try:
                        response = await player.reply(request)
                    finally:
                        self._requesting -= 1
                    self.tally.waiting_for_engine_s += time.monotonic() - start
                    self.tally.turns += request.player == "student"
                dialogue = protocol.advance(dialogue, response, request)
        except Fatal:
            raise
        except EngineError as fault:
            return protocol.fail(dialogue, fault.failure, str(fault))
        except Exception as fault:
            return protocol.fail(dialogue, "internal", f"{type(fault).__name__}: {fault}")
        return dialogue

    async def _verdict(self, request: VerifyRequest) -> Verdict:
        start = time.monotonic()
        self._verifying += 1
        try:
            return await self._verifiers.verify_async(
                request.problem, request.message, request.finish_reason
            )
        finally:
            self._verifying -= 1
            self.tally.waiting_for_verifier_s += time.monotonic() - start

    async def _sample(self) -> None:
        """Records several times a second whether the engines have enough to do, and if not, why."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_SAMPLE_S)
            now = time.monotonic()
            elapsed, last = now - last, now
            if self._requesting:
                self.tally.requesting_s += elapsed
            if self._in_play and self._requesting < self._players.capacity:
                reason = self._shortage()
                self.tally.starved_s[reason] = self.tally.starved_s.get(reason, 0.0) + elapsed

    def _shortage(self) -> str:
        if self._draining:
            return "last dialogues"
        if self._verifying >= self._players.capacity - self._requesting:
            return "verifier"
        if self._slots < self._players.capacity:
            return "concurrency"
        return "input" if self._in_play < self._slots else "driver"

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _raise(self) -> None:
        if isinstance(self._fault, TutelageError):
            raise self._fault
        if self._fault is not None:
            raise RunFailed(f"{type(self._fault).__name__}: {self._fault}") from self._fault
        if self._deadline is not None:
            raise RunFailed(f"stopped with {self._in_play} dialogues in play")


def _leak(request: LeakRequest) -> Leak:
    """Runs the leak gate."""
    problem = request.problem
    return find_leak(
        problem.domain,
        problem.gold,
        problem.statement,
        request.history,
        request.text,
        problem.privileged_context,
        request.expression,
    )
