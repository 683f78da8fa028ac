"""Restarts a vLLM server of ours that dies or hangs, within a budget of restarts.

The server's URL stays the same. Clients wait while it is down and send their requests again
(`engines.server`). When the budget is spent, the supervisor reports the loss once.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Self

from tutelage.engines import access, bodies
from tutelage.engines.launch import VllmServer, cause
from tutelage.engines.metrics import parse
from tutelage.settings import Vllm

_LOOK_S = 1.0


class Supervisor:
    """Context manager: the server is kept running until `lost` is called with a reason."""

    def __init__(
        self,
        server: VllmServer,
        settings: Vllm,
        say: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        self._server = server
        self._budget = settings.restarts
        self._stall_s = settings.stall_s
        self._report = say
        self._lost = lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vllm supervisor", daemon=True)
        self._reset()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops supervising. Does not wait for a restart in progress, which ends with the server."""
        self._stop.set()
        self._thread.join(timeout=2 * _LOOK_S)

    def _reset(self) -> None:
        self._computed = -1.0
        self._last_progress = time.monotonic()

    def _watch(self) -> None:
        budget = self._budget
        while not self._stop.wait(_LOOK_S):
            trouble = self._trouble()
            while trouble and not self._stop.is_set():
                if budget == 0:
                    self._lost(
                        f"vLLM {trouble}, after {self._budget} restarts (vllm.restarts); "
                        "run the same command again to go on"
                    )
                    return
                budget -= 1
                number = self._budget - budget
                self._say(f"vLLM {trouble}; starting it again ({number} of {self._budget})")
                try:
                    self._server.restart()
                    trouble = ""
                except (
                    Exception
                ) as fault:  # any failure, such as a full disk: this thread must survive
                    trouble = f"does not start again: {fault}"
                self._reset()

    def _say(self, words: str) -> None:
        """Reports to a terminal or pipe that may be gone."""
        with contextlib.suppress(Exception):
            self._report(words)

    def _trouble(self) -> str:
        """What is wrong with the server; empty if nothing is."""
        if not self._server.alive():
            with contextlib.suppress(OSError):
                return f"died: {cause(self._server.log)}"
            return f"died (its log cannot be read: {self._server.log})"
        try:
            options = {"headers": access.headers(), "trust_env": False}
            options["timeout"] = min(10.0, self._stall_s)
            _, body = bodies.get(f"{self._server.url.removesuffix('/v1')}/metrics", options)
            metrics = parse(body.text(bodies.SMALL))
        except Exception:  # unreachable, or not vLLM: treated as busy without progress
            metrics = {"running": 1.0}
        computed = metrics.get("prompt_tokens", 0.0) + metrics.get("completion_tokens", 0.0)
        idle = not metrics.get("running", 0.0) and not metrics.get("waiting", 0.0)
        if idle or ("prompt_tokens" in metrics and computed != self._computed):
            self._computed = computed
            self._last_progress = time.monotonic()
        if time.monotonic() - self._last_progress > self._stall_s:
            return f"has computed nothing for {self._stall_s:g} s with requests in hand"
        return ""
