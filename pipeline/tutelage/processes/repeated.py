"""Calls a function periodically in a thread while a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(act: Callable[[], bool], every_s: float, name: str) -> Iterator[None]:
    """Calls `act` every `every_s` seconds until it returns true or the block ends.

    The end of the block waits for a call in progress. `act` must not raise, because no one would
    notice.
    """
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(every_s):
            if act():
                return

    thread = threading.Thread(target=follow, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
