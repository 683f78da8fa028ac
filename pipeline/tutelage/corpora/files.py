"""A corpus in files: finds them, detects their format, and turns their records into rows.

A broken line becomes a row with the failure `unreadable`, not an exception, so other rows are
unaffected.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path, PurePosixPath

from tutelage.corpora import paths as file_paths
from tutelage.corpora.containers import END, Load, Loads, count, cuts, loads
from tutelage.corpora.row import LONGEST_ROW, Format, Record, Row
from tutelage.errors import BadRow, CorpusError

BLOCK = 64 << 20
"""Approximate bytes of a file that one worker reads at a time."""
_AT_ONCE = 16
_SAMPLE = 20
_SPLIT = re.compile(r"(?:^|[^a-z])(train|test|validation|valid|val|dev)(?:[^a-z]|$)")
_BROKEN = (OSError, EOFError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a corpus for one worker; see `containers.cuts`."""

    file: int
    """Index of the file in the corpus."""
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Files:
    """The rows of one or more files, read through one format."""

    spec: str
    paths: tuple[str, ...]
    format: Format
    folder: str = ""
    """Base of relative paths; empty for the current folder."""
    sizes: tuple[int, ...] = ()
    """Expected size of each file in bytes; empty if not pinned."""
    longest_row: int = LONGEST_ROW
    """Size limit of a row in bytes."""

    @property
    def name(self) -> str:
        """The format's name; a generic format is named after its file."""
        return self.format.name

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`.

        Raises:
            CorpusError: a file cannot be opened, or differs from the pinned one.
        """
        for path, size in zip(self.paths, self.sizes, strict=bool(self.sizes)):
            _check(path, file_paths.size(file_paths.joined(self.folder, path)), size)
        index = 0
        for path in self.paths:
            for line, load in _loads(path, self.folder, self.longest_row):
                if index % parts == part:
                    yield self._row(index, f"{path}:{line}", path, load)
                index += 1

    def blocks(self, size: int = BLOCK) -> list[Block]:
        """Pieces of about `size` bytes, in order; one per file that cannot be cut.

        Raises:
            CorpusError: a file does not exist.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            file_cuts = pool.map(lambda path: self._cuts(path, size), self.paths)
            return [
                Block(number, begin, end)
                for number, cuts_of_file in enumerate(file_cuts)
                for begin, end in cuts_of_file
            ]

    def count(self, block: Block, most: int = 0) -> tuple[int, int]:
        """(rows, lines) of a block, counted without parsing if possible; stops at `most` rows if
        not 0.

        Raises:
            CorpusError: the file cannot be opened.
        """
        path = file_paths.joined(self.folder, self.paths[block.file])
        with suppress(*_BROKEN):  # reported when the block is read
            counted = count(path, self.longest_row, block.begin, block.end, most)
            if counted is not None:
                return counted
        rows = sum(1 for _ in islice(self._records(block), most or None))
        return rows, 0  # the block is a whole file, so no line number continues from it

    def read(self, block: Block, rows: int, lines: int) -> Iterator[Row]:
        """The rows of a block; `rows` and `lines` count the corpus's rows and the file's lines
        before it.

        Raises:
            CorpusError: the file cannot be opened, or differs from the pinned one.
        """
        path = self.paths[block.file]
        if self.sizes:
            size = file_paths.size(file_paths.joined(self.folder, path))
            _check(path, size, self.sizes[block.file])
        for index, (line, load) in enumerate(self._records(block), rows):
            yield self._row(index, f"{path}:{lines + line}", path, load)

    def _cuts(self, path: str, size: int) -> list[tuple[int, int]]:
        try:
            return cuts(file_paths.joined(self.folder, path), size)
        except _BROKEN as error:
            if _is_refusal(error):
                raise CorpusError(f"{path} cannot be read: {file_paths.reason(error)}") from error
            return [(0, END)]  # reported when the file is read

    def _records(self, block: Block) -> Loads:
        path = self.paths[block.file]
        return _loads(path, self.folder, self.longest_row, block.begin, block.end)

    def pinned(self) -> "Files":
        """The same files with absolute folder and sizes, for workers that may run elsewhere.

        Raises:
            CorpusError: a file does not exist.
        """
        folder = str(Path.cwd())
        sizes = [file_paths.size(file_paths.joined(folder, path)) for path in self.paths]
        return replace(self, folder=folder, sizes=tuple(sizes))

    def _row(self, index: int, location: str, path: str, load: Load) -> Row:
        try:
            return Row(self.spec, index, self.format.problem(_record(load), split(path)))
        except BadRow as error:
            failure, reason = error.failure, error.reason
        except Exception as error:  # an external format may fail on a row
            failure, reason = "bad-row", f"{self.format.name}: {type(error).__name__}: {error}"
        return Row(self.spec, index, None, failure, " ".join(f"{location}: {reason}".split()))


def sample(paths: Sequence[str], spec: str, longest: int = LONGEST_ROW) -> list[Record]:
    """The first readable records, for detecting the format.

    Raises:
        CorpusError: none of the first rows is readable, or a file cannot be opened.
    """
    records: list[Record] = []
    seen, first_reason = 0, ""
    rows = ((path, *row) for path in paths for row in _loads(path, "", longest))
    for path, line, load in islice(rows, _SAMPLE):
        seen += 1
        try:
            records.append(_record(load))
        except BadRow as error:
            first_reason = first_reason or f"{path}:{line}: {error.reason}"
    if not seen:
        raise CorpusError(f"{spec!r} holds no rows: wanted JSON lines, a JSON array or Parquet")
    if not records:
        raise CorpusError(
            f"none of the first rows of {spec!r} can be read ({first_reason}): "
            "wanted JSON lines, a JSON array or Parquet"
        )
    return records


@lru_cache(maxsize=256)
def split(path: str) -> str:
    """The split in a file's name, or in its folder's name for URLs; `train` if there is none.

    >>> split("data/gsm8k_test.jsonl.gz"), split("latest.jsonl")
    ('test', 'train')
    """
    file_path = PurePosixPath(path)
    match = _SPLIT.search(file_path.name.lower())
    if not match and file_paths.is_url(path):
        match = _SPLIT.search(file_path.parent.name.lower())
    split = match[1] if match else "train"
    return "validation" if split in ("valid", "val", "dev") else split


def stem(path: str) -> str:
    """A file's name without its suffixes, fit for an id.

    >>> stem("data/My problems.jsonl.gz")
    'My-problems'
    """
    name = PurePosixPath(path).name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "file"


def _loads(path: str, folder: str, longest: int, begin: int = 0, end: int = END) -> Loads:
    """Every row of a file, or a piece of it, as (line, load). If the rest is lost, the last row
    says so.

    Raises:
        CorpusError: the file does not exist, or cannot be read for lack of access.
    """
    line = 0
    try:
        for line, load in loads(file_paths.joined(folder, path), longest, begin, end):
            yield line, load
    except _BROKEN as error:
        if _is_refusal(error):
            raise CorpusError(f"{path} cannot be read: {file_paths.reason(error)}") from error
        yield line + 1, partial(_refuse, f"{error} (nothing after this is read)")


def _is_refusal(error: Exception) -> bool:
    """Whether the system refused; errors about a file's content have no error number."""
    return isinstance(error, OSError) and (
        error.errno is not None or isinstance(error, (FileNotFoundError, PermissionError))
    )


def _check(path: str, size: int, wanted: int) -> None:
    if size != wanted:
        raise CorpusError(
            f"{path} has {size} bytes for this worker, and {wanted} where the run was started: "
            "name it by a URL that leads to the same file from everywhere"
        )


def _refuse(reason: str) -> object:
    raise ValueError(reason)


def _record(load: Load) -> Record:
    """Loads a record and checks its type.

    Raises:
        BadRow: unreadable.
    """
    try:
        record = load()
    except ValueError as error:
        raise BadRow("unreadable", str(error)) from error
    if not isinstance(record, dict):
        raise BadRow("unreadable", f"a row is an object, this is {type(record).__name__}")
    return record
