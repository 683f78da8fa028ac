"""Looks after a vLLM server of ours: starts it again when it dies or hangs, within a budget.

Clients see a server that is away, and wait for it (`engines.server`); its URL stays the same. What
it worked on is asked again. When the budget is spent, whoever runs the server is told, once.
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
    """While entered, the server runs, or `lost` has been called with the reason."""

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
        self._speak = say
        self._lost = lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vllm supervisor", daemon=True)
        self._begin()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the watch. A start that is under way is not waited for; the server's end ends it."""
        self._stop.set()
        self._thread.join(timeout=2 * _LOOK_S)

    def _begin(self) -> None:
        self._computed = -1.0
        self._moved = time.monotonic()

    def _watch(self) -> None:
        left = self._budget
        while not self._stop.wait(_LOOK_S):
            trouble = self._trouble()
            while trouble and not self._stop.is_set():
                if left == 0:
                    self._lost(
                        f"vLLM {trouble}, after {self._budget} restarts (vllm.restarts); "
                        "run the same command again to go on"
                    )
                    return
                left -= 1
                nth = self._budget - left
                self._say(f"vLLM {trouble}; starting it again ({nth} of {self._budget})")
                try:
                    self._server.restart()
                    trouble = ""
                except Exception as fault:  # whatever it was, such as a full disk: not this thread
                    trouble = f"does not start again: {fault}"
                self._begin()

    def _say(self, words: str) -> None:
        """What nobody can hear, because a terminal or a pipe is gone, stops no watch."""
        with contextlib.suppress(Exception):
            self._speak(words)

    def _trouble(self) -> str:
        """What is wrong with the server; empty where nothing is."""
        if not self._server.alive():
            with contextlib.suppress(OSError):
                return f"died: {cause(self._server.log)}"
            return f"died (its log cannot be read: {self._server.log})"
        try:
            options = {"headers": access.headers(), "trust_env": False}
            options["timeout"] = min(10.0, self._stall_s)
            _, body = bodies.get(f"{self._server.url.removesuffix('/v1')}/metrics", options)
            metrics = parse(body.text(bodies.SMALL))
        except Exception:  # away, or no server that we know: it had better move on soon
            metrics = {"running": 1.0}
        computed = metrics.get("prompt_tokens", 0.0) + metrics.get("completion_tokens", 0.0)
        idle = not metrics.get("running", 0.0) and not metrics.get("waiting", 0.0)
        if idle or ("prompt_tokens" in metrics and computed != self._computed):
            self._computed = computed
            self._moved = time.monotonic()
        if time.monotonic() - self._moved > self._stall_s:
            return f"has computed nothing for {self._stall_s:g} s with requests in hand"
        return ""
