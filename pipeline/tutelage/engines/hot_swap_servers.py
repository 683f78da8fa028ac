"""Keeps vLLM servers up across runs, so that each run does not wait for a start.

One server holds the student, another the teacher if that is a different model. A server starts when
the first run needs it and stops when the context exits, normally or not. A nested context in the
same process shares the outer one's servers and leaves them running.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from tutelage.engines import HOT_SWAP_SERVERS
from tutelage.engines.hot_swap import HotSwapServer
from tutelage.engines.supervisor import Supervisor
from tutelage.errors import TutelageError
from tutelage.settings import Settings


class HotSwapServers:
    """Context manager: no server outlives it."""

    _entered: ClassVar["HotSwapServers | None"] = None
    """The outermost instance of this process."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        stopped: Callable[[], bool],
        *,
        is_used: bool = True,
    ) -> None:
        """Logs go to `folder`. Without `is_used`, each run starts its own engines."""
        self._folder = folder
        self._is_used = is_used
        self._say = say
        self._stopped = stopped
        self._servers: dict[str, HotSwapServer] = {}

    def __enter__(self) -> "HotSwapServers":
        if HotSwapServers._entered is not None:
            return HotSwapServers._entered
        HotSwapServers._entered = self
        return self

    def __exit__(self, *_: object) -> None:
        if HotSwapServers._entered is self:
            HotSwapServers._entered = None
        for server in self._servers.values():
            server.close()

    @contextlib.contextmanager
    def playing(self, chosen: Settings) -> Iterator[Mapping[str, str]]:
        """Yields environment variables for a step that generates with these settings. They are
        empty if the step starts its own engines. Servers that die meanwhile are restarted.
        """
        urls: dict[str, str] = {}
        with contextlib.ExitStack() as supervisors:
            for side in ("student", "teacher") if self._is_used else ():
                player = getattr(chosen, side)
                if player.engine == "vllm" and player.model not in urls:
                    server = self._ready(side, player.model, chosen).server
                    urls[player.model] = server.url
                    supervisors.enter_context(Supervisor(server, chosen.vllm, self._say, self._say))
            yield {HOT_SWAP_SERVERS: json.dumps(urls)} if urls else {}

    @classmethod
    def rest_all(cls) -> None:
        """Frees the GPU of all servers that this process has up."""
        if cls._entered is not None:
            cls._entered.rest()

    def rest(self) -> None:
        """Frees the GPU for training."""
        for server in self._servers.values():
            server.rest()

    def _ready(self, side: str, model: str, chosen: Settings) -> HotSwapServer:
        """The server of this player, holding `model`."""
        try:
            if side in self._servers:
                self._servers[side].play(model)
            else:
                log = self._folder / f"vllm-{side}.log"
                self._servers[side] = HotSwapServer(chosen, model, log, self._say, self._stopped)
        except TutelageError:
            if self._stopped():
                raise KeyboardInterrupt from None
            raise
        return self._servers[side]
