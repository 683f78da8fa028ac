"""What one process needs to play dialogues: engines and verifiers, shared by all of its threads.

A runner may create several DoFns in a process, but an engine holds a whole model. So the first DoFn
creates the runtime, the others share it, and the last one closes it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tutelage.engines import Players, players
from tutelage.engines.replay import Replies, remembering
from tutelage.session.collector import spared_collector
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import near
from tutelage.verifiers import VerifierPool

_LOCK = threading.Lock()
_HELD: dict[tuple[str, str], tuple["Runtime", int]] = {}


@dataclass(frozen=True, slots=True)
class Runtime:
    """The engines of all players, the verifiers, and the replay cache."""

    players: Players
    pool: VerifierPool
    replies: Replies
    close: Callable[[], None]
    """Releases all of them."""

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
                    runtime.close()


def replies_of(folder: RunFolder) -> Path:
    """The folder with replies of dialogues that have not ended. It is on this machine, so a run in a
    store that is resumed on another machine plays those dialogues again.
    """
    return near(folder.journal / "replies")


def _start(settings: Settings, folder: RunFolder) -> Runtime:
    limits = settings.verifier
    with ExitStack() as stack:
        pool = VerifierPool(
            limits.timeout_s, limits.workers, limits.memory_mb, limits.name, limits.by_corpus
        )
        stack.callback(pool.close)
        replies = Replies(replies_of(folder))
        stack.callback(replies.close)
        started = remembering(players(settings), replies)
        stack.callback(started.close)
        stack.enter_context(spared_collector())
        return Runtime(started, pool, replies, stack.pop_all().close)
