"""The folder of a run: where each of its files lies, and how the small ones are written."""

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


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Places of a run, on disk or in an object store. Creates nothing by itself."""

    root: Location

    @property
    def journal(self) -> Location:
        """Folder of the journal."""
        return self.root / "journal"

    @property
    def shards(self) -> Location:
        """Folder of the shards, one folder a split in it."""
        return self.root / "shards"

    @property
    def rejects(self) -> Location:
        """Folder of the inputs that became no dialogue."""
        return self.root / "rejects"

    @property
    def spool(self) -> Location:
        """Folder of what lies between the steps of publishing; removed when it is done."""
        return self.journal / "spool"

    @property
    def logs(self) -> Location:
        """Folder of the workers' telemetry and, on this machine's disk, of the engine's log."""
        return self.root / "logs"

    def create(self) -> None:
        """Makes the folder and checks that it can be written.

        Raises:
            OutputError: it cannot.
        """
        with writing(self.root):
            for folder in (self.root, self.journal, self.logs):
                near(folder).mkdir(parents=True, exist_ok=True)
            near(self.logs).chmod(0o700)  # engines and workers log what they are asked
            probe = self.root / f".probe.{os.getpid()}.part"  # another run may begin here, too
            probe.write_bytes(b"\0" * 4096)
            probe.unlink(missing_ok=True)

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run; empty where there is none yet.

        Raises:
            Mistake: it cannot be read, or is none.
        """
        path = self.root / name
        try:
            loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise Mistake(f"cannot read {path}: {reason(error)}") from error
        except ValueError as error:
            raise Mistake(f"{path} is broken, it is no JSON: {error}") from error
        return loaded

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a JSON file whole or not at all."""
        self.write_text(
            name, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file whole or not at all."""
        path = self.root / name
        with writing(path), whole(path) as part:
            part.write_text(text, "utf-8")

    def clear_published(self) -> None:
        """Removes what publishing writes, so that nothing of an earlier state stays."""
        with writing(self.root):
            for folder in (self.shards, self.rejects, self.spool):
                remove(folder)

    def forget_copies(self) -> None:
        """Removes what this machine holds of the journal of a run in a store."""
        if isinstance(self.root, Remote):
            shutil.rmtree(near(self.journal), ignore_errors=True)


def near(where: Location) -> Path:
    """Where something lies that has to be on this machine: there, or in the cache for a run in a
    store. Such are the engine's log, the replies of unfinished dialogues, copies of the journal.
    """
    if isinstance(where, Path):
        return where
    return models.cache() / "runs" / digest(where.store, where.query) / where.path


def existing(run: str) -> RunFolder:
    """The folder of a run that somebody named.

    Raises:
        Mistake: there is no run.
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
    """Turns the system's refusal to write into a one-line mistake.

    Raises:
        OutputError: the disk is full, the folder read-only, a part of the path is no folder, or the
            store refuses it.
    """
    try:
        yield
    except OSError as error:
        cure = "free space" if isinstance(path, Path) else "check its name and your rights to it"
        raise OutputError(
            f"cannot write {path}: {reason(error)}; "
            f"{cure} or choose another --out, then run the same command again"
        ) from error
