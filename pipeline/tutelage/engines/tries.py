"""Decides when a failed request is retried, and when to give up.

Failures that may pass (connection, 408, 409, 429, 5xx) are retried with back-off and jitter, and no
sooner than the server asks (`Retry-After`). A server that refuses connections is starting or
restarting, so the client waits for it. A 429 or 503 does not count as a failure of the request
while others are in flight.
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
"""HTTP statuses that may pass."""
_CROWDED = {429, 503, 529}
"""Statuses of an overloaded server; 529 is Anthropic's."""
_LONGEST_WAIT_S = 30.0
_LONGEST_ASKED_S = 120.0
"""Upper bound of a delay from `Retry-After`."""
_LOOK_S = 2.0
"""Interval between attempts to reach a server that is down."""
_ROLES = re.compile("system|role|alternat", re.IGNORECASE)


class Away(Transient):
    """The server refuses connections."""

    def __init__(self, url: str, words: str) -> None:
        super().__init__(words)
        self.url = url


class Busy(Transient):
    """A temporary refusal; `after_s`: the least delay before a retry, if the server names one."""

    def __init__(self, status: int, headers: Mapping[str, str], words: str) -> None:
        super().__init__(f"HTTP {status}: {words}")
        self.after_s = min(_retry_after(headers), _LONGEST_ASKED_S)
        self.has_too_many = status in _CROWDED
        self.is_crowded = False
        """Whether other requests were in flight beside this one."""


class Refused(Permanent):
    """HTTP 400: the request itself is at fault."""


@dataclass(slots=True)
class Tries:
    """The retry state of one request."""

    request: Request
    folds: bool
    """Whether its system prompt is merged into the first user message."""
    retries: int
    patience_s: float
    fitted: bool = False
    failed: int = 0
    _away_since: float = 0.0
    _crowded_since: float = 0.0
    _crowded: int = 0

    @property
    def is_new(self) -> bool:
        """Whether it has not failed yet."""
        return not (self.failed or self._crowded)

    def may_fold(self, fault: Permanent) -> bool:
        """Whether a refusal may be due to the system prompt, which some templates reject."""
        has_system = self.request.chat[:1] and self.request.chat[0][0] == "system"
        return bool(has_system and not self.folds and _ROLES.search(str(fault)))

    def rest(self, fault: Transient) -> float:
        """Seconds to wait before the next try.

        Raises:
            Fatal: the server has been unreachable for too long.
            Transient: there are no retries left.
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
        self._away_since, requested = 0.0, 0.0
        if isinstance(fault, Busy):
            requested = fault.after_s
            self._crowded_since = self._crowded_since or now
            if fault.is_crowded and now - self._crowded_since < self.patience_s:
                self._crowded += 1
                return requested + self._wait(self._crowded)
        if self.failed == self.retries:
            raise fault
        self.failed += 1
        return requested + self._wait(self.failed - 1)

    def _wait(self, attempt: int) -> float:
        """Seconds before try `attempt` + 2: 0.5, 1, 2, ..., reduced by up to half at random."""
        longest = min(_LONGEST_WAIT_S, 0.5 * 2.0**attempt)
        return longest * (1 - 0.5 * fraction("wait", self.request.seed, attempt))


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks for, given in seconds, in milliseconds, or as a date."""
    milliseconds, requested = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(milliseconds) / 1000 if milliseconds else float(requested or 0))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(requested).timestamp() - time.time())
    return 0.0
