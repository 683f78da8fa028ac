"""What a run takes: time, tokens, the engine's counters. None of it is in shards, because clocks vary.

Each worker writes a heartbeat file once a second; a watcher adds them up. So the same progress line
works for one process, several, and machines that share a folder or a store.
"""

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tutelage.driver import Scheduler
from tutelage.engines import Players, metrics
from tutelage.errors import TutelageError
from tutelage.settings import Settings
from tutelage.shards import Journal, RunFolder
from tutelage.storage import Location

_POLL_S = 0.5
_REST = 10
"""Pause between two looks, as a multiple of what a look takes: a store is asked less often."""
_HEARTBEAT_S = 1.0
_NOTEWORTHY = 0.2
"""Share of the time that an engine may starve before that is reported."""
_STARVED = {
    "last dialogues": "the last dialogues took long, and no further dialogue was left to begin",
    "verifier": "verdicts came slowly: raise verifier.workers",
    "concurrency": "too few dialogues were in play: raise driver.concurrency",
    "input": "problems came slowly: the corpus, or the check of their golds, is the limit",
    "driver": "this process was busy with other work: use more workers",
}
"""Reasons why an engine had too little to do, and what to do about them."""


class Heartbeat:
    """Writes the counters of a worker, once a second and at the end, for watchers of the run."""

    def __init__(
        self,
        folder: RunFolder,
        scheduler: Scheduler,
        players: Players,
        journal: Journal,
        adapts: bool,
    ) -> None:
        """`adapts`: slots are added while no request waits for the engine."""
        self._adapts = adapts
        self._folder = folder
        self._scheduler = scheduler
        self._players = players
        self._journal = journal
        self._name = f"{folder.logs.name}/heartbeat-{uuid.uuid4().hex}.json"
        self._lock = threading.Lock()

    async def repeat(self) -> None:
        """Writes once a second until cancelled."""
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Writes the current figures. Ignores a full disk, which the journal reports."""
        with self._lock:
            try:
                self._journal.sync()
                gauges = self._players.gauges()
                engine = metrics.total([gauges])
                if self._adapts and "waiting" in engine:
                    self._scheduler.adapt(engine.get("running", 0.0), engine["waiting"])
                self._folder.write_json(self._name, figures(self._scheduler, gauges))
            except (OSError, TutelageError):
                return


def figures(scheduler: Scheduler, gauges: dict[str, float]) -> dict[str, Any]:
    """The counters of a worker, as JSON."""
    tally = scheduler.tally
    return {
        "seconds": time.monotonic() - tally.begun,
        "in_play": scheduler.in_play,
        "slots": scheduler.slots,
        "submitted": tally.submitted,
        "ended": tally.ended,
        "failed": tally.failed,
        "exhausted": tally.exhausted,
        "turns": tally.turns,
        "turns_of_ended": tally.turns_of_ended,
        "solved_at": {str(turn): n for turn, n in sorted(tally.solved_at.items())},
        "tokens": dict(tally.tokens),
        "waiting_for_engine_s": tally.waiting_for_engine_s,
        "waiting_for_verifier_s": tally.waiting_for_verifier_s,
        "requesting_s": tally.requesting_s,
        "starved_s": dict(tally.starved_s),
        "engine": metrics.total([gauges]),
        "gauges": gauges,
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """Sums over all workers, as of a moment ago."""

    ended: int = 0
    failed: int = 0
    in_play: int = 0
    solved_at: dict[int, int] = field(default_factory=dict)
    tokens: int = 0
    """Tokens that were generated, both sides."""
    seconds: float = 0.0
    busy: float = 0.0
    """Share of the time in which the engine computed; 0 if unknown."""
    planned: int = 0
    """Dialogues that were still to be played when this session began; 0 if unknown."""
    turns: int = 0
    """Student turns so far."""
    turns_of_ended: int = 0
    turns_at_most: int = 0
    """Student turns of one dialogue."""

    @property
    def eta_s(self) -> float | None:
        """Estimated seconds left at the present pace of turns; None while unknown, which it is
        until about every dialogue in play has had a turn, because first turns are slow.

        A dialogue is expected to take as many turns as the ended ones on average. One in play counts
        with the maximum of turns, because short dialogues end first.
        """
        begun = self.ended + self.in_play
        if not (self.planned and self.turns and self.seconds and begun):
            return None
        if self.turns < self.in_play:
            return None
        each = (self.turns_of_ended + self.in_play * self.turns_at_most) / begun
        return max(0.0, self.planned * each - self.turns) * self.seconds / self.turns


class Watch:
    """Follows a run. Silent unless given callbacks, as the command line does."""

    def __init__(
        self,
        show: Callable[[Progress], None] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._show = show
        self._say = say
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, words: str) -> None:
        """Reports something to the user who waits."""
        if self._say:
            self._say(words)

    def begin(self, folder: RunFolder, settings: Settings, done: int) -> None:
        """Called when the engine is ready; `done` dialogues are in the journal already."""
        if self._show is None:
            return

        copies = settings.samples * len(settings.arms)

        def follow() -> None:
            took = 0.0
            while not self._stop.wait(max(_POLL_S, _REST * took)):
                begun = time.monotonic()
                with contextlib.suppress(OSError, TutelageError):
                    rows = int(folder.read_json("journal/input.json").get("rows", 0))
                    self._tell(folder, max(0, rows * copies - done), settings.turns)
                took = time.monotonic() - begun

        self._thread = threading.Thread(target=follow, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Called when no dialogue is in play any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _tell(self, folder: RunFolder, planned: int, turns: int) -> None:
        if self._show:
            self._show(progress(heartbeats(folder), planned, turns))


def heartbeats(folder: RunFolder) -> list[dict[str, Any]]:
    """The latest heartbeat of each worker, if it can be read."""
    beats = []
    paths: list[Location] = []
    with contextlib.suppress(OSError):
        paths = sorted(folder.logs.glob("heartbeat-*.json"))
    for path in paths:
        try:
            beats.append(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            continue
    return beats


def progress(workers: list[dict[str, Any]], planned: int = 0, turns_at_most: int = 0) -> Progress:
    """The sum of the workers' heartbeats."""
    solved: dict[int, int] = {}
    for worker in workers:
        for turn, count in worker["solved_at"].items():
            solved[int(turn)] = solved.get(int(turn), 0) + count
    seconds = max((worker["seconds"] for worker in workers), default=0.0)
    busy = sum(worker["engine"].get("busy_s", worker["requesting_s"]) for worker in workers)
    return Progress(
        ended=sum(worker["ended"] for worker in workers),
        failed=sum(worker["failed"] for worker in workers),
        in_play=sum(worker["in_play"] for worker in workers),
        solved_at=dict(sorted(solved.items())),
        tokens=sum(
            count
            for worker in workers
            for key, count in worker["tokens"].items()
            if key.endswith(".completion")
        ),
        seconds=seconds,
        busy=min(1.0, busy / seconds / len(workers)) if seconds else 0.0,
        planned=planned,
        turns=sum(worker["turns"] for worker in workers),
        turns_of_ended=sum(worker["turns_of_ended"] for worker in workers),
        turns_at_most=turns_at_most,
    )


