"""Stops a run in good order, on Ctrl-C, SIGTERM, a closed terminal, or an engine beyond help.

Beam blocks the thread that runs a pipeline, and its workers may be other processes. So the pipeline
runs in a thread of its own, this one waits for signals, and the wish to stop is a file in the run's
folder that every worker looks for. Workers seat no dialogue from then on and give those in play a
few seconds; whatever is dropped, a resumed run plays again. No signal reaches the processes of
workers (`flow.workers`), and none of them writes any more when the wait is over.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from tutelage.errors import RunFailed
from tutelage.flow.workers import Crew
from tutelage.places import Place
from tutelage.shards import RunFolder
from tutelage.shards.folder import near

PATIENCE_S = 8.0
"""From the signal to the end at the latest, whatever the pipeline does."""


def wish(folder: RunFolder) -> Place:
    """The file that says that a run is to stop."""
    return folder.journal / "stop"


def is_wished(folder: RunFolder) -> bool:
    """Whether a run is to stop, as far as can be seen."""
    with contextlib.suppress(OSError):
        return wish(folder).exists()
    return False


class Halt:
    """While entered, signals are wishes. The second Ctrl-C ends the process at once.

    `crew` is for the run's worker processes, if it has any.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._path = wish(folder)
        self.crew = Crew(near(folder.logs) / "workers.log", self.ask)
        self._signalled = False
        self._reason = ""
        self._before: dict[int, Any] = {}

    def ask(self, reason: str) -> None:
        """Wishes the run to stop and to fail; from any thread. The first reason counts."""
        self._reason = self._reason or reason

    def attend(self, work: Callable[[], None], begun: Callable[[], bool]) -> None:
        """Runs `work` in a thread and waits for it; once asked to stop, no longer than it may take.

        Args:
            work: what to run; it should end soon after the file has appeared.
            begun: whether it has anything in hand that is worth waiting for.

        Raises:
            KeyboardInterrupt: a signal came, and the work has ended or its time is up.
            RunFailed: `ask` was called.
            BaseException: what the work raised.
        """
        raised: list[BaseException] = []

        def run() -> None:
            # A terminal sends Ctrl-C to all processes of a command; what is started in this thread,
            # or in one that it starts, inherits the mask. Beam's threads may be others.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                work()
            except BaseException as fault:
                raised.append(fault)

        thread = threading.Thread(target=run, name="pipeline", daemon=True)
        thread.start()
        try:
            self._wait(thread, begun)
        finally:
            if thread.is_alive():
                self.crew.end()
        if self._signalled:
            raise KeyboardInterrupt
        if self._reason:
            raise RunFailed(self._reason)
        if raised:
            raise raised[0]

    def _wait(self, thread: threading.Thread, begun: Callable[[], bool]) -> None:
        """Until it has ended, or until its time is up after a wish."""
        limit: float | None = None
        while thread.is_alive() and (limit is None or time.monotonic() < limit):
            thread.join(timeout=0.1)
            if limit is None and (self._signalled or self._reason):
                limit = time.monotonic() + (PATIENCE_S if begun() else 0.0)
                with contextlib.suppress(OSError):
                    self._path.write_text(self._reason or "interrupted", "utf-8")

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # `nohup` and its like ignore what a terminal says when it closes; so does a run.
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signalled = True
