"""The journal: each finished dialogue, durable as soon as it ends; in a store, a second later.

Each worker has one file per session, and each entry is a line: `id TAB kind TAB CRC-32 TAB row as
JSON`. A last line that a kill cut short is ignored. A line whose checksum is wrong (garbled bytes,
zeros after a power cut, an edit by hand) is `Damage`, and its dialogue is played again. Id and kind
can be read without parsing the row, so a resumed run finds out in seconds what is done. A row can be
fetched by its offset, so no text has to travel between workers. In an object store the file of a
worker is a sequence of objects (`_Objects`), which are read through copies on this machine.

A key can have several entries: a bundle may be retried on another machine, and a dialogue that
failed for a passing reason is played again in the next session. `done` says which keys need no
further session. Which entry of a key counts is not decided here but in `session.plan.standing`.
"""

import errno
import json
import os
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast, get_args

import orjson

from tutelage.shards.folder import near, writing
from tutelage.shards.keys import Keys
from tutelage.storage import Location, Remote, location, whole

Kind = Literal["kept", "dead", "filtered", "duplicate", "passing"]
"""`passing`: failed for a reason that may be gone in the next session, which plays it again."""

_KINDS = frozenset(kind.encode() for kind in get_args(Kind))
FULL = 8 << 20
"""Size in bytes from which an object is complete and a new one begins."""
_PACE = 1 << 20
"""Bytes per second for rewriting objects: an object of 5 MB is due again after 5 s."""
_SOON_S = 1.0
_LATE_S = 60.0
_LATE = 4 * FULL
"""`_LATE_S`, `_LATE`: for how many seconds, and with how many bytes in memory, an unreachable store
is tolerated before the run stops."""
_OPEN = 100
"""Maximum number of files that are open at once while rows are fetched."""


class Span(NamedTuple):
    """The bytes of one row in a journal file."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal file, without its row."""

    key: str
    """Dialogue id; for an input that became no dialogue, an id derived from its row index."""
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Damage:
    """A complete line that is not a valid entry; nothing of it is used."""

    file: str
    offset: int
    length: int
    reason: str
    text: str
    """Its first bytes as text, to show to people."""


class Journal:
    """The journal of one worker. Thread-safe."""

    def __init__(self, folder: Location) -> None:
        # Names begin with the time, so that sorting them puts files in the order of their sessions.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}"
        self._folder = folder
        self._lines: _File | _Objects
        if isinstance(folder, Remote):
            self._lines = _Objects(folder, name)
        else:
            self._lines = _File(folder / f"{name}.jsonl")

    def append(self, key: str, kind: Kind, row: dict[str, Any]) -> None:
        """Adds an entry. On disk it survives a kill of this process at once; in a store, after the
        next `sync` that writes. A number in `row` that is not finite would come back as null.

        Raises:
            OutputError: the disk is full, the folder is gone, or the store is unreachable for long.
        """
        text, head = _encoded(row), f"{key}\t{kind}\t".encode()
        line = b"%s%08x\t%s\n" % (head, zlib.crc32(text, zlib.crc32(head)), text)
        with writing(self._folder):
            self._lines.append(line)

    def sync(self) -> None:
        """Makes the entries so far survive a crash of the machine; to be called once a second. For a
        store it writes less often, see `_Objects`. Raises `OSError`, after which no entry is lost.
        """
        self._lines.sync()

    def flush(self) -> None:
        """Makes all entries durable now.

        Raises:
            OutputError: the disk or the store refuses to write.
        """
        with writing(self._folder):
            self._lines.flush()

    def close(self) -> None:
        """Makes all entries durable and closes the file. Raises as `flush` does."""
        with writing(self._folder):
            self._lines.flush()
        self._lines.close()


