"""One set of vLLM servers for all worker processes of a machine in a cluster, which start and end in
any order.

    FOLDER/start     locked while a process checks for servers, and starts them
    FOLDER/users     locked, shared, by every process that uses them
    FOLDER/host      locked by the process that runs them
    FOLDER/served    their URLs, and the key that they require

A process of its own (`main`, the host) runs and watches the servers (`serving`) until it can lock
`users` exclusively: then no process uses them any more. The system releases the locks of a dead
process, so nothing has to be cleaned up after a kill, even of the host, whose servers end with it
(`processes.reaper`).
"""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tutelage import errors, models
from tutelage.engines import access
from tutelage.errors import Fatal, TutelageError
from tutelage.seeds import digest
from tutelage.session.serving import served, serving
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.lock import acquired

_POLL_S = 0.5
_HOSTS: list[subprocess.Popen[bytes]] = []
"""Hosts that this process has started; they may outlive it."""


@contextmanager
def shared(settings: Settings) -> Iterator[Settings]:
    """Keeps this machine's servers running while entered; yields the settings that point to them.

    Raises:
        TutelageError: they do not start; with the class and message of the host's error.
    """
    if not settings.on_vllm():
        yield settings
        return
    folder = models.cache() / "servers" / digest(settings.model_dump_json())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "users").open("a") as users:
        with (folder / "start").open("a") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a host is ending
            if not _is_held(folder / "host"):
                _start(settings, folder)
        addresses = json.loads((folder / "served").read_text("utf-8"))
        os.environ[access.KEY_VARIABLE] = addresses["key"]
        yield served(settings, addresses["url"])


def _start(settings: Settings, folder: Path) -> None:
    """Starts a host and waits until its servers are ready."""
    ready = folder / "served"
    ready.unlink(missing_ok=True)
    _write(folder / "settings", settings.model_dump_json())
    with (folder / "host.log").open("ab") as log:
        host = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _HOSTS.append(host)
    while not ready.exists():
        if host.poll() is not None:
            raise Fatal(f"the host of vLLM ended with status {host.returncode} (log: {log.name})")
        time.sleep(_POLL_S)
    fault = json.loads(ready.read_text("utf-8")).get("fault")
    if fault:
        host.wait()
        raise getattr(errors, fault[0], Fatal)(fault[1])


def main(folder: Path) -> None:
    """Runs the servers until no process uses them, or one cannot be kept running."""
    settings = Settings.model_validate_json((folder / "settings").read_text("utf-8"))
    lost = threading.Event()
    # The host's lock is released first, so that whoever gets the users' lock then sees no host.
    with (folder / "users").open("a") as users, (folder / "host").open("a") as host:
        fcntl.flock(host, fcntl.LOCK_EX)
        try:
            with serving(settings, RunFolder(folder), _say, lambda _: lost.set()) as served:
                where = {"url": served.server.url, "key": access.key()}
                _write(folder / "served", json.dumps(where))
                while not lost.wait(_POLL_S) and not acquired(users):
                    pass
        except TutelageError as error:
            fault = [type(error).__name__, str(error)]
            _write(folder / "served", json.dumps({"fault": fault}))


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _write(path: Path, text: str) -> None:
    """Atomically, and readable by this user only, because the file contains a key."""
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text, "utf-8")
    part.replace(path)


def _is_held(path: Path) -> bool:
    """Whether a process has locked the file."""
    with path.open("a") as file:
        return not acquired(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
