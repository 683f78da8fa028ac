"""Replaces what a run has published by a new publication, once that is complete.

The steps of publishing write to `staging`, a run folder within the run's folder. `promote` moves it out
when everything is there. An interruption before that changes nothing; one while files are moved, which
takes seconds, leaves a run without a manifest, which the next command publishes again.

Not here: what is published (`flow.publish`).
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tutelage.errors import RunFailed
from tutelage.shards import RunFolder
from tutelage.shards.folder import writing
from tutelage.storage import Location, move, remove

MANIFEST = "manifest.json"
SPLITS = "splits.json"
"""The dialogues of each split, if there are several; an extended run keeps them."""
DAMAGED = "rejects/journal"
"""Damaged lines of the journal, by file and offset."""
_AT_ONCE = 16
"""Files that are moved in parallel."""


def staging(folder: RunFolder) -> RunFolder:
    """The folder for the files of a publication until it is complete, with their names in the run."""
    return RunFolder(folder.spool / "next")


def prepare(folder: RunFolder) -> None:
    """Removes the remains of an interrupted publication.

    Raises:
        OutputError: they cannot be removed.
    """
    with writing(folder.root):
        remove(folder.spool)


def promote(folder: RunFolder) -> None:
    """Moves the files from `staging` to the run, the manifest last, and removes the previous ones.

    Raises:
        OutputError: the disk or the store refuses.
        RunFailed: there is no manifest.
    """
    ready = staging(folder)
    manifest = ready.read_json(MANIFEST)
    if not manifest:
        raise RunFailed(
            f"nothing was published to {folder.root}: the graph ended without a manifest"
        )
    names = sorted(manifest["files"])
    names += [f"{DAMAGED}/{file.name}" for file in (ready.root / DAMAGED).glob("*.jsonl")]
    if (ready.root / SPLITS).is_file():
        names.append(SPLITS)
    with writing(folder.root):
        remove(folder.root / MANIFEST)
        _all(lambda name: move(ready.root / name, folder.root / name), names)
        published = {folder.root / name for name in names}
        _all(remove, [file for file in _files(folder) if file not in published])
        _drop_empty(folder)
        move(ready.root / MANIFEST, folder.root / MANIFEST)
    with suppress(OSError):
        remove(folder.spool)


def _files(folder: RunFolder) -> list[Location]:
    """All published files, of this and earlier publications."""
    folders: list[Location] = [folder.shards, folder.rejects]
    return [file for below in folders for file in below.rglob("*") if file.is_file()]


def _drop_empty(folder: RunFolder) -> None:
    """Removes empty folders on disk, such as that of a split that no longer exists."""
    for place in (folder.shards, folder.rejects):
        if isinstance(place, Path):
            for below in sorted(place.rglob("*"), reverse=True):
                if below.is_dir() and not any(below.iterdir()):
                    below.rmdir()
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def _all(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(work, items):
            pass
