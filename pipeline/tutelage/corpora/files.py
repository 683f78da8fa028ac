"""A corpus in files: finds them, tells their format, and turns their records into rows.

A broken line is a row with the failure `unreadable`, never an exception: one bad row never costs
its neighbours.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from tutelage.corpora import paths as file_paths
from tutelage.corpora.containers import END, Load, Loads, count, cuts, loads
from tutelage.corpora.row import LONGEST_ROW, Format, Record, Row
from tutelage.errors import BadRow, CorpusError

BLOCK = 64 << 20
"""Bytes of a file that one worker reads at a time, about."""
_AT_ONCE = 16
_SAMPLE = 20
_SPLIT = re.compile(r"(?:^|[^a-z])(train|test|validation|valid|val|dev)(?:[^a-z]|$)")
_BROKEN = (OSError, EOFError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a corpus that one worker reads; see `containers.cuts`."""

    file: int
    """Number of the file in the corpus."""
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Files:
    """The rows of one or more files, read through one format."""

    spec: str
    paths: tuple[str, ...]
    format: Format
    folder: str = ""
    """Where paths that are not absolute begin; empty for the working folder of whoever reads."""
    sizes: tuple[int, ...] = ()
    """Bytes that each file must have; none where nobody has looked."""
    longest_row: int = LONGEST_ROW
    """Bytes of a row at most."""

    @property
    def name(self) -> str:
        """The format's name; a generic format is named for its file."""
        return self.format.name

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`.

        Raises:
            CorpusError: a file cannot be opened, or is not the one that was pinned.
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
        """Pieces of about `size` bytes, in order; one a file that cannot be cut.

        Raises:
            CorpusError: a file is not there.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            pieces = pool.map(lambda path: self._cuts(path, size), self.paths)
            return [
                Block(number, begin, end)
                for number, cuts_of_file in enumerate(pieces)
                for begin, end in cuts_of_file
            ]

    def count(self, block: Block, most: int = 0) -> tuple[int, int]:
        """(rows, lines) of a block, without a look at what is in them; 0, or at most so many rows.

        Raises:
            CorpusError: the file cannot be opened.
        """
        path = file_paths.joined(self.folder, self.paths[block.file])
        with suppress(*_BROKEN):  # who reads it says why
            counted = count(path, self.longest_row, block.begin, block.end, most)
            if counted is not None:
                return counted
        rows = sum(1 for _ in islice(self._records(block), most or None))
        return rows, 0  # nothing of the same file follows

    def read(self, block: Block, rows: int, lines: int) -> Iterator[Row]:
        """The rows of a block, before which so many rows of the corpus and lines of the file lie.

        Raises:
            CorpusError: the file cannot be opened, or is not the one that was pinned.
        """
        path = self.paths[block.file]
        if self.sizes:
            there = file_paths.size(file_paths.joined(self.folder, path))
            _check(path, there, self.sizes[block.file])
        for index, (line, load) in enumerate(self._records(block), rows):
            yield self._row(index, f"{path}:{lines + line}", path, load)

    def _cuts(self, path: str, size: int) -> list[tuple[int, int]]:
        try:
            return cuts(file_paths.joined(self.folder, path), size)
        except _BROKEN as error:
            if _is_refusal(error):
                raise CorpusError(f"{path} cannot be read: {file_paths.reason(error)}") from error
            return [(0, END)]  # who reads it will say what is wrong

    def _records(self, block: Block) -> Loads:
        path = self.paths[block.file]
        return _loads(path, self.folder, self.longest_row, block.begin, block.end)

    def pinned(self) -> "Files":
        """The same files, for workers that may be in another folder, or see other files by its name.

        Raises:
            CorpusError: a file is not there.
        """
        folder = str(Path.cwd())
        sizes = [file_paths.size(file_paths.joined(folder, path)) for path in self.paths]
        return replace(self, folder=folder, sizes=tuple(sizes))

    def _row(self, index: int, place: str, path: str, load: Load) -> Row:
        try:
            return Row(self.spec, index, self.format.problem(_record(load), split(path)))
        except BadRow as error:
            failure, reason = error.failure, error.reason
        except Exception as error:  # a format of somebody else's may trip over a row
            failure, reason = "bad-row", f"{self.format.name}: {type(error).__name__}: {error}"
        return Row(self.spec, index, None, failure, " ".join(f"{place}: {reason}".split()))


def sample(paths: Sequence[str], spec: str, longest: int = LONGEST_ROW) -> list[Record]:
    """The first records that can be read at all, to tell the format by.

    Raises:
        CorpusError: there is none among the first rows, or a file cannot be opened.
    """
    records: list[Record] = []
    seen, trouble = 0, ""
    rows = ((path, *row) for path in paths for row in _loads(path, "", longest))
    for path, line, load in islice(rows, _SAMPLE):
        seen += 1
        try:
            records.append(_record(load))
        except BadRow as error:
            trouble = trouble or f"{path}:{line}: {error.reason}"
    if not seen:
        raise CorpusError(f"{spec!r} holds no rows: wanted JSON lines, a JSON array or Parquet")
    if not records:
        raise CorpusError(
            f"none of the first rows of {spec!r} can be read ({trouble}): "
            "wanted JSON lines, a JSON array or Parquet"
        )
    return records


def split(path: str) -> str:
    """The split that a file's name tells, or its folder's in a store; `train` where none does.

    >>> split("data/gsm8k_test.jsonl.gz"), split("latest.jsonl")
    ('test', 'train')
    """
    place = PurePosixPath(path)
    match = _SPLIT.search(place.name.lower())
    if not match and file_paths.is_url(path):
        match = _SPLIT.search(place.parent.name.lower())
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
    """Every row of a file, or of a piece of it, as (line, load); the lost rest of a file is one row.

    Raises:
        CorpusError: the file is not there, or the system does not let it be read.
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
    """Whether it is the system that says no; what is wrong with the bytes has no such number."""
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
    """The record, checked to be one.

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
