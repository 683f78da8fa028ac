"""Ensures that only one process at a time works on a run.

On disk the lock is the system's own, which releases it when its process dies. In an object store
the lock is an object that names its holder and that the holder renews; a lock that is not renewed is
taken over. No clocks are compared: a process that finds a lock watches whether it changes.

What this cannot guarantee in a store, because Arrow has no conditional write: two processes that
take the lock in the same second may both believe that they hold it, until the one that was
overwritten reads it again, at its next renewal at the latest, and stops. The same is true of a
process that was suspended for longer than `_PATIENCE_S`. Meanwhile some dialogues may be played
twice, which the journal tolerates: each worker writes objects of its own, and one entry per key
counts. But shards that one of them publishes in that time may be removed by the other.
"""

import fcntl
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tutelage.errors import SettingsError
from tutelage.processes.repeated import repeated
from tutelage.shards.folder import writing
from tutelage.storage import Location, Remote

NAME = "lock"
"""Name of the lock in the folder of the journal."""
_RENEW_S = 8.0
_PATIENCE_S = 30.0
"""How long a lock must be unchanged before its holder counts as dead."""
_SETTLE_S = 1.0
"""After this time the later of two processes that took the lock at once has overwritten the other."""


@contextmanager
def alone(
    journal: Location, say: Callable[[str], None], lost: Callable[[str], None]
) -> Iterator[None]:
    """Holds the lock of a run.

    Args:
        journal: folder of the run's journal.
        say: called with a message for the person who waits.
        lost: called, from another thread, with a message when another process has taken the lock.

    Raises:
        SettingsError: another process is working on the run.
    """
    if isinstance(journal, Remote):
        with _lease(journal, say, lost):
            yield
    else:
        with held(journal / NAME, journal.parent):
            yield


@contextmanager
def held(file: Path, folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a lock on this machine's disk, which guards what is written to `folder`.

    Args:
        file: the lock file; created if it is missing, never removed.
        folder: the folder to name in the error.
        wait_s: how long to wait for another process that holds the lock.

    Raises:
        SettingsError: another process holds the lock.
        OutputError: the lock file cannot be created.
    """
    deadline = time.monotonic() + wait_s
    with writing(folder):
        lock = file.open("a+")
    with lock:
        while not acquired(lock):
            if time.monotonic() >= deadline:
                lock.seek(0)
                raise _in_use(folder, f"process {lock.read().strip() or '?'}")
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(lock: Remote) -> str | None:
    """Who holds the lock of a run in a store; None if nobody, or the holder is known to be dead."""
    owner = _read(lock)
    return _who(owner) if owner and not _is_dead(owner) else None


def acquired(lock: IO[str]) -> bool:
    """Whether this process has the file's lock now; tries once, and does not wait."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _lease(
    journal: Remote, say: Callable[[str], None], lost: Callable[[str], None]
) -> Iterator[None]:
    lock = journal / NAME
    with writing(journal):
        _await(lock, say)
        mine = _new_lease()
        lock.write_text(json.dumps(mine))
        time.sleep(_SETTLE_S)
        if (holder := _read(lock)) and holder["token"] != mine["token"]:
            raise _in_use(journal.parent, _who(holder))

    def renew() -> bool:
        try:
            holder = _read(lock)
            if holder and holder["token"] != mine["token"]:
                lost(f"{_who(holder)} has taken over {journal.parent}")
                return True
            mine["renewed"] += 1
            lock.write_text(json.dumps(mine))
        except OSError:
            pass  # The journal reports a store that is unreachable.
        return False

    try:
        with repeated(renew, _RENEW_S, "lock"):
            yield
    finally:
        try:
            if _read(lock).get("token") == mine["token"]:
                lock.unlink(missing_ok=True)
        except OSError:
            pass  # The next process waits until the lock is stale.


def _await(lock: Remote, say: Callable[[str], None]) -> None:
    """Waits until an existing lock is known to be stale.

    Raises:
        SettingsError: its holder is alive.
    """
    lease = _read(lock)
    if not lease or _is_dead(lease):
        return
    say(f"{_who(lease)} held this run: waiting {_PATIENCE_S:.0f} s to see if it still does")
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(min(1.0, _PATIENCE_S / 10))
        current = _read(lock)
        if not current:
            return
        if current != lease:
            raise _in_use(lock.parent.parent, _who(current))


def _new_lease() -> dict[str, Any]:
    """The content of a new lock in a store."""
    return {
        "token": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "renewed": 0,
    }


def _machine() -> str:
    """Identifies where process ids are comparable: this boot of this machine, this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_dead(holder: dict[str, Any]) -> bool:
    """Whether the holder is known to be dead, which only a process of this machine can be."""
    return bool(holder["machine"]) and holder["machine"] == _machine() and not _lives(holder["pid"])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _read(lock: Remote) -> dict[str, Any]:
    """The content of the lock; empty if there is none or it is not valid JSON."""
    try:
        owner: dict[str, Any] = json.loads(lock.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return owner


def _who(holder: dict[str, Any]) -> str:
    return f"process {holder['pid']} of {holder['host']} (since {holder['since']})"


def _in_use(folder: Location, who: str) -> SettingsError:
    return SettingsError(
        f"{folder} is being written by {who}: wait for it, stop it, or choose another --out"
    )
