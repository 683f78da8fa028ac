"""The server from which every program is forked: `python -P -s -S -c "...jail.main()"`.

It starts with an empty environment, holds no test and no answer, and does nothing but fork. Each
order comes with two pipes: one to read the job from, one for the result. The fork makes namespaces,
and in them a first process, which forks the program's before it reads any test:

    verifier's child ── server ── waits ── first process: tests (`test_runner`), or stdin and stdout
                                               └── the program (`program_server`), confined

Whoever dies takes everything below along: by the parent-death signal, and the first process by
being the first of its process namespace. What is judged is said by `test_runner`, whose process the
program cannot reach, and for whole programs by `code`, far away.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import replace
from typing import Any, NoReturn

from tutelage.sandbox import program_server
from tutelage.sandbox.confine import (
    Limits,
    adopt,
    confine,
    die_with,
    furnish,
    isolate,
    may_change_user,
)
from tutelage.sandbox.test_runner import examine
from tutelage.sandbox.wire import Pipe

_UID = 0x40000000
"""First of the user numbers that jobs get, one each, so that no two share a limit."""


def main(descriptor: int, parent: int, root: str) -> None:
    """Forks one process for each order, until the socket closes. `root` is where our package is."""
    die_with(parent)
    os.environ.clear()
    sys.path.remove(root)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(fileno=descriptor)
    here = os.getpid()
    while True:
        data, pipes, _, _ = socket.recv_fds(server, 65536, 2)
        if not data:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            _job(json.loads(data), here, *pipes)
        for pipe in pipes:
            os.close(pipe)


def _job(order: dict[str, Any], parent: int, source: int, sink: int) -> None:
    """One job: a process that sees to the end of all others, and the first of those. Never returns.

    Args:
        order: `kind`, `mode`, `limits`, and `folder` where no namespace gives one.
        parent: the server.
        source: where the job is read from.
        sink: where the result goes.
    """
    try:
        die_with(parent)
        os.setsid()
        adopt()
        spaces = order["mode"] == "namespaces"
        if spaces:
            isolate()
        here = os.getpid()
        if first := os.fork():
            os.close(source)
            _see_out(first, order["limits"]["total_s"], sink)
        die_with(0 if spaces else here)  # the first of a process namespace sees no parent
        limits = Limits(**order["limits"])
        uid = _UID + here % 0x400000
        folder = order.get("folder", "/tmp")
        if spaces:
            furnish(limits.file_mb)
        elif may_change_user():
            with contextlib.suppress(PermissionError):
                os.chown(folder, uid, uid)
        os.chdir(folder)
        _null()
        act = _tests if order["kind"] == "tests" else _program
        result = act(limits, uid, folder, source, sink)
    except BaseException as error:
        result = {"broken": f"{type(error).__name__}: {error}"[:300]}
    with contextlib.suppress(OSError):
        data = json.dumps(result).encode()
        while data:
            data = data[os.write(sink, data) :]
    os._exit(0)


def _see_out(first: int, seconds: float, sink: int) -> NoReturn:
    """Waits until `first` and all below it are gone, and ends them when the time is over."""
    late = False

    def end(*_: object) -> None:
        nonlocal late
        late = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    if late:
        with contextlib.suppress(OSError):
            os.write(sink, b'{"broken": "timeout: all tests together"}')
    os._exit(0)


def _tests(limits: Limits, uid: int, folder: str, source: int, sink: int) -> dict[str, Any]:
    """Forks the program's process, then reads the job and becomes the tests' process."""
    down, up = os.pipe(), os.pipe()
    here = os.getpid()
    program = os.fork()
    if program == 0:
        try:
            for end in (source, sink, down[1], up[0]):
                os.close(end)
            confine(limits, uid, folder, here)
            _forget()
            program_server.ProgramServer(Pipe(down[0], up[1], 1 << 30)).serve()
        finally:
            os._exit(0)
    os.close(down[0])
    os.close(up[1])
    own = replace(limits, cpu_s=int(limits.total_s) + 1, memory_mb=2 * limits.memory_mb)
    confine(own, uid, folder, os.getppid())
    job = json.loads(_all(source))
    result = examine(job, Pipe(up[0], down[1], limits.output_kb * 1024), limits.wall_s)
    ended_by = _end_of(program, limits)[1] if result["fate"] == "ended" else 0
    return {**result, "ended_by": ended_by}


def _program(limits: Limits, uid: int, folder: str, source: int, sink: int) -> dict[str, Any]:
    """Runs a whole program on one input; gives its output, errors and end."""
    job = json.loads(_all(source))
    ends = [os.pipe() for _ in range(3)]
    here = os.getpid()
    program = os.fork()
    if program == 0:
        try:
            for number, end in enumerate((ends[0][0], ends[1][1], ends[2][1])):
                os.dup2(end, number)
            os.closerange(3, 256)
            confine(limits, uid, folder, here)
            _forget()
            program_server.play(job["setup"], job["program"])
        finally:
            os._exit(1)
    for end in (ends[0][0], ends[1][1], ends[2][1]):
        os.close(end)
    given = job["stdin"].encode("utf-8", "surrogatepass")
    texts, fate = _feed(ends[0][1], ends[1][0], ends[2][0], given, limits)
    if fate:
        os.kill(program, signal.SIGKILL)
    status, ended_by = _end_of(program, limits)
    return {
        "stdout": texts[0].decode("utf-8", "replace"),
        "stderr": texts[1].decode("utf-8", "replace")[-2000:],
        "fate": fate,
        "status": status,
        "ended_by": 0 if fate else ended_by,
    }


def _end_of(program: int, limits: Limits) -> tuple[int, int]:
    """Exit status of a program, and the signal that ended it; a kill for its time is SIGXCPU."""
    _, status, used = os.wait4(program, 0)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status), 0
    late = os.WTERMSIG(status) == signal.SIGKILL and used.ru_utime + used.ru_stime >= limits.cpu_s
    return 0, signal.SIGXCPU if late else os.WTERMSIG(status)


def _feed(
    into: int, out: int, errors: int, given: bytes, limits: Limits
) -> tuple[list[bytearray], str]:
    """Writes a program's input while it reads its output, within time and size."""
    texts = {out: bytearray(), errors: bytearray()}
    deadline = time.monotonic() + limits.wall_s
    view = memoryview(given)
    poll = select.poll()
    poll.register(out, select.POLLIN)
    poll.register(errors, select.POLLIN)
    if view:
        os.set_blocking(into, False)
        poll.register(into, select.POLLOUT)
    else:
        os.close(into)
    opened = {out, errors}
    fate = ""
    while opened and not fate:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            fate = "timeout"
        for descriptor, _ in ready:
            if descriptor == into:
                try:
                    view = view[os.write(into, view[:65536]) :]
                except OSError:
                    view = view[:0]
                if not view:
                    poll.unregister(into)
                    os.close(into)
                continue
            block = os.read(descriptor, 65536)
            if not block:
                poll.unregister(descriptor)
                opened.remove(descriptor)
            texts[descriptor] += block
            if len(texts[descriptor]) > limits.output_kb * 1024:
                fate = "output"
    return [texts[out], texts[errors]], fate


def _all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def _null() -> None:
    """Nothing to read, and nowhere to print to."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def _forget() -> None:
    """A program finds none of our modules."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "tutelage"]:
        del sys.modules[name]
