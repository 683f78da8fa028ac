"""When a request that a server did not answer is tried again, and when no more.

What may pass (connection, 408, 409, 429, 5xx) is tried again with back-off and jitter, and later if the
server says so (`Retry-After`). A server that refuses connections is starting, or being started again:
it is waited for. One that has too many requests is no failure of this one while there are others.
"""

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tutelage.errors import Fatal, Permanent, Transient
from tutelage.records import Request
from tutelage.seeds import fraction

PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
"""Status of what may be answered the next time."""
_CROWDED = {429, 503, 529}
"""Too many requests, or too much to do; 529 is what Anthropic says."""
_LONGEST_WAIT_S = 30.0
_LONGEST_ASKED_S = 120.0
"""What a server may ask for by `Retry-After`."""
_LOOK_S = 2.0
"""Between two looks for a server that is away."""
_ROLES = re.compile("system|role|alternat", re.IGNORECASE)


class Away(Transient):
    """Nobody listens there."""

    def __init__(self, url: str, words: str) -> None:
        super().__init__(words)
        self.url = url


class Busy(Transient):
    """Asked to come back, not before `after_s` seconds from now where the server says when."""

    def __init__(self, status: int, headers: Mapping[str, str], words: str) -> None:
        super().__init__(f"HTTP {status}: {words}")
        self.after_s = min(_retry_after(headers), _LONGEST_ASKED_S)
        self.has_too_many = status in _CROWDED
        self.is_crowded = False
        """Whether it was sent others beside this one."""


class Refused(Permanent):
    """HTTP 400: the request itself."""


@dataclass(slots=True)
class Tries:
    """What one request has met so far."""

    request: Request
    folds: bool
    """Whether its system prompt goes into the first user message."""
    retries: int
    patience_s: float
    fitted: bool = False
    failed: int = 0
    _away_since: float = 0.0
    _crowded_since: float = 0.0
    _crowded: int = 0

    @property
    def is_new(self) -> bool:
        """Whether nothing has gone wrong with it."""
        return not (self.failed or self._crowded)

    def may_fold(self, fault: Permanent) -> bool:
        """Whether a refusal may be for the system prompt, which not every template takes."""
        has_system = self.request.chat[:1] and self.request.chat[0][0] == "system"
        return bool(has_system and not self.folds and _ROLES.search(str(fault)))

    def rest(self, fault: Transient) -> float:
        """Seconds until the next try.

        Raises:
            Fatal: the server has been away for too long.
            Transient: there is to be none.
        """
        now = time.monotonic()
        if isinstance(fault, Away):
            self._away_since = self._away_since or now
            if now - self._away_since >= self.patience_s:
                raise Fatal(
                    f"nobody has listened at {fault.url} for {self.patience_s:g} s ({fault}): start "
                    "the server again (server.patience_s)"
                ) from None
            return min(_LOOK_S, self.patience_s)
        self._away_since, asked = 0.0, 0.0
        if isinstance(fault, Busy):
            asked = fault.after_s
            self._crowded_since = self._crowded_since or now
            if fault.is_crowded and now - self._crowded_since < self.patience_s:
                self._crowded += 1
                return asked + self._wait(self._crowded)
        if self.failed == self.retries:
            raise fault
        self.failed += 1
        return asked + self._wait(self.failed - 1)

    def _wait(self, attempt: int) -> float:
        """Seconds before try `attempt` + 2: 0.5, 1, 2, ... with up to half of it off."""
        longest = min(_LONGEST_WAIT_S, 0.5 * 2.0**attempt)
        return longest * (1 - 0.5 * fraction("wait", self.request.seed, attempt))


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks for: a number of them, of milliseconds, or a date."""
    milliseconds, asked = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(milliseconds) / 1000 if milliseconds else float(asked or 0))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    return 0.0
