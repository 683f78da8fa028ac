"""The folder of a run: the location of its files, and how the small ones are read and written."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.errors import Mistake, OutputError
from tutelage.seeds import digest
from tutelage.storage import Location, Remote, location, reason, remove, whole

PLAN = "plan.json"
"""File with the plan of a run, written before it began."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The locations of a run's files, on disk or in an object store. Creates no file by itself."""

    root: Location

    @property
    def journal(self) -> Location:
        """Folder of the journal's files."""
        return self.root / "journal"

    @property
    def shards(self) -> Location:
        """Folder of the shards, with one folder per split."""
        return self.root / "shards"

    @property
    def rejects(self) -> Location:
        """Folder of the inputs and dialogues that are not in the shards."""
        return self.root / "rejects"

    @property
    def spool(self) -> Location:
        """Folder of the intermediate files of publishing; removed when publishing is done."""
        return self.journal / "spool"

    @property
    def logs(self) -> Location:
        """Folder of the workers' telemetry and the engine's log (the latter always on this machine)."""
        return self.root / "logs"

    def create(self) -> None:
        """Creates the folder and checks that it can be written.

        Raises:
            OutputError: it cannot be written.
        """
        with writing(self.root):
            for folder in (self.root, self.journal, self.logs):
                near(folder).mkdir(parents=True, exist_ok=True)
            near(self.logs).chmod(0o700)  # the logs contain the requests to engines and workers
            probe = self.root / f".probe.{os.getpid()}.part"  # another process may probe here too
            probe.write_bytes(b"\0" * 4096)
            probe.unlink(missing_ok=True)

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a JSON file of the run; empty if it does not exist.

        Raises:
            Mistake: the file cannot be read or is not JSON.
        """
        path = self.root / name
        try:
            loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise Mistake(f"cannot read {path}: {reason(error)}") from error
        except ValueError as error:
            raise Mistake(f"{path} is broken, it is not JSON: {error}") from error
        return loaded

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a JSON file completely or not at all."""
        self.write_text(
            name, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file completely or not at all."""
        path = self.root / name
        with writing(path), whole(path) as part:
            part.write_text(text, "utf-8")

    def clear_published(self) -> None:
        """Removes everything that publishing writes, so that no file of an earlier state remains."""
        with writing(self.root):
            for folder in (self.shards, self.rejects, self.spool):
                remove(folder)

    def forget_copies(self) -> None:
        """Removes this machine's copies of the journal of a run in a store."""
        if isinstance(self.root, Remote):
            shutil.rmtree(near(self.journal), ignore_errors=True)


def near(where: Location) -> Path:
    """The local path for a file that must be on this machine, such as the engine's log, the replies
    of unfinished dialogues or a copy of the journal: `where` itself if it is local, else a path in
    the cache.
    """
    if isinstance(where, Path):
        return where
    return models.cache() / "runs" / digest(where.store, where.query) / where.path


def existing(run: str) -> RunFolder:
    """The folder of the run that a person named.

    Raises:
        Mistake: there is no run in it.
    """
    folder = RunFolder(location(run))
    try:
        if (folder.root / "run.json").is_file():
            return folder
        what = "no run.json in it" if folder.root.is_dir() else "no such folder"
    except OSError as error:
        raise Mistake(f"cannot read {run}: {reason(error)}") from error
    raise Mistake(f"{run!r} is not a run ({what}): give a folder that `generate --out` wrote")


@contextlib.contextmanager
def writing(path: Location) -> Iterator[None]:
    """Turns an `OSError` while writing `path` into a one-line mistake.

    Raises:
        OutputError: the disk is full, the folder is read-only, a part of the path is not a folder,
            or the store refuses it.
    """
    try:
        yield
    except OSError as error:
        cure = "free space" if isinstance(path, Path) else "check its name and your rights to it"
        raise OutputError(
            f"cannot write {path}: {reason(error)}; "
            f"{cure} or choose another --out, then run the same command again"
        ) from error
