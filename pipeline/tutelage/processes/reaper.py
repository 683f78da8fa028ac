"""`python -m tutelage.processes.reaper COMMAND...`: runs COMMAND until standard input closes.

Standard input is a pipe from the parent. It closes when the parent closes it, and also when the
parent is killed by any signal. Then, or when COMMAND ends, everything in COMMAND's process group is
killed. Standard library only: it must start fast and outlive everything else, so it also runs as a
file, without the package (`python -I -S reaper.py COMMAND...`).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(command: list[str]) -> int:
    """Runs `command`, watching standard input; returns its exit status."""
    # Signals that arrive before the child exists stay pending until it does.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_begin
    )

    def watch() -> None:
        while os.read(0, 4096):
            pass
        _end(child)

    threading.Thread(target=watch, daemon=True).start()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: _end(child))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    status = child.wait()
    _end(child)
    return status


def _end(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _begin() -> None:
    """Runs in COMMAND's process before COMMAND. On Linux, COMMAND is killed when the reaper is."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
