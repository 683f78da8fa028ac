"""Runs a student's program where it can do no harm, and its tests where it cannot reach them.

Covered, each by a test that tries:

    wall time, processor time, memory, file size, open files, threads      limits of `Limits`
    a process, program, socket, signal or trace of its own                 seccomp
    modes, owners, times and attributes of files, priorities of processes  seccomp
    files but Python's library (read) and an empty folder (write)          mount namespace, Landlock
    other processes, network, host name                                    namespaces
    the parent's environment                                               the server starts empty

Not covered: faults in the kernel; side channels; a full disk under many small files, where there is
no mount namespace; more than one core by threads; tests that are malicious themselves (confined,
too, but they may say what they like of a program), or that `eval` what a program returns. In the
mode `landlock`, whoever kills this process while a program runs finds an empty temporary folder.

It needs Linux, and of its kernel either namespaces (as root, or as a user who may make them) or
Landlock. Whether that is enough is tried out once, by a program that tries to get out. Where it
is not, nothing is run: `Unsafe`.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import distribution
from typing import Any

from tutelage.processes.pipe import Broken
from tutelage.processes.worker import Worker
from tutelage.sandbox.confine import Limits

_PROBE = '''
import fcntl, os, socket
def probe():
    """Names what this process can do and should not."""
    file, parent = open("own", "w").name, os.getppid()
    acts = {
        "make processes": lambda: os.fork() or os._exit(0),
        "send signals": lambda: os.kill(parent, 0),
        "open sockets": socket.socket,
        "read /etc/passwd": lambda: open("/etc/passwd").close(),
        "read the parent's environment": lambda: open(f"/proc/{parent}/environ").close(),
        "send signals by a file": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, parent),
        "choose such signals": lambda: fcntl.fcntl(0, 10, 15),
        "change modes of files": lambda: os.chmod(file, 0o600),
        "change times of files": lambda: os.utime(file, (1, 1)),
        "change owners of files": lambda: os.chown(file, -1, -1),
        "cut files": lambda: os.truncate(file, 0),
        "write attributes of files": lambda: os.setxattr(file, "user.a", b"1"),
        "slow other processes": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
        "write to /": lambda: open("/tutelage-probe", "w"),
        "write to /var/tmp": lambda: open("/var/tmp/tutelage-probe", "w"),
        "write to /dev/shm": lambda: open("/dev/shm/tutelage-probe", "w"),
    }
    for name in [*acts]:
        try:
            acts[name]()
        except OSError:
            del acts[name]
    return [*acts]
'''
MODES = ("namespaces", "landlock")
"""Kinds of walls, the stronger first. Both have limits and a seccomp filter besides."""
_LIBRARIES = str(distribution("pytest").locate_file(""))
"""Where pytest is, which runs tests of its forms."""
_SLACK = 20.0
"""Seconds beyond the limits before the server itself is given up."""


class Unsafe(Exception):
    """Programs cannot be run safely on this machine; the words say what they could do."""


class Failed(Exception):
    """The sandbox itself failed, or passed all its time."""


class Sandbox:
    """Runs programs, one after another. Belongs to one thread."""

    def __init__(self, limits: Limits | None = None, modes: tuple[str, ...] = MODES) -> None:
        self.limits = limits or Limits()
        self.mode = ""
        """The first of `modes` that holds here; known once a program has been run."""
        self._modes = modes
        self._server: Worker | None = None

    def tests(self, setup: str, program: str, tests: list[str], entry_point: str) -> dict[str, Any]:
        """What `test_runner.examine` gives, and `ended_by`, the signal that ended the program.

        Raises:
            Unsafe, Failed
        """
        job = {"setup": setup, "program": program, "tests": tests, "entry_point": entry_point}
        return self._done("tests", self._settled(), job)

    def program(self, setup: str, program: str, stdin: str) -> dict[str, Any]:
        """`stdout`, `stderr`, exit `status`, `fate` and `ended_by` of a whole program.

        Raises:
            Unsafe, Failed
        """
        job = {"setup": setup, "program": program, "stdin": stdin}
        return self._done("program", self._settled(), job)

    def close(self) -> None:
        """Ends the server and everything below it."""
        if self._server is not None:
            self._server.stop()
            self._server.kill()
            self._server = None

    def _settled(self) -> str:
        """The mode: the first that nothing of `_PROBE` breaks out of."""
        gaps = [] if sys.platform == "linux" else ["it is not Linux"]
        job = {"setup": "", "program": _PROBE, "entry_point": "probe"}
        for mode in self._modes if not (gaps or self.mode) else ():
            try:
                result = self._done("tests", mode, {**job, "tests": ["assert probe() == []"]})
            except Failed as error:
                gaps.append(f"{mode}: {error}")
                continue
            if result["passed"] == 1:
                self.mode = mode
                break
            gaps.append(f"{mode}: a program can {result['first_failure']}")
        if not self.mode:
            raise Unsafe("; ".join(gaps))
        return self.mode

    def _done(self, kind: str, mode: str, job: dict[str, Any]) -> dict[str, Any]:
        order: dict[str, Any] = {"kind": kind, "mode": mode, "limits": asdict(self.limits)}
        self._server = self._server or Worker(
            "tutelage.sandbox.jail",
            environment={"PYTHONHASHSEED": "0", "PYTHONPATH": _LIBRARIES},
            options=("-s", "-S", "-X", "utf8"),
        )
        with _folder() if mode == "landlock" else contextlib.nullcontext() as order["folder"]:
            try:
                self._server.send(order, self.limits.total_s + _SLACK)
                self._server.pipe.send(job)
                result: dict[str, Any] = self._server.receive()
            except Broken as error:
                late = str(error) == "timeout"
                result = {"broken": "timeout: all tests together" if late else "it died"}
        if "broken" in result:
            self.close()  # it may still have the job before it
            raise Failed(result["broken"])
        return result


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """An empty folder that is gone afterwards, however deep a program has made it."""
    folder = tempfile.mkdtemp(prefix="tutelage-sandbox-")
    try:
        yield folder
    finally:
        subprocess.run(["rm", "-rf", folder], stderr=subprocess.DEVNULL, check=False)
