"""Sees to it that one process at a time goes on with a run.

On disk the system holds the lock, and forgets a process that is dead. In an object store the lock
is an object that says who holds it and that its holder renews; one that nobody renews is taken
over. No clocks are compared: whoever finds a lock watches whether it changes.

What a store can not promise, because Arrow offers no "write if nobody else did": two processes that
take the lock in the same second may both believe to have it until the one whose words were
overwritten looks again, at the latest at its next renewal, and stops; and so may one that was
frozen for longer than `_PATIENCE_S` and wakes up. In between, some dialogues may be played twice. A
journal stands that: each worker writes objects of its own, and of two entries one counts. But
shards that are published in those seconds may be removed by the other, whose own run then goes on.
"""

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tutelage.errors import SettingsError
from tutelage.shards.folder import writing
from tutelage.storage import Location, Remote

NAME = "lock"
"""The file, in the folder of the journal."""
_RENEW_S = 8.0
_PATIENCE_S = 30.0
"""How long a lock is watched before it is taken for that of a dead process."""
_SETTLE_S = 1.0
"""After which of two that took the lock at once the later one's words stand."""


@contextmanager
def alone(
    journal: Location, say: Callable[[str], None], lost: Callable[[str], None]
) -> Iterator[None]:
    """Holds the lock of a run.

    Args:
        journal: the folder of its journal.
        say: told what a waiting person wants to know.
        lost: told, from another thread, that somebody else has taken the lock.

    Raises:
        SettingsError: another process goes on with the run.
    """
    if isinstance(journal, Remote):
        with _lease(journal, say, lost):
            yield
    else:
        with held(journal / NAME, journal.parent):
            yield


@contextmanager
def held(file: Path, folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a lock of this machine, which guards what is written to `folder`.

    Args:
        file: the lock; made where it is not there, and left.
        folder: what to name in the error.
        wait_s: seconds that another process is given to be done.

    Raises:
        SettingsError: another process holds it.
        OutputError: the file cannot be made.
    """
    until = time.monotonic() + wait_s
    with writing(folder):
        lock = file.open("a+")
    with lock:
        while not _got(lock):
            if time.monotonic() >= until:
                lock.seek(0)
                raise _taken(folder, f"process {lock.read().strip() or '?'}")
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(lock: Remote) -> str | None:
    """Who holds the lock of a run in a store, by the last word there; None where it is dead."""
    owner = _read(lock)
    return _who(owner) if owner and not _is_dead(owner) else None


def _got(lock: IO[str]) -> bool:
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
        mine = _words()
        lock.write_text(json.dumps(mine))
        time.sleep(_SETTLE_S)
        if (holder := _read(lock)) and holder["token"] != mine["token"]:
            raise _taken(journal.parent, _who(holder))
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEW_S):
            try:
                holder = _read(lock)
                if holder and holder["token"] != mine["token"]:
                    return lost(f"{_who(holder)} has taken over {journal.parent}")
                mine["renewed"] += 1
                lock.write_text(json.dumps(mine))
            except OSError:
                continue  # A store that is away is the journal's to report.

    thread = threading.Thread(target=renew, name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        try:
            if _read(lock).get("token") == mine["token"]:
                lock.unlink(missing_ok=True)
        except OSError:
            pass  # Whoever comes next waits until it is stale.


def _await(lock: Remote, say: Callable[[str], None]) -> None:
    """Waits until a lock that is there is known to be stale.

    Raises:
        SettingsError: it is not.
    """
    before = _read(lock)
    if not before or _is_dead(before):
        return
    say(f"{_who(before)} held this run: waiting {_PATIENCE_S:.0f} s to see if it still does")
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        time.sleep(min(1.0, _PATIENCE_S / 10))
        now = _read(lock)
        if not now:
            return
        if now != before:
            raise _taken(lock.parent.parent, _who(now))


def _words() -> dict[str, Any]:
    return {
        "token": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "renewed": 0,
    }


def _machine() -> str:
    """Where a process number means the same process: this boot of this machine, this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_dead(holder: dict[str, Any]) -> bool:
    """Whether the holder is known to be dead; only one of this machine can be."""
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
    """Who holds the lock; empty where nobody does, or nobody who could be."""
    try:
        owner: dict[str, Any] = json.loads(lock.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return owner


def _who(holder: dict[str, Any]) -> str:
    return f"process {holder['pid']} of {holder['host']} (since {holder['since']})"


def _taken(folder: Location, who: str) -> SettingsError:
    return SettingsError(
        f"{folder} is being written by {who}: wait for it, stop it, or choose another --out"
    )
