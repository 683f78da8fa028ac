"""One set of vLLM servers for all processes of a machine, none of which is the first or the last by any
order of ours: as the workers of a cluster are.

    FOLDER/start     locked while somebody looks whether there are servers, and starts them
    FOLDER/users     locked, shared, by everybody who uses them
    FOLDER/host      locked by the process that holds them
    FOLDER/served    where they are, and the key without which they answer nobody

The servers belong to a process of their own (`main`), which holds and watches them (`serving`) until
it can lock `users` for itself: then nobody uses them any more. The system forgets the locks of a
process that is dead, so whoever is killed needs no clearing up after, the host included, whose
servers end with it (`processes.reaper`).
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
from tutelage.session.serving import on_vllm, served, serving
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.lock import acquired

_LOOK_S = 0.5
_HOSTS: list[subprocess.Popen[bytes]] = []
"""Those that this process has started, which may outlive it."""


@contextmanager
def shared(settings: Settings) -> Iterator[Settings]:
    """While entered, this machine's servers run; the settings by which they are found.

    Raises:
        TutelageError: they do not start; by the class and with the words of what went wrong.
    """
    if not on_vllm(settings):
        yield settings
        return
    folder = models.cache() / "servers" / digest(settings.model_dump_json())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "users").open("a") as users:
        with (folder / "start").open("a") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a host that is about to end
            if not _is_held(folder / "host"):
                _start(settings, folder)
        addresses = json.loads((folder / "served").read_text("utf-8"))
        os.environ[access.KEY_VARIABLE] = addresses["key"]
        yield served(settings, addresses["url"])


def _start(settings: Settings, folder: Path) -> None:
    """Starts a host, and waits until its servers answer."""
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
        time.sleep(_LOOK_S)
    fault = json.loads(ready.read_text("utf-8")).get("fault")
    if fault:
        host.wait()
        raise getattr(errors, fault[0], Fatal)(fault[1])


def main(folder: Path) -> None:
    """Holds the servers until nobody uses them, or one is beyond help."""
    settings = Settings.model_validate_json((folder / "settings").read_text("utf-8"))
    lost = threading.Event()
    # The host's lock is given back first: whoever gets the users' lock then sees that it is free.
    with (folder / "users").open("a") as users, (folder / "host").open("a") as host:
        fcntl.flock(host, fcntl.LOCK_EX)
        try:
            with serving(settings, RunFolder(folder), _say, lambda _: lost.set()) as served:
                where = {"url": served.server.url, "key": access.key()}
                _write(folder / "served", json.dumps(where))
                while not lost.wait(_LOOK_S) and not acquired(users):
                    pass
        except TutelageError as error:
            fault = [type(error).__name__, str(error)]
            _write(folder / "served", json.dumps({"fault": fault}))


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _write(path: Path, text: str) -> None:
    """Whole, and readable for this user alone: there is a key in it."""
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text, "utf-8")
    part.replace(path)


def _is_held(path: Path) -> bool:
    """Whether a living process has the file locked."""
    with path.open("a") as file:
        return not acquired(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
