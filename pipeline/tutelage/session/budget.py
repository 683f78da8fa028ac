"""Stops a run that has used up its tokens: in good order, so that the same command can go on.

Counted are the tokens of dialogues that have ended in this session, prompts and replies of all
players, as the workers' heartbeats have them. Those in play get a few seconds to end, so a run may
go over its budget by them.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from tutelage.errors import TutelageError
from tutelage.session.telemetry import heartbeats
from tutelage.shards import RunFolder

_LOOK_S = 1.0


@contextlib.contextmanager
def watched(folder: RunFolder, most: int, stop: Callable[[str], None]) -> Iterator[None]:
    """While entered, `stop` is called with the reason once `most` tokens are spent; 0: never."""
    if not most:
        yield
        return
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            with contextlib.suppress(OSError, TutelageError):
                used = spent(folder)
                if used >= most:
                    stop(
                        f"the budget of {most:,} tokens is spent ({used:,}); what has ended is safe, "
                        "and the same command with another --budget-tokens goes on"
                    )
                    return

    thread = threading.Thread(target=look, name="budget", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def spent(folder: RunFolder) -> int:
    """Tokens of all players, prompts and replies, over all workers of this session."""
    return sum(
        count
        for worker in heartbeats(folder)
        for kind, count in worker["tokens"].items()
        if kind.endswith((".prompt", ".completion"))
    )
