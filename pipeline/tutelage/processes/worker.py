"""A Python child process at the other end of a pipe, which may hang, grow or die at any time."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tutelage.processes.pipe import Pipe

_START = """
import sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
getattr(import_module(sys.argv[2]), "main")(*sys.argv[3:])
"""
_ROOT = str(Path(__file__).resolve().parents[2])
_PR_SET_PDEATHSIG = 1


class Worker:
    """Runs `main(parent, *arguments)` of a module. Used by one thread, except for `stop`."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
    ) -> None:
        """Starts the process.

        Args:
            environment: the complete environment; nothing is inherited.
            options: options of Python.
        """
        command = [sys.executable, "-P", *options, "-c", _START, _ROOT, module, str(os.getpid())]
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._ends = (self._process.stdin, self._process.stdout)
        self.pipe = Pipe(self._process.stdout.fileno(), self._process.stdin.fileno())
        self.alive = True
        """Whether it has not been killed from here."""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: object, within_s: float) -> None:
        """Sends a message, and sets the deadline for the response.

        Raises:
            Broken: see `Pipe`.
        """
        self.pipe.deadline = time.monotonic() + within_s
        self.pipe.send(message)

    def receive(self) -> Any:
        """The next message.

        Raises:
            Broken: see `Pipe`.
        """
        return self.pipe.receive()

    def stop(self) -> None:
        """Kills the process at once, from any thread; the thread that uses it cleans up."""
        self._process.kill()

    def kill(self) -> int:
        """Kills the process; returns its exit status, its own if it had ended by itself."""
        self.alive = False
        try:
            status = self._process.wait(timeout=0.05 if self._process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.close()
        return status


def opened(parent: str) -> Pipe:
    """To be called first in a worker: the pipe to `parent`, which also ends the worker when it
    ends.

    Afterwards standard input and output are not available for anything else.
    """
    die_with(int(parent))
    pipe = Pipe(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
    return pipe


def die_with(parent: int, number: int = signal.SIGKILL) -> None:
    """On Linux, has the signal sent to this process when its parent `parent` ends in any way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
