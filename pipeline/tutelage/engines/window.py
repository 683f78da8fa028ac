"""How many requests a server is sent at once: as many as there are, until it says that it has too many.

Then half of those in flight, and one more for each round that goes well, as TCP does; a server that
says when to come back is sent nothing before. So the limit of a paid API is found without anybody
naming it, and most of what it refuses is refused once. One window for each event loop.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

_LEAST = 1.0


@dataclass(slots=True)
class Window:
    """Slots for requests in flight. Not thread-safe: one event loop's."""

    limit: float = float("inf")
    in_flight: int = 0
    _waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)
    _closed_until: float = 0.0
    _cut_at: float = 0.0

    async def enter(self, is_new: bool) -> float:
        """Waits for a slot; when that was, for `refused`. A request that `is_new` also waits until the
        server wants to be asked again; one that was refused has done that.
        """
        if is_new and (rest := self._closed_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)
        while self.in_flight + 1 > self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # the slot that it was about to have is another's
                raise
        self.in_flight += 1
        return time.monotonic()

    def leave(self) -> None:
        """Gives a slot back."""
        self.in_flight -= 1
        self._wake()

    def succeeded(self) -> None:
        """A reply came: a little more, where there is a limit."""
        self.limit += 1 / self.limit
        self._wake()

    def refused(self, entered: float, after_s: float) -> bool:
        """The server had too many; whether it was sent others beside this one.

        One burst counts once: those that went out before the last cut tell nothing new.
        """
        self._closed_until = max(self._closed_until, time.monotonic() + after_s)
        crowded = self.in_flight > 1 or bool(self._waiting) or entered <= self._cut_at
        if entered > self._cut_at:
            self.limit = max(_LEAST, self.in_flight / 2)
            self._cut_at = time.monotonic()
        return crowded

    def _wake(self) -> None:
        free = self.limit - self.in_flight
        while self._waiting and free >= 1:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
