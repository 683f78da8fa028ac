"""The journal: each finished dialogue, durable the moment it ends, or a second later in a store.

One file a worker and session, one line an entry: `id TAB kind TAB CRC-32 TAB row as JSON`. A line
that was cut short by a kill is no entry; one whose checksum does not hold (garbled bytes, zeros
after a power cut, a word that somebody changed) is `Damage`, and its dialogue is played again. The
id and the kind can be read without parsing the row, so that a resumed run learns in seconds what is
done, and a row can be fetched again by its offset, so that no text needs to travel between workers.
In an object store the file of a worker is a row of objects, each as much as it pays to write again
(`_Objects`); they are read by way of copies on this machine.

A key can have several entries: a bundle that was tried again on another machine, or a dialogue that
a passing trouble ended in one session and that was played again in the next. `done` says which keys
need no further session; which entry counts, `session.plan.standing` does.
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

from tutelage.shards.folder import near, writing
from tutelage.shards.keys import Keys
from tutelage.storage import Location, Remote, location, whole

Kind = Literal["kept", "dead", "filtered", "duplicate", "passing"]
"""`passing`: dead of something that may be gone by the next session, which plays it again."""

_KINDS = frozenset(kind.encode() for kind in get_args(Kind))
FULL = 8 << 20
"""Bytes of an object that is not written again."""
_PACE = 1 << 20
"""Bytes a second that writing objects again may take: one of 5 MB is due after 5 s."""
_SOON_S = 1.0
_LATE_S = 60.0
_LATE = 4 * FULL
"""What a store that is away may leave in memory, in seconds and in bytes, before the run stops."""
_OPEN = 100
"""Files that are held open at once while rows are fetched."""


class Span(NamedTuple):
    """Where one row lies."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, without its row."""

    key: str
    """Dialogue id; for an input that became none, an id derived from its place in the corpus."""
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Damage:
    """One line that is no entry and was not cut short: nothing of it is believed."""

    file: str
    offset: int
    length: int
    reason: str
    text: str
    """How it begins, for people."""


class Journal:
    """One worker's journal. Thread-safe."""

    def __init__(self, folder: Location) -> None:
        # Sorted by name, files are in the order of their sessions.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}"
        self._folder = folder
        self._lines: _File | _Objects
        if isinstance(folder, Remote):
            self._lines = _Objects(folder, name)
        else:
            self._lines = _File(folder / f"{name}.jsonl")

    def append(self, key: str, kind: Kind, row: dict[str, Any]) -> None:
        """Adds an entry. On disk it survives a kill of this process from here on; in a store, from
        the next `sync` that writes on.

        Raises:
            OutputError: the disk is full, the folder is gone, or the store is away for too long.
        """
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        head = f"{key}\t{kind}\t".encode()
        line = b"%s%08x\t%s\n" % (head, zlib.crc32(text, zlib.crc32(head)), text)
        with writing(self._folder):
            self._lines.append(line)

    def sync(self) -> None:
        """Makes the entries so far survive a crash of the machine, too; to be called once a second.
        In a store only as often as it pays. Raises `OSError`; nothing is lost by it.
        """
        self._lines.sync()

    def flush(self) -> None:
        """Makes all entries durable now.

        Raises:
            OutputError: that is not possible.
        """
        with writing(self._folder):
            self._lines.flush()

    def close(self) -> None:
        """The same, and closes the file."""
        with writing(self._folder):
            self._lines.flush()
        self._lines.close()


