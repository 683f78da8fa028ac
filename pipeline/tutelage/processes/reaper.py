"""`python -m tutelage.processes.reaper COMMAND...`: runs COMMAND until standard input closes.

Standard input is a pipe from whoever wants COMMAND to run. It closes when they close it and also
when they are killed, whatever the signal. Then, or when COMMAND ends, everything in COMMAND's
process group is killed. Standard library only: it must start at once and outlive all else, so it
also runs as a file, without the package (`python -I -S reaper.py COMMAND...`).
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
    """Runs `command` under watch; returns its exit status."""
    # A signal that comes before there is a child to end waits until there is one.
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
    """In COMMAND's process, before it runs. Linux: it is killed when the reaper itself is."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
