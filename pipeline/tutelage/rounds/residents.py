"""The vLLM servers that stay up through a loop, so that no round waits for a start.

One holds the student, one the frozen teacher where that is another model by then. A server is
started when the first step asks for it and ends with the loop, however that ends.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping

from tutelage.engines import RESIDENTS
from tutelage.engines.keeper import Keeper
from tutelage.engines.resident import Resident
from tutelage.errors import TutelageError
from tutelage.rounds.plan import Plan
from tutelage.settings import Settings


class Residents:
    """While entered, servers may run; none does afterwards."""

    def __init__(self, plan: Plan, say: Callable[[str], None], stopped: Callable[[], bool]) -> None:
        self._plan = plan
        self._say = say
        self._stopped = stopped
        self._servers: dict[str, Resident] = {}

    def __enter__(self) -> "Residents":
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.close()

    @contextlib.contextmanager
    def playing(self, chosen: Settings) -> Iterator[Mapping[str, str]]:
        """The environment of a step that plays by these settings; servers that die in it are
        started again. Empty where the step has its engines for itself.
        """
        held: dict[str, str] = {}
        with contextlib.ExitStack() as watch:
            for side in ("student", "teacher") if self._plan.resident else ():
                player = getattr(chosen, side)
                if player.engine == "vllm" and player.model not in held:
                    server = self._ready(side, player.model, chosen).server
                    held[player.model] = server.url
                    watch.enter_context(Keeper(server, chosen.vllm, self._say, self._say))
            yield {RESIDENTS: json.dumps(held)} if held else {}

    def rest(self) -> None:
        """Leaves the GPU to a training."""
        for server in self._servers.values():
            server.rest()

    def _ready(self, side: str, model: str, chosen: Settings) -> Resident:
        """The server of this side, holding `model`."""
        try:
            if side in self._servers:
                self._servers[side].play(model)
            else:
                log = self._plan.out / f"vllm-{side}.log"
                self._servers[side] = Resident(chosen, model, log, self._say, self._stopped)
        except TutelageError:
            if self._stopped():
                raise KeyboardInterrupt from None
            raise
        return self._servers[side]
