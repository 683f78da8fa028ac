"""An interruption that waits for the end of the step, so that a whole state can be saved.

The first Ctrl-C or SIGTERM (the usual notice of a cluster that takes its machine back) is a wish;
the second Ctrl-C ends the process at once.
"""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interruption:
    """While entered, remembers that somebody wants to stop."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.wanted = True
