"""Stores the replies of unfinished dialogues, so that a resumed run replays them.

A dialogue is journaled when it ends; without this file, replies of a dialogue in progress would be
lost with the process. Each worker appends every reply to a file of its own. When a later session
sends exactly the same request, it gets the stored reply at once. The size is bounded: a dialogue's
replies are dropped when it ends, and the file is rewritten when most of it is obsolete. This is no
cache: within a session, and in other runs, a repeated request is sampled again. The files are
appended to, so they are on the local disk wherever the run is.
"""

import asyncio
import json
import threading
import uuid
from collections.abc import Container, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from tutelage.engines import Engine, Players
from tutelage.engines.scripted import Scripted
from tutelage.engines.worked import WorkedTeacher
from tutelage.records import Reply, Request, Usage
from tutelage.seeds import digest

_INSTANT = (Scripted, WorkedTeacher)
"""Engines that answer instantly, so that replaying saves nothing."""
_FIELDS = [field.name for field in fields(Reply)]
_COUNTS = [field.name for field in fields(Usage)]
_SLACK = 32 << 20
"""Bytes of obsolete replies that a file may hold before it is rewritten."""


class Replies:
    """Replies of a run's unfinished dialogues. Thread-safe.

    One line per reply: `key TAB owner TAB reply as JSON`. The owner is the asyncio task's name,
    which `driver` sets to the id of the dialogue in play, or to that of the dialogue it plays a
    request for.
    """

    def __init__(self, folder: Path) -> None:
        """Reads what earlier sessions left in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.replayed = 0
        self._path = folder / f"{uuid.uuid4().hex}.jsonl"
        self._before = {key: text for key, _, text in _lines(folder)}
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._size = 0
        self._live: dict[str, list[tuple[int, int]]] = {}
        """Owner -> (offset, length) of each of its lines in the file."""
        self._live_size = 0
        self._closed = False

    def find(self, request: Request) -> Reply | None:
        """The reply that an earlier session got, or None."""
        if not self._before or (text := self._before.get(_key(request))) is None:
            return None
        self.replayed += 1
        return _reply(json.loads(text))

    def keep(self, request: Request, reply: Reply) -> None:
        """Stores a reply. Write errors stop the recording silently; the journal reports a full
        disk.
        """
        task = asyncio.current_task()
        owner = task.get_name() if task else ""
        text = json.dumps(_parts(reply), separators=(",", ":"))
        line = f"{_key(request)}\t{owner}\t{text}\n".encode()
        with self._lock:
            if self._closed:
                return
            try:
                self._write(line)
            except OSError:
                self._closed = True
                return
            if owner not in self._live and task is not None:
                task.add_done_callback(self._forget)
            self._live.setdefault(owner, []).append((self._size, len(line)))
            self._size += len(line)
            self._live_size += len(line)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._closed = True

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        if self._file.write(line) != len(line):
            raise OSError("short write")

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        """Drops the replies of a dialogue that has ended. A cancelled one will be played again."""
        if task.cancelled():
            return
        with self._lock:
            gone = self._live.pop(task.get_name(), [])
            self._live_size -= sum(length for _, length in gone)
            if self._size - self._live_size > _SLACK + 2 * self._live_size and not self._closed:
                try:
                    self._rewrite()
                except OSError:
                    self._closed = True

    def _rewrite(self) -> None:
        """Replaces the file by one with the live lines only."""
        part = self._path.with_suffix(".part")
        live: dict[str, list[tuple[int, int]]] = {}
        size = 0
        with self._path.open("rb") as old, part.open("wb") as new:
            for owner, spans in self._live.items():
                for offset, length in spans:
                    old.seek(offset)
                    new.write(old.read(length))
                    live.setdefault(owner, []).append((size, length))
                    size += length
        if self._file is not None:
            self._file.close()
            self._file = None
        part.replace(self._path)
        self._live, self._size, self._live_size = live, size, size


class Replay:
    """An engine that is asked only if `replies` has no stored reply."""

    def __init__(self, engine: Engine, replies: Replies) -> None:
        self._engine = engine
        self._replies = replies

    @property
    def capacity(self) -> int:
        """The engine's own."""
        return self._engine.capacity

    async def reply(self, request: Request) -> Reply:
        """The stored reply of an earlier session, or a new one; see `Engine`."""
        reply = self._replies.find(request)
        if reply is None:
            reply = await self._engine.reply(request)
            self._replies.keep(request, reply)
        return reply

    def gauges(self) -> Mapping[str, float]:
        """The engine's gauges, and the number of replayed replies."""
        return {**self._engine.gauges(), "replayed": float(self._replies.replayed)}

    def close(self) -> None:
        """Closes the engine. The owner of `replies` closes them."""
        self._engine.close()


def remembering(players: Players, replies: Replies) -> Players:
    """The same players, with slow engines wrapped in `Replay`."""
    wrapped: dict[int, Engine] = {
        id(engine): engine if isinstance(engine, _INSTANT) else Replay(engine, replies)
        for engine in players.distinct
    }
    return replace(
        players,
        student=wrapped[id(players.student)],
        teacher=wrapped[id(players.teacher)],
        reader=wrapped[id(players.reader)] if players.reader is not None else None,
        distinct=tuple(wrapped.values()),
    )


def tidy(folder: Path, done: Container[str]) -> None:
    """Merges the files in `folder` into one, without the replies of dialogues in `done`.

    No process may be generating meanwhile.
    """
    old = sorted(folder.glob("*"))
    if not old:
        return
    whole = folder / f"{uuid.uuid4().hex}.jsonl"
    part = whole.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for key, owner, text in _lines(folder):
            if owner not in done:
                file.write(f"{key}\t{owner}\t{text}\n")
    part.replace(whole)
    for path in old:
        path.unlink(missing_ok=True)


def _lines(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(key, owner, reply as JSON) of every complete line in `folder`."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                parts = line.split(b"\t", 2)
                if len(parts) == 3 and line.endswith(b"}\n"):
                    key, owner, text = (part.decode("ascii", "replace") for part in parts)
                    yield key, owner, text.rstrip("\n")


def _key(request: Request) -> str:
    sampling = request.sampling
    words = [word for pair in request.chat for word in pair]
    history = ",".join(map(str, request.history))
    header = (request.player, request.seed, repr(sampling), history)
    return digest(*header, len(words), *words, size=32)


def _parts(reply: Reply) -> dict[str, Any]:
    shallow = {name: getattr(reply, name) for name in _FIELDS}
    return shallow | {"usage": [getattr(reply.usage, name) for name in _COUNTS]}


def _reply(parts: dict[str, Any]) -> Reply:
    tuples = {name: tuple(value) for name, value in parts.items() if isinstance(value, list)}
    return Reply(**{**parts, **tuples, "usage": Usage(*parts["usage"])})
