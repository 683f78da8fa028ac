"""What one process needs to play dialogues: engines and verifiers, shared by all of its threads.

A runner may create several DoFns in a process, but an engine holds a whole model. So the first DoFn
creates the runtime, the others share it, and the last one closes it.
"""

import gc
import threading
from collections.abc import Callable, Iterator
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
_YOUNG_OBJECTS = 10_000
"""New objects between two garbage collections; Python's default, 700, is a dialogue or two."""
_HELD: dict[tuple[str, str], tuple["Runtime", int]] = {}


@dataclass(frozen=True, slots=True)
class Runtime:
    """The engines of all players, the verifiers, and the replay cache."""

    players: Players
    pool: VerifierPool
    replies: Replies
    restore_collector: Callable[[], None]

    @staticmethod
    @contextmanager
    def shared(settings: Settings, folder: RunFolder) -> Iterator["Runtime"]:
        """This process's runtime for a run.

        Raises:
            TutelageError: an engine does not start; with the engine's own reason.
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
                    runtime.restore_collector()


def replies_of(folder: RunFolder) -> Path:
    """The folder with replies of dialogues that have not ended. It is on this machine, so a run in a
    store that is resumed on another machine plays those dialogues again.
    """
    return near(folder.journal / "replies")


def _start(settings: Settings, folder: RunFolder) -> Runtime:
    limits = settings.verifier
    pool = VerifierPool(
        limits.timeout_s, limits.workers, limits.memory_mb, limits.name, limits.by_corpus
    )
    try:
        replies = Replies(replies_of(folder))
        started = remembering(players(settings), replies)
    except TutelageError:
        pool.close()
        raise
    return Runtime(started, pool, replies, _spare_collector())


def _spare_collector() -> Callable[[], None]:
    """Lets Python's garbage collector do less; returns what restores it.

    What is alive when a run begins outlives it. Frozen, it is not walked through by each full
    collection, for which all dialogues in play have to wait. Where something is frozen already,
    whoever did that knows better.
    """
    if gc.get_freeze_count():
        return lambda: None
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)

    def restore() -> None:
        gc.set_threshold(*thresholds)
        gc.unfreeze()

    return restore