class _File:
    """Lines on disk, each appended immediately."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._length = 0
        self._unsynced = False

    def append(self, line: bytes) -> None:
        with self._lock:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            if self._file.write(line) != len(line):
                # The disk became full within the line: remove it, so that no line is appended to it.
                self._file.truncate(self._length)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._length += len(line)
            self._unsynced = True

    def sync(self) -> None:
        with self._lock:
            if self._file is not None and self._unsynced:
                self._unsynced = False
                os.fsync(self._file.fileno())

    flush = sync

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class _Objects:
    """Lines in a store, which cannot append: the newest object is rewritten with the lines that have
    arrived since, until it is full and a new one begins.

    A line is durable within a second, or within eight seconds when the object is nearly full. A kill
    loses the lines of that time; a resumed run plays those dialogues again. The journal has one
    object per 8 MB, some thousand after a week, rather than one per second. A retried write replaces
    the same object, so no line is stored twice.
    """

    def __init__(self, folder: Remote, name: str) -> None:
        self._folder = folder
        self._name = name
        self._number = 0
        self._lock = threading.Lock()
        """Guards the fields below; held only briefly."""
        self._writing = threading.Lock()
        self._text = bytearray()
        """Content of the newest object, including lines that the store does not have yet."""
        self._saved = 0
        """How many bytes of it the store has."""
        self._unsaved_since = 0.0
        """When the first byte that the store does not have arrived."""
        self._due = 0.0
        """When the object should be written again."""

    def append(self, line: bytes) -> None:
        with self._lock:
            if self._saved == len(self._text):
                self._unsaved_since = time.monotonic()
            self._text += line
            age, unsaved = time.monotonic() - self._unsaved_since, len(self._text) - self._saved
        if age > _LATE_S or unsaved > _LATE:
            self.flush()

    def sync(self) -> None:
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        with self._writing:
            with self._lock:
                data, start = bytes(self._text), time.monotonic()
                if len(data) == self._saved:
                    return
            (self._folder / f"{self._name}-{self._number:06d}.jsonl").write_bytes(data)
            with self._lock:
                self._saved, self._unsaved_since = len(data), start
                if self._saved >= FULL:
                    del self._text[: self._saved]
                    self._saved = 0
                    self._number += 1
                self._due = start + max(_SOON_S, self._saved / _PACE)

    def close(self) -> None:
        pass


def files(folder: Location) -> list[Location]:
    """The journal files of a run, in a fixed order."""
    return sorted(folder.glob("*.jsonl"))


def entries(
    file: Location, note: Callable[[Damage], None] | None = None, run_id: str = ""
) -> Iterator[Entry]:
    """The entries of one journal file, without their rows.

    Args:
        file: a file of the journal.
        note: called with each damaged line.
        run_id: id of the run; a line of another run counts as damage. Empty: not checked.
    """
    offset = 0
    # Quotes within a text are escaped by a backslash, so only the column itself matches.
    marker = f'"run_id":{json.dumps(run_id)}'.encode() if run_id else b""
    with _local(file).open("rb") as lines:
        for line in lines:
            try:
                key, kind, start = _parsed(line)
                if marker not in line:
                    raise ValueError(f"it is of another run than {run_id}")
            except ValueError as error:
                if note is not None and line.endswith(b"\n"):
                    text = line[:200].decode("utf-8", "replace")
                    note(Damage(str(file), offset, len(line), str(error), text))
            else:
                span = Span(str(file), offset + start, len(line) - start - 1)
                yield Entry(key, kind, span)
            offset += len(line)


def _parsed(line: bytes) -> tuple[str, Kind, int]:
    """(key, kind, offset of the row) of one line.

    Raises:
        ValueError: the line is not an entry, or was changed after it was written.
    """
    if not line.endswith(b"}\n"):
        raise ValueError("it does not end as a row does")
    key, _, rest = line.partition(b"\t")
    kind, _, rest = rest.partition(b"\t")
    if kind not in _KINDS:
        raise ValueError("it is of no kind that a journal has")
    start = len(key) + len(kind) + 2
    if not rest.startswith(b"{"):  # lines of earlier versions have no checksum
        checksum, _, row = rest.partition(b"\t")
        if b"%08x" % zlib.crc32(row[:-1], zlib.crc32(line[:start])) != checksum:
            raise ValueError("its checksum does not hold")
        start += len(checksum) + 1
    return key.decode(), cast(Kind, kind.decode()), start


def done(
    folder: Location,
    note: Callable[[Damage], None] | None = None,
    run_id: str = "",
    since_ns: int = 0,
) -> Keys:
    """Keys that no further session needs to play: all but those whose last entry is `passing`.

    `note` and `run_id` are as for `entries`; `since_ns` skips files that were begun before that time.
    """
    kept, failed = Keys(), set()
    for file in files(folder):
        if file.name < f"{since_ns:020d}":
            continue
        for entry in entries(file, note, run_id):
            if entry.kind == "kept":
                kept.add(entry.key)
            elif entry.kind == "passing":
                failed.discard(entry.key)
            else:
                failed.add(entry.key)
    for key in failed:
        kept.add(key)
    return kept


def is_settled(kinds: Sequence[Kind]) -> bool:
    """Whether a key that has these entries, in the order of files and lines, is done; as `done`."""
    return "kept" in kinds or kinds[-1] != "passing"


def fetch(spans: Iterable[Span]) -> Iterator[dict[str, Any]]:
    """The rows at these spans, in the same order."""
    opened: dict[str, BinaryIO] = {}
    try:
        for name, offset, length in spans:
            if name not in opened:
                if len(opened) == _OPEN:
                    opened.pop(next(iter(opened))).close()
                opened[name] = _local(location(name), offset + length).open("rb")
            opened[name].seek(offset)
            yield _decoded(opened[name].read(length))
    finally:
        for file in opened.values():
            file.close()


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row)
    except TypeError:  # a lone surrogate, which UTF-8 cannot express
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def _decoded(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # NaN, which journals of earlier versions can contain
        return json.loads(text)


def _local(file: Location, size: int = 0) -> Path:
    """A local copy of the file with at least `size` bytes of it; all of it if `size` is 0.

    An object of the journal only ever grows, so a copy that is long enough needs no update.
    """
    copy = near(file)
    if isinstance(file, Remote):
        size = size or file.size()
        if not copy.exists() or copy.stat().st_size < size:
            with whole(copy) as part:
                part.write_bytes(file.read_bytes())
    return copy