class _File:
    """Lines on disk, each appended at once."""

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
                # The disk filled up inside the line: take it back, so that nothing is glued to it.
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
    """Lines in a store, which has no append: the newest object is written again with the lines that
    came since, until it is full and the next one begins.

    So lines are durable a second after they came, eight seconds where an object is nearly full; a
    kill loses those of that time, which a resumed run plays again. Objects are as many as the
    journal has times 8 MB, some thousand after a week, not one a second; and an object written
    twice by a retry is the same object, so that no line is there twice.
    """

    def __init__(self, folder: Remote, name: str) -> None:
        self._folder = folder
        self._name = name
        self._number = 0
        self._lock = threading.Lock()
        """Of the fields below; held for moments."""
        self._writing = threading.Lock()
        self._text = bytearray()
        """The newest object, as it should be."""
        self._safe = 0
        """Bytes of it that the store has."""
        self._since = 0.0
        """When the first of the others came."""
        self._due = 0.0

    def append(self, line: bytes) -> None:
        with self._lock:
            if self._safe == len(self._text):
                self._since = time.monotonic()
            self._text += line
            age, more = time.monotonic() - self._since, len(self._text) - self._safe
        if age > _LATE_S or more > _LATE:
            self.flush()

    def sync(self) -> None:
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        with self._writing:
            with self._lock:
                data, begun = bytes(self._text), time.monotonic()
                if len(data) == self._safe:
                    return
            (self._folder / f"{self._name}-{self._number:06d}.jsonl").write_bytes(data)
            with self._lock:
                self._safe, self._since = len(data), begun
                if self._safe >= FULL:
                    del self._text[: self._safe]
                    self._safe = 0
                    self._number += 1
                self._due = begun + max(_SOON_S, self._safe / _PACE)

    def close(self) -> None:
        pass


def files(folder: Location) -> list[Location]:
    """The journal files of a run, in an order that is the same for everybody."""
    return sorted(folder.glob("*.jsonl"))


def entries(
    file: Location, note: Callable[[Damage], None] | None = None, run_id: str = ""
) -> Iterator[Entry]:
    """The entries of one journal file, without their rows.

    Args:
        file: of the journal.
        note: is given what is damaged.
        run_id: of the run; a line that is of another is damage, too. Empty: any will do.
    """
    offset = 0
    # Quotes within a text are written with a backslash, so only the column itself reads like this.
    own = f'"run_id":{json.dumps(run_id)}'.encode() if run_id else b""
    with _here(file).open("rb") as lines:
        for line in lines:
            try:
                key, kind, start = _parsed(line)
                if own not in line:
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
    """(key, kind, where the row begins) of one line.

    Raises:
        ValueError: it is no entry, or not as it was written.
    """
    if not line.endswith(b"}\n"):
        raise ValueError("it does not end as a row does")
    key, _, rest = line.partition(b"\t")
    kind, _, rest = rest.partition(b"\t")
    if kind not in _KINDS:
        raise ValueError("it is of no kind that a journal has")
    start = len(key) + len(kind) + 2
    if not rest.startswith(b"{"):  # as lines did before they had checksums
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
    """Keys that no further session needs to play: all but those that stand as passing. Arguments are
    those of `entries`; with `since_ns`, of files that were begun at that time or later alone.
    """
    kept, other = Keys(), set()
    for file in files(folder):
        if file.name < f"{since_ns:020d}":
            continue
        for entry in entries(file, note, run_id):
            if entry.kind == "kept":
                kept.add(entry.key)
            elif entry.kind == "passing":
                other.discard(entry.key)
            else:
                other.add(entry.key)
    for key in other:
        kept.add(key)
    return kept


def is_settled(kinds: Sequence[Kind]) -> bool:
    """Whether a key that has these entries, in the order of files and lines, is done; as `done`."""
    return "kept" in kinds or kinds[-1] != "passing"


def fetch(wanted: Iterable[Span]) -> Iterator[dict[str, Any]]:
    """The rows that lie there, in that order."""
    opened: dict[str, BinaryIO] = {}
    try:
        for name, offset, length in wanted:
            if name not in opened:
                if len(opened) == _OPEN:
                    opened.pop(next(iter(opened))).close()
                opened[name] = _here(location(name), offset + length).open("rb")
            opened[name].seek(offset)
            row: dict[str, Any] = json.loads(opened[name].read(length))
            yield row
    finally:
        for file in opened.values():
            file.close()


def _here(file: Location, size: int = 0) -> Path:
    """The file on this machine, at least `size` bytes of it; all where that is 0.

    An object of the journal only ever grows, so a copy that is long enough is as good as new.
    """
    copy = near(file)
    if isinstance(file, Remote):
        size = size or file.size()
        if not copy.exists() or copy.stat().st_size < size:
            with whole(copy) as part:
                part.write_bytes(file.read_bytes())
    return copy
