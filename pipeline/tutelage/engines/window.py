"""Adaptive concurrency limit for one server: unlimited until the server reports too many requests.

Then the limit becomes half of the requests in flight, and grows by one for each round without
refusal, as in TCP. If the server names a delay, no new request is sent before it has passed. So the
limit of a paid API is found automatically, and most refused requests are refused only once. Each
event loop has its own window.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

_LEAST = 1.0


@dataclass(slots=True)
class Window:
    """Slots for requests in flight. Not thread-safe: belongs to one event loop."""

    limit: float = float("inf")
    in_flight: int = 0
    _waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)
    _closed_until: float = 0.0
    _cut_at: float = 0.0

    async def enter(self, is_new: bool) -> float:
        """Waits for a slot and returns the time it was given, for `refused`. A new request also
        waits until the server accepts requests again; one that was refused has already waited.
        """
        if is_new and (rest := self._closed_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)
        while self.in_flight + 1 > self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # passes the slot on to the next waiter
                raise
        self.in_flight += 1
        return time.monotonic()

    def leave(self) -> None:
        """Returns a slot."""
        self.in_flight -= 1
        self._wake()

    def succeeded(self) -> None:
        """Raises the limit a little after a reply."""
        self.limit += 1 / self.limit
        self._wake()

    def refused(self, entered: float, after_s: float) -> bool:
        """Lowers the limit after a refusal; returns whether other requests were in flight or
        waiting.

        A burst counts once: requests sent before the last cut are no new evidence.
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
