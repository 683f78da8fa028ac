"""The vLLM servers that stay up while one run after another is played, so that none waits for a start.

One holds the student, one the teacher where that is another model by then. A server is started when
the first run asks for it, and ends with whoever entered, however that ends. Whoever enters while
another has entered in this process gets that one's servers, and leaves them running.
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
    """While entered, servers may run; none does afterwards."""

    _entered: ClassVar["HotSwapServers | None"] = None
    """The outermost one of this process."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        stopped: Callable[[], bool],
        *,
        is_used: bool = True,
    ) -> None:
        """Servers keep their logs in `folder`; where not `is_used`, each run starts its own."""
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
        """The environment of a step that plays by these settings; servers that die in it are
        started again. Empty where the step has its engines for itself.
        """
        held: dict[str, str] = {}
        with contextlib.ExitStack() as watch:
            for side in ("student", "teacher") if self._is_used else ():
                player = getattr(chosen, side)
                if player.engine == "vllm" and player.model not in held:
                    server = self._ready(side, player.model, chosen).server
                    held[player.model] = server.url
                    watch.enter_context(Supervisor(server, chosen.vllm, self._say, self._say))
            yield {HOT_SWAP_SERVERS: json.dumps(held)} if held else {}

    def rest(self) -> None:
        """Leaves the GPU to a training."""
        for server in self._servers.values():
            server.rest()

    def _ready(self, side: str, model: str, chosen: Settings) -> HotSwapServer:
        """The server of this side, holding `model`."""
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
