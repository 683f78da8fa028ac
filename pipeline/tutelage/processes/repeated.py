"""A thread that looks after something, again and again, while a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(act: Callable[[], bool], every_s: float, name: str) -> Iterator[None]:
    """While entered, `act` is called every so many seconds, until it says that it is done.

    A call that is under way at the end is waited for. `act` lets no exception pass: nobody would
    hear of it.
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
