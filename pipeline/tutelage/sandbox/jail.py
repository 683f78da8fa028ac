"""The server from which every program is forked.

It holds no test and no answer. An order says which walls; the job itself is read by a process below,
when the program's has been forked:

    verifier's child ── server ── waits ── first process: tests (`test_runner`), or a whole program
                                               └── the program (`program_server`), confined

Whoever dies takes everything below along: by the parent-death signal, and the first process by
being the first of its process namespace.
"""

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tutelage.processes.pipe import Broken, Pipe
from tutelage.processes.worker import die_with, opened
from tutelage.sandbox import confine as walls
from tutelage.sandbox import program_server
from tutelage.sandbox.confine import Limits, adopt, confine, furnish, isolate, may_change_user
from tutelage.sandbox.test_runner import examine

if TYPE_CHECKING:
    from tutelage.sandbox.test_session import Run

_UID = 0x40000000
"""First of the user numbers that jobs get, one each, so that no two share a limit."""


def main(parent: str) -> None:
    """Has one job after another done, until the parent ends or hangs up."""
    pipe = opened(parent)
    os.chdir("/")

    def serve(run_tests: "Run") -> None:
        del sys.path[:-3]  # all but Python's library
        os.environ.clear()
        walls.prepare()
        gc.freeze()
        with contextlib.suppress(Broken):
            while True:
                job = _Job(pipe.receive(), run_tests, pipe)
                os.waitpid(_forked(job.wait, pipe), 0)

    from tutelage.sandbox.test_session import with_session  # a third of the start: once a server

    with_session(serve)


class _Job:
    """One job, as the processes below the server do it.

    Args:
        order: `kind`, `mode`, `limits`, and the `folder` where no namespace gives one.
        run_tests: what runs tests in the forms of pytest.
        pipe: to the server's parent.
    """

    def __init__(self, order: dict[str, Any], run_tests: "Run", pipe: Pipe) -> None:
        self._run_tests, self._pipe = run_tests, pipe
        self._do = self._tests if order["kind"] == "tests" else self._whole
        self._spaces = order["mode"] == "namespaces"
        self._limits = Limits(**order["limits"])
        self._folder = order["folder"] or "/tmp"
        self._server, self._uid = os.getpid(), 0

    def wait(self) -> None:
        """Forks the first process, and waits until it and all below are gone, or its time is over."""
        die_with(self._server)
        os.setsid()
        adopt()
        self._uid = _UID + os.getpid() % 0x400000
        if self._spaces:
            isolate()
        first = _forked(partial(self._work, os.getpid()), self._pipe)
        _, ended_by, late = _ended(first, self._limits.cpu_s, self._limits.total_s)
        if ended_by:
            fate = "timeout: all tests together" if late else "its first process died"
            self._pipe.send({"broken": fate})
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()

    def _work(self, parent: int) -> None:
        """The first process: does the job, and sends what came of it."""
        die_with(0 if self._spaces else parent)  # the first of a process namespace sees no parent
        if self._spaces:
            furnish(self._limits.file_mb)
        elif may_change_user():
            with contextlib.suppress(PermissionError):
                os.chown(self._folder, self._uid, self._uid)
        os.chdir(self._folder)
        self._pipe.send(self._do())

    def _tests(self) -> dict[str, Any]:
        """Forks the program's process, then reads the tests and becomes their process."""
        (down_r, down_w), (up_r, up_w) = os.pipe(), os.pipe()
        serve = program_server.ProgramServer(Pipe(down_r, up_w)).serve
        program = self._confined(serve, {down_r, up_w})
        os.close(down_r)
        os.close(up_w)
        limits = self._limits
        own = replace(limits, cpu_s=int(limits.total_s) + 1, memory_mb=2 * limits.memory_mb)
        confine(own, self._uid, self._folder, os.getppid())
        end = Pipe(up_r, down_w, limits.output_kb * 1024)
        result = examine(self._run_tests, self._pipe.receive(), end, limits.wall_s)
        ended_by = _ended(program, limits.cpu_s)[1] if result["fate"] == "ended" else 0
        return {**result, "ended_by": ended_by}

    def _whole(self) -> dict[str, Any]:
        """Runs a whole program on one input, in files of memory; gives its output, errors and end."""
        job, limits = self._pipe.receive(), self._limits
        given, out, errors = files = [os.memfd_create(name) for name in ("in", "out", "errors")]
        os.write(given, job["stdin"].encode("utf-8", "surrogatepass"))
        os.lseek(given, 0, os.SEEK_SET)

        def run() -> None:
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            program_server.play(job["setup"], job["program"])

        program = self._confined(run, {*files})
        status, ended_by, late = _ended(program, limits.cpu_s, limits.wall_s)
        flooded = os.fstat(out).st_size > limits.output_kb * 1024
        fate = "timeout" if late else "output" if flooded else "ended" if ended_by else ""
        printed = b"" if fate else os.pread(out, limits.output_kb * 1024, 0)
        return {
            "stdout": printed.decode("utf-8", "replace"),
            "stderr": os.pread(errors, 1 << 20, 0).decode("utf-8", "replace")[-2000:],
            "fate": fate, "status": status, "ended_by": ended_by,
        }  # fmt: skip

    def _confined(self, do: Callable[[], None], kept: set[int]) -> int:
        """Forks the process of a program, which keeps some descriptors; its id."""
        here = os.getpid()

        def run() -> None:
            for descriptor in {*range(3, self._limits.open_files)} - kept:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            confine(self._limits, self._uid, self._folder, here)
            for name in [name for name in sys.modules if name.partition(".")[0] == "tutelage"]:
                del sys.modules[name]  # a program finds none of our modules
            do()

        return _forked(run)


def _forked(do: Callable[[], object], pipe: Pipe | None = None) -> int:
    """A new process that does something and ends; its id. What goes wrong is told to the pipe."""
    if process := os.fork():
        return process
    try:
        do()
        os._exit(0)
    except BaseException as error:
        if pipe:
            pipe.send({"broken": f"{type(error).__name__}: {error}"[:300]})
    finally:
        os._exit(1)


def _ended(process: int, cpu_s: int, within_s: float = 0) -> tuple[int, int, bool]:
    """Waits for a process: its exit status, the signal that ended it, whether that was too late.

    Args:
        process: its id.
        cpu_s: a kill after so many seconds of the processor is SIGXCPU.
        within_s: seconds by the clock until it is killed; 0 for no end.
    """
    end = time.monotonic() + within_s
    signal.signal(signal.SIGALRM, lambda *_: os.kill(process, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, within_s)
    _, status, used = os.wait4(process, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    ended_by = os.WTERMSIG(status)
    late = ended_by == signal.SIGKILL and time.monotonic() >= end
    if ended_by == signal.SIGKILL and used.ru_utime + used.ru_stime >= cpu_s:
        ended_by = signal.SIGXCPU
    return os.WEXITSTATUS(status), ended_by, late
