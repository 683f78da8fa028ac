"""Starts one vLLM server for all processes of this machine, and makes sure that it ends.

The server runs under a small reaper process (`processes.reaper`) that holds the other end of a pipe
to us. When the pipe closes, because we closed it or because we were killed, the reaper kills the
server's whole process group: no orphan holds a GPU. Its log is kept in the run folder. It answers
who has its key (`access`).
"""

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tutelage import models
from tutelage.engines import access, bodies, weights
from tutelage.engines.vllm_options import arguments, prepare
from tutelage.errors import Fatal, ModelError, Transient
from tutelage.processes.supervised import Supervised
from tutelage.settings import Settings

_LOOK_S = 0.5
_TELLING = re.compile(
    r"(?:Value error,|\w*(?:Error|Exception):) *\S[^\n]*|out of memory[^\n]*|no space left[^\n]*",
    re.IGNORECASE,
)
_POINTER = "See root cause above"
"""vLLM's API process says no more than this when its engine process is what failed."""


class VllmServer:
    """A vLLM server that lives as long as this object, or this process if that is shorter."""

    def __init__(
        self,
        settings: Settings,
        model: str,
        log: Path,
        say: Callable[[str], None] | None = None,
        *,
        name: str = "",
        more: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        """Starts the server and returns when it is healthy.

        Args:
            settings: How vLLM is started.
            model: What it serves.
            log: What it says is added there.
            say: Is told of a start.
            name: The model's name at the server; its own where empty.
            more: Further arguments of the engine.
            environment: Added to this process's, for the server.
            stopped: Asked while the server starts; true ends that.

        Raises:
            ModelError: it could not start; says the log's last cause and which setting to lower.
            Fatal: it was not ready in time, or `stopped` said so.
        """
        self.log = log
        self._settings = settings
        self._model = model
        self._name = name or model
        self._more = dict(more or {})
        self._environment = dict(environment or {})
        self._say = say or (lambda _: None)
        self._stopped = stopped or (lambda: False)
        self._reservation, self._port = _reserved()
        try:
            self._start()
        except BaseException:
            self._reservation.close()
            raise

    @property
    def url(self) -> str:
        """Base URL of its OpenAI API."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process.is_alive()

    def restart(self, model: str = "") -> None:
        """Ends what is left of the server and starts it again, at the same URL. Raises as at first.

        With another `model` where one is given; it goes by the name of the first.
        """
        self._end()
        self._model = model or self._model
        self._start()

    def stop(self) -> None:
        """Ends the server; its port stays ours, for `restart`."""
        self._end()

    def close(self) -> None:
        """Ends the server and waits until it is gone."""
        self._end()
        self._reservation.close()

    def _end(self) -> None:
        self._process.end(within_s=20)

    def _start(self) -> None:
        environment = {access.KEY_VARIABLE: access.key()} | self._environment
        command = command_line(self._settings, self._model, self._name, self._port, self._more)
        self._process = Supervised(command, self.log, environment)
        try:
            with contextlib.suppress(OSError):  # nobody may be there to hear it
                self._say(f"starting vLLM for {self._model} (log: {self.log})")
            self._await()
        except BaseException:
            self._end()
            raise

    def _await(self) -> None:
        limit = time.monotonic() + self._settings.vllm.start_timeout_s
        health = f"http://127.0.0.1:{self._port}/health"
        while time.monotonic() < limit:
            if not self.alive():
                raise ModelError(f"vLLM did not start for {self._model!r}: {cause(self.log)}")
            if self._stopped():
                raise Fatal(f"the start of vLLM for {self._model!r} was interrupted")
            with contextlib.suppress(httpx.HTTPError, Transient):
                page, _ = bodies.get(health, {"timeout": 2.0, "trust_env": False})
                if page.status_code == 200:
                    return
            time.sleep(_LOOK_S)
        limit_s = self._settings.vllm.start_timeout_s
        raise Fatal(f"vLLM was not ready after {limit_s:.0f} s (log: {self.log})")


def command_line(
    settings: Settings, model: str, name: str, port: int, more: Mapping[str, Any]
) -> list[str]:
    """The words that start vLLM, which serves `model` by this name; `more`: as in `VllmServer`."""
    prepare(settings.vllm)
    chosen = arguments(weights.on_this_machine(model), settings, models.is_bundled(model))
    chosen |= {"host": "127.0.0.1", "port": port, "served_model_name": name}
    # Sampling is what the request says. By default a server fills in the model's own advice (top_k,
    # penalties), which vLLM in this process does not.
    chosen = {"generation_config": "vllm", "middleware": access.MIDDLEWARE} | chosen | dict(more)
    words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    for key, value in chosen.items():
        flag = key.replace("_", "-")
        if value is True:
            words.append(f"--{flag}")
        elif value is False:
            words.append(f"--no-{flag}")
        else:
            text = json.dumps(value) if isinstance(value, dict | list) else str(value)
            words += [f"--{flag}", text]
    return [*words, "--disable-uvicorn-access-log"]


def _reserved() -> tuple[socket.socket, int]:
    """A loopback port, kept by a socket that never listens.

    vLLM binds its port long after it was chosen, and with SO_REUSEPORT: two servers at one port
    would share its requests without a word. While this socket is open, the system gives the port to
    nobody who asks for a free one; a server that names it can still bind it.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation, int(reservation.getsockname()[1])


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cause(log: Path) -> str:
    """The last words of a server's log that name an error, and what to do where that is known."""
    text = log.read_text("utf-8", "replace")[-200_000:] if log.exists() else ""
    causes = [m[0] for m in _TELLING.finditer(text) if _POINTER not in m[0]]
    last = " ".join(
        (causes or text.strip().splitlines() or ["it ended without a word"])[-1].split()
    )
    last = last[:300]
    if "kv cache" in last.lower():
        last += "; raise vllm.gpu_memory_utilization (on a CPU vllm.kv_cache_gb)"
        last += " or lower vllm.max_model_len"
    elif "memory" in last.lower():
        last += "; lower vllm.gpu_memory_utilization, vllm.max_num_seqs or vllm.max_model_len"
    return f"{last} (log: {os.fspath(log)})"
