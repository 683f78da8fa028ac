"""What a run has so far: its shards, or, until it is published, the dialogues in its journal.

Journal entries are copied into Parquet files in a folder for temporary files, as they come: each
look adds what is new. Of a key that stands there twice the first counts, as a rule; which one does
in the end is for publishing to say.
"""

import tempfile
from pathlib import Path

from tutelage.contract import fits
from tutelage.shards import entries, fetch, write_shard
from tutelage.shards.folder import existing
from tutelage.shards.journal import files as journal_files
from tutelage.shards.keys import Keys
from tutelage.shards.reader import shard_files
from tutelage.storage import Location

_BLOCK = 1000


class Playing:
    """The rows of one run."""

    def __init__(self, run: str) -> None:
        """Raises `Mistake` where it is no run."""
        self.run = run
        self._folder = existing(run)
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        self._seen = Keys()
        self._files: list[Location] = []
        self._sizes: dict[str, int] = {}
        self._was_live = True

    @property
    def live(self) -> bool:
        """Whether it is not published."""
        return not (self._folder.root / "manifest.json").exists()

    def files(self) -> list[Location]:
        """The Parquet files with its rows."""
        return list(self._files)

    def take(self) -> bool:
        """Takes in what came since; whether anything did."""
        if not self.live:
            if not self._was_live:
                return False
            self._was_live = False
            self._files, self._copies = list(shard_files(self.run)), None
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
