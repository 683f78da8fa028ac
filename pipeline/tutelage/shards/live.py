"""The dialogues of a run that is still playing, or was interrupted, as files like those of any run.

What ended so far is in the journal. For SQL and for rows it is written into Parquet files for the
time that somebody looks: a second for some ten thousand dialogues, in files that are removed
afterwards. Near-duplicates and splits are not known before a run is published.
"""

import fcntl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tutelage.contract import Row
from tutelage.errors import Mistake, RunFailed
from tutelage.shards import lock
from tutelage.shards.folder import RunFolder, existing
from tutelage.shards.journal import Entry, entries, fetch, files
from tutelage.shards.keys import Keys
from tutelage.shards.reader import shard_files
from tutelage.shards.writer import write_shard
from tutelage.storage import Location, Remote

_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class View:
    """A run as it can be looked at now."""

    folder: RunFolder
    files: Sequence[Location]
    state: str
    """`published`, `playing` or `interrupted`."""
    ended: dict[str, int] = field(default_factory=dict)
    """Of a run that is not published: how journal entries ended (`kept`, `dead`, ...) -> how many."""

    @property
    def note(self) -> str:
        """One line to say beside what is shown; empty for a published run."""
        if self.state == "published":
            return ""
        kept = self.ended.get("kept", 0)
        how = {
            "playing": "still playing",
            "interrupted": "interrupted; the same `tutelage generate` goes on with it",
        }[self.state]
        return (
            f"{how}: {kept} dialogues so far, from the journal; near-duplicates and splits are not "
            "known yet"
        )


@contextmanager
def viewed(run: str) -> Iterator[View]:
    """The run's shards if it is published and nobody writes on it, else what its journal holds.

    Raises:
        Mistake: this is no run, nothing of it is there yet, or its journal has other columns.
    """
    folder = existing(run)
    playing = _is_held(folder)
    if not playing and (folder.root / "manifest.json").exists():
        yield View(folder, shard_files(run), "published")
        return
    ended, chosen = _standing(folder)
    if not ended.get("kept"):
        what = "is playing, and no dialogue has ended yet" if playing else "holds no dialogue yet"
        raise Mistake(f"{run!r} {what}: run `tutelage generate` on it, or look again later")
    with tempfile.TemporaryDirectory(prefix="tutelage-view-") as scratch:
        try:
            files = list(_written(Path(scratch), chosen))
        except RunFailed as error:
            raise Mistake(
                f"the journal of {run!r} has columns of another version ({error}): read it with the "
                "version that wrote it"
            ) from None
        yield View(folder, files, "playing" if playing else "interrupted", ended)


def _standing(folder: RunFolder) -> tuple[dict[str, int], list[Entry]]:
    """How many keys ended how, and the first entry of each dialogue that was kept."""
    kept, other = Keys(), dict[str, str]()
    chosen = []
    run_id = str(folder.read_json("run.json").get("run_id", ""))
    for file in files(folder.journal):
        for entry in entries(file, run_id=run_id):
            if entry.kind != "kept":
                other[entry.key] = entry.kind
            elif entry.key not in kept:
                kept.add(entry.key)
                chosen.append(entry)
    ended = {"kept": len(chosen)}
    for key, kind in other.items():
        if key not in kept:
            ended[kind] = ended.get(kind, 0) + 1
    return ended, chosen


def _written(folder: Path, chosen: list[Entry]) -> Iterator[Path]:
    for number, begin in enumerate(range(0, len(chosen), _ROWS)):
        rows: Iterator[Row] = fetch(entry.span for entry in chosen[begin : begin + _ROWS])
        path = folder / "shards" / "train" / f"rest-{number:05d}.parquet"
        write_shard(path, rows, compression_level=1)
        yield path


def _is_held(folder: RunFolder) -> bool:
    """Whether a process goes on with the run now."""
    path = folder.journal / lock.NAME
    if isinstance(path, Remote):
        return lock.holder(path) is not None
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
