"""Starts one vLLM server for all processes of this machine, and ensures that it stops.

The server runs under a small reaper process (`processes.reaper`) that holds the other end of a pipe
to us. When the pipe closes, because we closed it or were killed, the reaper kills the server's
whole process group, so no orphan keeps a GPU. The log is kept in the run folder. Requests need the
server's key (`access`).
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
from tutelage.engines.vllm_options import advised, arguments, prepare, server_variables
from tutelage.errors import Fatal, ModelError, Transient
from tutelage.processes.supervised import Supervised
from tutelage.settings import Settings

_LOOK_S = 0.5
_TELLING = re.compile(
    r"(?:Value error,|\w*(?:Error|Exception):) *\S[^\n]*|out of memory[^\n]*|no space left[^\n]*",
    re.IGNORECASE,
)
_POINTER = "See root cause above"
"""vLLM's API process logs only this when its engine process failed."""


class VllmServer:
    """A vLLM server that stops when this object is closed or this process ends."""

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
            settings: Options of vLLM.
            model: The model to serve.
            log: File that the server's output is appended to.
            say: Called with a message at each start.
            name: The model's name on the server; `model` if empty.
            more: Further engine arguments.
            environment: Variables added to this process's environment for the server.
            stopped: Polled during the start; true aborts it.

        Raises:
            ModelError: it could not start; the message has the log's last error and the setting to
                lower.
            Fatal: it was not ready in time, or `stopped` returned true.
        """
        self.log = log
        self._settings = settings
        self._model = model
        self._name = name or model
        self._engine_arguments = dict(more or {})
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
        """Whether the server process is running."""
        return self._process.is_alive()

    def restart(self, model: str = "") -> None:
        """Stops the server if it runs and starts it again at the same URL. Raises as the
        constructor does.

        A given `model` replaces the current one, under the same name.
        """
        self._end()
        self._model = model or self._model
        self._start()

    def stop(self) -> None:
        """Stops the server; its port stays reserved for `restart`."""
        self._end()

    def close(self) -> None:
        """Stops the server and waits until it has ended."""
        self._end()
        self._reservation.close()

    def _end(self) -> None:
        self._process.end(within_s=20)

    def _start(self) -> None:
        environment = {access.KEY_VARIABLE: access.key()} | server_variables(self._settings.vllm)
        command = command_line(
            self._settings, self._model, self._name, self._port, self._engine_arguments
        )
        self._process = Supervised(command, self.log, environment | self._environment)
        try:
            with contextlib.suppress(OSError):  # the terminal or pipe may be closed
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
    """The command that starts vLLM; `more`: as in `VllmServer`."""
    prepare(settings.vllm)
    options = arguments(weights.on_this_machine(model), settings, models.is_bundled(model))
    options |= {"host": "127.0.0.1", "port": port, "served_model_name": name}
    # Sampling parameters come from the request. By default a server fills in the model's
    # recommended ones (top_k, penalties); vLLM in this process does not.
    options = {"generation_config": "vllm", "middleware": access.MIDDLEWARE} | options | dict(more)
    command = [sys.executable, "-m", "tutelage.engines.serve"]
    for key, value in options.items():
        flag = key.replace("_", "-")
        if value is True:
            command.append(f"--{flag}")
        elif value is False:
            command.append(f"--no-{flag}")
        else:
            text = json.dumps(value) if isinstance(value, dict | list) else str(value)
            command += [f"--{flag}", text]
    return [*command, "--disable-uvicorn-access-log"]


def _reserved() -> tuple[socket.socket, int]:
    """Reserves a loopback port with a socket that never listens.

    vLLM binds its port long after it was chosen, and with SO_REUSEPORT: two servers on one port
    would silently share its requests. While this socket is open, the kernel gives the port to no
    process that asks for a free one; a server that names the port can still bind it.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation, int(reservation.getsockname()[1])


def free_port() -> int:
    """A loopback port that is free at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cause(log: Path) -> str:
    """The last error in a server's log, with advice for known ones."""
    text = log.read_text("utf-8", "replace")[-200_000:] if log.exists() else ""
    causes = [m[0] for m in _TELLING.finditer(text) if _POINTER not in m[0]]
    last = " ".join(
        (causes or text.strip().splitlines() or ["it ended without a word"])[-1].split()
    )
    return f"{advised(last[:300])} (log: {os.fspath(log)})"
