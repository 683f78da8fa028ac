"""Runs a student's program where it can do no harm, and its tests where it cannot reach them.

Covered, each by a test that tries: endless loops and sleeps, memory, processes and threads, floods
of output, large files, network, files of others, other processes and their environment, and every
way of passing tests without being right that comes from running beside them (see `test_runner`).

    wall time, processor time, memory, file size, open files, threads      limits of `Limits`
    a process, program, socket, signal or trace of its own                 seccomp
    modes, owners, times and attributes of files, priorities of processes  seccomp
    files but Python's library (read) and an empty folder (write)          mount namespace, Landlock
    other processes, network, host name                                    namespaces
    the parent's environment                                               the server starts empty

Not covered: faults in the kernel; timing and other side channels; a full disk under many small
files, where there is no mount namespace; more than one core by threads; packages outside Python's
library (they are not there); tests that are malicious themselves (they run confined, too, but may
say what they like of a program), or that `eval` what a program returns. Whoever kills this process
while a program runs finds an empty folder left in the temporary folder, in the mode `landlock`.

It needs Linux, and of its kernel either namespaces (as root, or as a user who may make them) or
Landlock. Whether that is enough is tried out once, by a program that tries to get out. Where it
is not, nothing is run: `Unsafe`.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tutelage
from tutelage.sandbox.confine import Limits

_START = """
import sys
sys.path.insert(0, sys.argv[3])
from tutelage.sandbox import jail
jail.main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
"""
_PROBE = '''
import fcntl, os, socket
def probe():
    """Names what this process can do and should not."""
    def fork():
        if os.fork() == 0:
            os._exit(0)
    acts = {
        "make processes": fork,
        "send signals": lambda: os.kill(os.getppid(), 0),
        "open sockets": socket.socket,
        "read /etc/passwd": lambda: open("/etc/passwd").close(),
        "read the parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").close(),
    }
    file = open("own", "w").name
    acts |= {
        "send signals by a file": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()),
        "choose such signals": lambda: fcntl.fcntl(0, 10, 15),
        "change modes of files": lambda: os.chmod(file, 0o600),
        "change times of files": lambda: os.utime(file, (1, 1)),
        "change owners of files": lambda: os.chown(file, -1, -1),
        "cut files": lambda: os.truncate(file, 0),
        "write attributes of files": lambda: os.setxattr(file, "user.a", b"1"),
        "slow other processes": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    }
    for folder in ("/", "/var/tmp", "/dev/shm"):
        acts["write to " + folder] = lambda folder=folder: open(folder + "/tutelage-probe", "w")
    found = []
    for name, act in acts.items():
        try:
            act()
            found.append(name)
        except OSError:
            pass
    return found
'''
MODES = ("namespaces", "landlock")
"""Kinds of walls, the stronger first. Both have limits and a seccomp filter besides."""
_SLACK = 5.0
"""Seconds beyond the limits before the server itself is given up."""
_LARGEST_RESULT = 64 * 2**20


class Unsafe(Exception):
    """Programs cannot be run safely on this machine; the words say what they could do."""


class Failed(Exception):
    """The sandbox itself failed, or passed all its time."""


class Sandbox:
    """A place to run programs, one after another. Belongs to one thread."""

    def __init__(self, limits: Limits | None = None, modes: tuple[str, ...] = MODES) -> None:
        self.limits = limits or Limits()
        self.mode = ""
        """The first of `modes` that holds here; known once a program has been run."""
        self._modes = modes
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def tests(self, setup: str, program: str, tests: list[str], entry_point: str) -> dict[str, Any]:
        """What `test_runner.examine` found, and `ended_by`, the signal that ended the program.

        Raises:
            Unsafe, Failed
        """
        self._settle()
        job = {"setup": setup, "program": program, "tests": tests, "entry_point": entry_point}
        return self._run("tests", self.mode, job)

    def program(self, setup: str, program: str, stdin: str) -> dict[str, Any]:
        """`stdout`, `stderr`, exit `status`, `fate` and `ended_by` of a whole program.

        Raises:
            Unsafe, Failed
        """
        self._settle()
        return self._run("program", self.mode, {"setup": setup, "program": program, "stdin": stdin})

    def close(self) -> None:
        """Ends the server and everything below it."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        if self._socket is not None:
            self._socket.close()
        self._server = self._socket = None

    def _settle(self) -> None:
        """Finds the mode, by trying to break out of it."""
        if self.mode:
            return
        if sys.platform != "linux":
            raise Unsafe("it is not Linux")
        job = {"setup": "", "program": _PROBE, "entry_point": "probe"}
        found = []
        for mode in self._modes:
            try:
                seen = self._run(
                    mode=mode, kind="tests", job={**job, "tests": ["assert probe() == []"]}
                )
            except Failed as error:
                found.append(f"{mode}: {error}")
                continue
            if seen["passed"] == 1:
                self.mode = mode
                return
            found.append(f"{mode}: a program can {seen['first_failure']}")
        raise Unsafe("; ".join(found))

    def _run(self, kind: str, mode: str, job: dict[str, Any]) -> dict[str, Any]:
        with contextlib.ExitStack() as stack:
            order = {"kind": kind, "mode": mode, "limits": asdict(self.limits)}
            if mode == "landlock":
                folder = tempfile.TemporaryDirectory(
                    prefix="tutelage-sandbox-", ignore_cleanup_errors=True
                )
                order["folder"] = stack.enter_context(folder)
            (job_r, job_w), (result_r, result_w) = os.pipe(), os.pipe()
            try:
                self._send(order, job_r, result_w)
            except OSError as error:
                os.close(job_w)
                os.close(result_r)
                raise Failed(f"no server: {error}") from error
            finally:
                os.close(job_r)
                os.close(result_w)
            deadline = time.monotonic() + self.limits.total_s + _SLACK
            try:
                data = _exchange(job_w, json.dumps(job).encode(), result_r, deadline)
            except Failed:
                self.close()
                raise
            try:
                result: dict[str, Any] = json.loads(data)
            except ValueError:
                raise Failed("it gave no result") from None
            if "broken" in result:
                raise Failed(result["broken"])
            return result

    def _send(self, order: dict[str, Any], *pipes: int) -> None:
        for again in (True, False):
            if self._server is None or self._server.poll() is not None:
                self._start()
            assert self._socket is not None
            try:
                socket.send_fds(self._socket, [json.dumps(order).encode()], list(pipes))
                return
            except OSError:
                self.close()
                if not again:
                    raise

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(tutelage.__file__).resolve().parents[1])
        arguments = [str(theirs.fileno()), str(os.getpid()), root]
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", "-X", "utf8", "-c", _START, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={"PYTHONHASHSEED": "0"},
            cwd="/",
        )
        theirs.close()
        self._socket = ours


def _exchange(into: int, given: bytes, out: int, deadline: float) -> bytes:
    """Writes `given`, closes `into`, and reads `out` to its end."""
    view, data = memoryview(given), bytearray()
    os.set_blocking(into, False)
    poll = select.poll()
    poll.register(out, select.POLLIN)
    poll.register(into, select.POLLOUT)
    try:
        while True:
            ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
            if not ready:
                raise Failed("timeout: the sandbox")
            if into in ready:
                try:
                    view = view[os.write(into, view) :]
                except BlockingIOError:
                    continue
                except OSError:
                    view = view[:0]
                if not view:
                    poll.unregister(into)
                    os.close(into)
                    into = -1
            if out in ready:
                block = os.read(out, 1 << 20)
                data += block
                if not block or len(data) > _LARGEST_RESULT:
                    return bytes(data)
    finally:
        os.close(out)
        if into >= 0:
            os.close(into)
