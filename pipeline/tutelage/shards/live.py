"""Opens a run for reading, even one that is still playing or was interrupted.

The dialogues of an unpublished run are in its journal. They are copied into temporary Parquet files,
which takes a second per ten thousand dialogues, and the files are removed when the view is closed.
Near-duplicates and splits are not known before a run is published.
"""

import fcntl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tutelage.contract import RowDict
from tutelage.errors import Mistake, RunFailed
from tutelage.shards import lock
from tutelage.shards.folder import RunFolder, existing
from tutelage.shards.journal import Entry, entries, fetch, files
from tutelage.shards.keys import Keys
from tutelage.shards.soundness import sound
from tutelage.shards.writer import write_shard
from tutelage.storage import Location, Remote

_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class View:
    """A run as it can be read now."""

    folder: RunFolder
    files: Sequence[Location]
    state: str
    """`published`, `playing` or `interrupted`."""
    ended: dict[str, int] = field(default_factory=dict)
    """For an unpublished run: kind of journal entry (`kept`, `dead`, ...) -> number of keys."""

    @property
    def note(self) -> str:
        """One line about the state, to show with the figures; empty for a published run."""
        if self.state == "published":
            return ""
        kept = self.ended.get("kept", 0)
        description = {
            "playing": "still playing",
            "interrupted": "interrupted; the same `tutelage generate` goes on with it",
        }[self.state]
        return (
            f"{description}: {kept} dialogues so far, from the journal; near-duplicates and splits "
            "are not known yet"
        )


@contextmanager
def viewed(run: str) -> Iterator[View]:
    """Opens the run's shards if it is published and no process is writing it, else its journal.

    Raises:
        Mistake: `run` is not a run, it has no dialogue yet, its journal has other columns, or its
            shards do not agree with its manifest.
    """
    folder = existing(run)
    playing = _is_held(folder)
    if not playing and (folder.root / "manifest.json").exists():
        yield View(folder, sound(run).files, "published")
        return
    ended, chosen = _ended(folder)
    if not ended.get("kept"):
        problem = (
            "is playing, and no dialogue has ended yet" if playing else "holds no dialogue yet"
        )
        raise Mistake(f"{run!r} {problem}: run `tutelage generate` on it, or look again later")
    with tempfile.TemporaryDirectory(prefix="tutelage-view-") as scratch:
        try:
            files = list(_copies(Path(scratch), chosen))
        except RunFailed as error:
            raise Mistake(
                f"the journal of {run!r} has columns of another version ({error}): read it with the "
                "version that wrote it"
            ) from None
        yield View(folder, files, "playing" if playing else "interrupted", ended)


def _ended(folder: RunFolder) -> tuple[dict[str, int], list[Entry]]:
    """Kind -> number of keys that ended so, and the first entry of each dialogue that was kept."""
    kept, failed = Keys(), dict[str, str]()
    chosen = []
    run_id = str(folder.read_json("run.json").get("run_id", ""))
    for file in files(folder.journal):
        for entry in entries(file, run_id=run_id):
            if entry.kind != "kept":
                failed[entry.key] = entry.kind
            elif entry.key not in kept:
                kept.add(entry.key)
                chosen.append(entry)
    ended = {"kept": len(chosen)}
    for key, kind in failed.items():
        if key not in kept:
            ended[kind] = ended.get(kind, 0) + 1
    return ended, chosen


def _copies(folder: Path, chosen: list[Entry]) -> Iterator[Path]:
    """Writes the rows of these entries to Parquet files in `folder` and yields the files."""
    for number, begin in enumerate(range(0, len(chosen), _ROWS)):
        rows: Iterator[RowDict] = fetch(entry.span for entry in chosen[begin : begin + _ROWS])
        path = folder / "shards" / "train" / f"rest-{number:05d}.parquet"
        write_shard(path, rows, compression_level=1)
        yield path


def _is_held(folder: RunFolder) -> bool:
    """Whether a process is generating or publishing the run now."""
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
