"""Stops a run in which too many dialogues fail, before it wastes a night.

A single failed dialogue is data. If most of the last few hundred fail, something is wrong that the
run cannot repair: a wrong key, a server that answers nonsense, prompts that are too long. Those
failures say nothing about their problems, so a resumed run plays them again.
"""

from collections import Counter, deque

from tutelage.errors import RunFailed
from tutelage.records import Dialogue

_FEW = 10
"""Number of dialogues below which a rate says nothing."""


class CircuitBreaker:
    """Watches the share of failures among the last `window` dialogues."""

    def __init__(self, window: int, limit: float) -> None:
        self._limit = limit
        self._last: deque[Dialogue | None] = deque(maxlen=window)

    def record(self, ended: Dialogue) -> None:
        """Counts a dialogue that has ended."""
        failed = ended.outcome is not None and ended.outcome.status == "failed"
        self._last.append(ended if failed else None)

    def tripped(self, is_drained: bool) -> bool:
        """Whether too many fail. Before the window is full, that is decided only when all dialogues
        have ended (`is_drained`), because failing dialogues end first.
        """
        whole = len(self._last) == self._last.maxlen or (is_drained and len(self._last) >= _FEW)
        return whole and len(self.failed) > self._limit * len(self._last)

    @property
    def failed(self) -> list[Dialogue]:
        """The failed dialogues of the window."""
        return [dialogue for dialogue in self._last if dialogue is not None]

    def fault(self) -> RunFailed:
        """The error to raise, with the number of failures and the commonest reason."""
        reasons = Counter(d.outcome.reason for d in self.failed if d.outcome is not None)
        (reason, often), *_ = reasons.most_common(1)
        return RunFailed(
            f"{len(self.failed)} of the last {len(self._last)} dialogues failed, most often "
            f"({often}) of: {reason[:300]}; put it right and run the same command again, it plays "
            "them anew (driver.failure_limit says how much may fail)"
        )
