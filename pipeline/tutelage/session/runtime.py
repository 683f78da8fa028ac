"""What one process needs to play dialogues: engines and verifiers, held once however many threads.

A runner may build several DoFns in one process; an engine holds a whole model. So the first one
that needs it makes it, the others share it, and the last one closes it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tutelage.engines import Players, players
from tutelage.engines.replay import Replies, remembering
from tutelage.errors import TutelageError
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import near
from tutelage.verifiers import VerifierPool

_LOCK = threading.Lock()
_HELD: dict[tuple[str, str], tuple["Runtime", int]] = {}


@dataclass(frozen=True, slots=True)
class Runtime:
    """The engines of both sides, and the verifiers."""

    players: Players
    pool: VerifierPool
    replies: Replies

    @staticmethod
    @contextmanager
    def shared(settings: Settings, folder: RunFolder) -> Iterator["Runtime"]:
        """This process's runtime for a run.

        Raises:
            TutelageError: an engine does not start; what it says is the engine's own reason.
        """
        key = (str(folder.root), settings.model_dump_json())
        with _LOCK:
            runtime, users = _HELD.get(key) or (_start(settings, folder), 0)
            _HELD[key] = (runtime, users + 1)
        try:
            yield runtime
        finally:
            with _LOCK:
                runtime, users = _HELD.pop(key)
                if users > 1:
                    _HELD[key] = (runtime, users - 1)
                else:
                    runtime.players.close()
                    runtime.pool.close()
                    runtime.replies.close()


def replies_of(folder: RunFolder) -> Path:
    """Where a run keeps the replies of dialogues that have not ended: on this machine. A run in a
    store that goes on elsewhere plays those dialogues anew.
    """
    return near(folder.journal / "replies")


def _start(settings: Settings, folder: RunFolder) -> Runtime:
    limits = settings.verifier
    pool = VerifierPool(
        limits.timeout_s, limits.workers, limits.memory_mb, limits.name, limits.by_corpus
    )
    try:
        replies = Replies(replies_of(folder))
        return Runtime(remembering(players(settings), replies), pool, replies)
    except TutelageError:
        pool.close()
        raise
