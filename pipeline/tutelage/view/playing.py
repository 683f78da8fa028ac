"""The rows that a run has so far: its shards, or, until it is published, those in its journal.

Journal entries are copied into temporary Parquet files; each refresh adds the new ones. If a key has
several entries, the first counts here; publishing decides which one counts in the end.
"""

import tempfile
from pathlib import Path

from tutelage.contract import fits
from tutelage.shards import entries, fetch, write_shard
from tutelage.shards.folder import existing
from tutelage.shards.journal import files as journal_files
from tutelage.shards.keys import Keys
from tutelage.shards.soundness import sound
from tutelage.storage import Location

_BLOCK = 1000


class Playing:
    """The files with the rows of one run, published or not."""

    def __init__(self, run: str) -> None:
        """Raises `Mistake` if `run` is not a run."""
        self.run = run
        self._folder = existing(run)
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        self._seen = Keys()
        self._files: list[Location] = []
        self._sizes: dict[str, int] = {}
        self._was_live = True

    @property
    def live(self) -> bool:
        """Whether the run is not published yet."""
        return not (self._folder.root / "manifest.json").exists()

    def files(self) -> list[Location]:
        """The Parquet files with the run's rows."""
        return list(self._files)

    def refresh(self) -> bool:
        """Adds the rows that are new since the last call; returns whether there are any.

        Raises:
            Mistake: the shards of a published run do not agree with its manifest.
        """
        if not self.live:
            if not self._was_live:
                return False
            self._was_live = False
            self._files, self._copies = sound(self.run).files, None
            return True
        before = len(self._files)
        self._copy()
        return len(self._files) > before

    def _copy(self) -> None:
        if self._copies is None:
            self._copies = tempfile.TemporaryDirectory(prefix="tutelage-view-")
        for journal in journal_files(self._folder.journal):
            name, size = str(journal), self._size(journal)
            if self._sizes.get(name) == size:
                continue
            self._sizes[name] = size
            fresh = [
                entry
                for entry in entries(journal)
                if entry.kind == "kept" and entry.key not in self._seen
            ]
            for begin in range(0, len(fresh), _BLOCK):
                block = fresh[begin : begin + _BLOCK]
                rows = [row for row in fetch(entry.span for entry in block) if fits(row)]
                for entry in block:
                    self._seen.add(entry.key)
                path = Path(self._copies.name) / f"{len(self._files):06d}.parquet"
                if write_shard(path, rows):
                    self._files.append(path)

    @staticmethod
    def _size(journal: Location) -> int:
        return journal.stat().st_size if isinstance(journal, Path) else journal.size()
