"""Puts what was published anew in the place of what was there, which stays whole until then.

Steps of publishing write to `staging`, a run folder in the run's folder. Only when all of it is
there, `promote` moves it out. Whoever is cut short before that has changed nothing; whoever is cut
short while files are moved, which takes seconds, leaves a run without a manifest, which the next
command publishes again.

Not here: what is published, which `flow.publish` decides.
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
"""Which dialogues each split has, where there are several: what an extension goes by."""
DAMAGED = "rejects/journal"
"""Lines of the journal that are not as they were written, by file and offset."""
_AT_ONCE = 16
"""Files of a store that are moved at once."""


def staging(folder: RunFolder) -> RunFolder:
    """Where the files of a publication lie until all of them are there, by their names in the run."""
    return RunFolder(folder.spool / "next")


def prepare(folder: RunFolder) -> None:
    """Removes what an earlier publication that came to no end has left.

    Raises:
        OutputError: that is not possible.
    """
    with writing(folder.root):
        remove(folder.spool)


def promote(folder: RunFolder) -> None:
    """Moves the files from `staging` to the run, the manifest last, and removes those before.

    Raises:
        OutputError: the disk or the store does not let it.
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
    """Every file that some publication wrote, and perhaps no longer belongs to the run."""
    places: list[Location] = [folder.shards, folder.rejects]
    return [file for place in places for file in place.rglob("*") if file.is_file()]


def _drop_empty(folder: RunFolder) -> None:
    """Removes folders on disk that hold nothing any more, such as that of a split that is gone."""
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