def starvation(workers: list[dict[str, Any]]) -> str:
    """A line with the commonest reason, if the engines had too little to do for long; else empty.

    Workers that never had more dialogues than slots are ignored.
    """
    lacking: dict[str, float] = {}
    for worker in workers:
        tells = "busy_s" in worker["engine"] or "running" in worker["engine"]
        if tells and worker["submitted"] > worker["slots"]:
            for why, seconds in worker["starved_s"].items():
                lacking[why] = lacking.get(why, 0.0) + seconds
    total = sum(worker["seconds"] for worker in workers)
    if not lacking or sum(lacking.values()) < _NOTEWORTHY * total:
        return ""
    why = max(lacking, key=lambda name: lacking[name])
    share = sum(lacking.values()) / total
    return f"the engine had fewer requests than it can run for {share:.0%} of the time; mostly " + (
        _STARVED.get(why, why)
    )


def clear(folder: RunFolder) -> None:
    """Removes the heartbeats of an earlier session."""
    for stale in folder.logs.glob("heartbeat-*.json"):
        stale.unlink(missing_ok=True)


def summary(folder: RunFolder, generated_s: float, published_s: float) -> dict[str, Any]:
    """`telemetry.json`: the last session's totals, and each worker's own figures."""
    workers = heartbeats(folder)
    total = progress(workers)
    tokens: dict[str, int] = {}
    for worker in workers:
        for kind, count in worker["tokens"].items():
            tokens[kind] = tokens.get(kind, 0) + count
    engines = metrics.total(worker["gauges"] for worker in workers)
    asked = engines.get("prefix_cache_queries", 0.0)
    hits = engines.get("prefix_cache_hits", 0.0)
    return {
        "schema_version": "telemetry.v1",
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "generate_s": round(generated_s, 3),
        "publish_s": round(published_s, 3),
        "dialogues": total.ended,
        "tokens": tokens,
        "tokens_generated": total.tokens,
        "tokens_per_s": round(total.tokens / total.seconds, 2) if total.seconds else 0.0,
        "engine_busy_share": round(total.busy, 4),
        "prefix_cache_hit_rate": round(hits / asked, 4) if asked else 0.0,
        "preemptions": engines.get("preemptions", 0.0),
        "starved": starvation(workers),
        "workers": workers,
    }
