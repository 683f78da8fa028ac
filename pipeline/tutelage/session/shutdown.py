"""Stops a run in an orderly way on Ctrl-C, SIGTERM, a closed terminal, or a broken engine.

A pipeline blocks its thread, and its workers may be other processes. So it runs in a thread of its
own while the main thread waits for signals, and the request to stop is a file in the run's folder for
which every worker looks. Workers then begin no further dialogue and give those in play a few seconds; a
resumed run plays the rest again. Signals do not reach the worker processes (`flow.workers`), and none
of these writes any more when the wait is over.
"""

import contextlib
import signal
import threading
import time
import uuid
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from tutelage.errors import RunFailed
from tutelage.shards import RunFolder
from tutelage.storage import Location

PATIENCE_S = 8.0
"""Maximum time from a signal to the end, whatever the pipeline does."""


def request_file(folder: RunFolder, session: str) -> Location:
    """The file that requests a session of a run to stop.

    Each session has its own: workers of a cancelled job that has not ended yet must not continue when
    the next session begins.
    """
    return folder.journal / f"stop-{session}"


def is_requested(folder: RunFolder, session: str) -> bool:
    """Whether a session is requested to stop; False if the folder cannot be read."""
    with contextlib.suppress(OSError):
        return request_file(folder, session).exists()
    return False


def _name() -> str:
    """A new unique name of a session."""
    return uuid.uuid4().hex[:12]


class Shutdown:
    """While entered, a signal is a request to stop. A second Ctrl-C ends the process at once."""

    def __init__(
        self, folder: RunFolder, patience_s: float = PATIENCE_S, elsewhere: bool = False
    ) -> None:
        """`patience_s`: time from a signal until work that does not end is abandoned. `elsewhere`:
        workers of an earlier session may still run on other machines.
        """
        self.session = _name()
        self._folder = folder
        self._elsewhere = elsewhere
        self._path = request_file(folder, self.session)
        self._patience_s = patience_s
        self._has_ended = True
        self._signalled = False
        self._reason = ""
        self._before: dict[int, Any] = {}

    def request(self, reason: str) -> None:
        """Requests the run to stop and fail; from any thread. The first reason counts."""
        self._reason = self._reason or reason

    def run(
        self,
        work: Callable[[], None],
        is_playing: Callable[[], bool],
        abandon: Callable[[], None],
    ) -> None:
        """Runs `work` in a thread and waits for it; after a request to stop, only for a limited time.

        Args:
            work: what to run; it should end soon after the file has appeared.
            is_playing: whether there are dialogues in play, which are worth waiting for.
            abandon: called if the work has not ended in time; must end everything that still writes.

        Raises:
            KeyboardInterrupt: a signal arrived, and the work has ended or its time is up.
            RunFailed: `request` was called.
            BaseException: the work raised it.
        """
        faults: list[BaseException] = []

        def attempt() -> None:
            # A terminal sends Ctrl-C to all processes of a command. Processes started by this thread,
            # or by its threads, inherit the mask.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                work()
            except BaseException as fault:
                faults.append(fault)

        thread = threading.Thread(target=attempt, name="pipeline", daemon=True)
        thread.start()
        self._has_ended = False
        try:
            self._wait(thread, is_playing)
        finally:
            if thread.is_alive():
                abandon()
            else:
                self._has_ended = True
        if self._signalled:
            raise KeyboardInterrupt
        if self._reason:
            raise RunFailed(self._reason)
        if faults:
            raise faults[0]

    def _wait(self, thread: threading.Thread, is_playing: Callable[[], bool]) -> None:
        """Waits until the thread has ended, or its time is up after a request to stop."""
        limit: float | None = None
        while thread.is_alive() and (limit is None or time.monotonic() < limit):
            thread.join(timeout=0.1)
            if limit is None and (self._signalled or self._reason):
                limit = time.monotonic() + (self._patience_s if is_playing() else 0.0)
                with contextlib.suppress(OSError):
                    self._path.write_text(self._reason or "interrupted", "utf-8")

    def __enter__(self) -> Self:
        if not self._elsewhere:
            for stale in self._folder.journal.glob("stop-*"):
                stale.unlink(missing_ok=True)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # `nohup` ignores the signal of a closing terminal; then a run does so, too.
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._has_ended:  # otherwise a worker that still runs must find it
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signalled = True
