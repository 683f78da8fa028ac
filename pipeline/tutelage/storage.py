"""Where files lie: on disk, or in an object store that Arrow can reach (`gs://`, `s3://`).

A place is a `Path`, or a `Remote`, which answers to those few of a path's methods that runs use. A
store knows no append, no rename and no folders, only whole objects with long names; what has to be
done in another way there is in the functions below, and nobody else asks which kind a place is but
the journal, the lock of a run and the reader of its shards.

    whole      write a file whole or not at all
    opened     read any part of it by Arrow
    streamed   read it by Arrow from the front
    move       a file to another place on the same disk or in the same store
    remove     a file, or a folder with all in it
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

import pyarrow as pa
from pyarrow import fs

from tutelage.errors import Mistake

_URL = re.compile(r"(?P<store>[\w+.-]+://[^/?]+)/?(?P<path>[^?]*)(?P<query>\?.*)?")
_BUFFER = 1 << 20
_RETRY_S = 30
_AT_ONCE = 16
"""Objects that are removed at once."""


def locate(path: str) -> tuple[fs.FileSystem, str]:
    """The filesystem of a path or URL, and the place in it.

    Raises:
        Mistake: Arrow knows no such filesystem, or cannot reach it.
    """
    if "://" not in path:
        return fs.LocalFileSystem(), path
    if re.match(r"gc?s://", path) and "retry_limit_seconds" not in path:
        # Google's client would try for 15 minutes, even where there are no credentials at all.
        path += f"{'&' if '?' in path else '?'}retry_limit_seconds={_RETRY_S}"
    try:
        resolved: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(path)
    except (pa.ArrowException, OSError) as error:
        raise Mistake(f"cannot read {path}: {reason(error)}") from error
    return resolved


def reason(error: Exception) -> str:
    """What Arrow or the system complains of, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    for tail in (". Detail:", " error_info="):
        text = text.partition(tail)[0]
    return text.splitlines()[0] if text else type(error).__name__


@contextmanager
def _answering() -> Iterator[None]:
    """Some stores' faults are no `OSError`; here they are."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


@cache
def _store(url: str) -> tuple[fs.FileSystem, str]:
    """The filesystem behind `scheme://bucket?options`, opened once in a process."""
    system, root = locate(url)
    return system, root.rstrip("/")


@dataclass(frozen=True, slots=True, order=True)
class Remote:
    """An object in a store, or a folder, which is there as long as an object is in it."""

    store: str
    """`scheme://bucket`."""
    path: str
    """Name in the bucket, as it is."""
    query: str
    """Options of Arrow's filesystem, such as `?endpoint_override=localhost:9000&scheme=http`."""

    @property
    def at(self) -> tuple[fs.FileSystem, str]:
        """Arrow's filesystem, and the name in it."""
        system, root = _store(self.store + self.query)
        return system, f"{root}/{self.path}".rstrip("/")

    def __str__(self) -> str:
        return f"{self.store}/{quote(self.path)}".rstrip("/") + self.query

    def __truediv__(self, name: str) -> "Remote":
        return Remote(self.store, f"{self.path}/{name}".lstrip("/"), self.query)

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.path).stem

    @property
    def suffix(self) -> str:
        """From the last dot."""
        return PurePosixPath(self.path).suffix

    @property
    def parent(self) -> "Remote":
        """The folder that it is in."""
        return Remote(self.store, self.path.rpartition("/")[0], self.query)

    def exists(self) -> bool:
        """Whether there is such an object or folder."""
        is_there: bool = self._info().type != fs.FileType.NotFound
        return is_there

    def is_file(self) -> bool:
        """Whether there is such an object."""
        is_one: bool = self._info().type == fs.FileType.File
        return is_one

    def is_dir(self) -> bool:
        """Whether there are objects below it."""
        is_one: bool = self._info().type == fs.FileType.Directory
        return is_one

    def size(self) -> int:
        """Bytes of the object; 0 where there is none."""
        return self._info().size or 0

    def read_bytes(self) -> bytes:
        """All of it. Raises `FileNotFoundError`."""
        system, key = self.at
        with _answering(), system.open_input_stream(key) as stream:
            return bytes(stream.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it as text. Raises `FileNotFoundError`."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Puts an object there, in the place of any other; readers see either of them whole."""
        system, key = self.at
        with _answering():
            stream = system.open_output_stream(key)
            # In one call, which no signal can end: what is closed is there, half or whole.
            stream.write(data)
            stream.close()

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """The same with text."""
        self.write_bytes(text.encode(encoding))

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the object. Raises `FileNotFoundError` unless it may be missing."""
        system, key = self.at
        try:
            system.delete_file(key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rmtree(self) -> None:
        """Removes the object, and all that is below it; nothing where there is nothing.

        One by one: Arrow would also remove the object that stands for the folder, which a store
        need not have, and fail after all the others are gone.
        """
        with _answering(), ThreadPoolExecutor(_AT_ONCE) as pool:
            names = [self, *self.rglob("*")] if self.is_file() else self.rglob("*")
            for _ in pool.map(lambda name: name.unlink(missing_ok=True), names):
                pass

    def copy_to(self, target: "Remote") -> None:
        """Copies the object within its store, which moves no byte to this machine."""
        system, key = self.at
        with _answering():
            system.copy_file(key, target.at[1])

    def glob(self, pattern: str) -> Iterator["Remote"]:
        """The objects whose names below this match, each part of them a part of the pattern."""
        depth = pattern.count("/")
        for remote, name in self._below(recursive=depth > 0):
            if name.count("/") == depth and PurePosixPath(name).match(pattern):
                yield remote

    def rglob(self, pattern: str) -> Iterator["Remote"]:
        """The objects at any depth whose last part matches."""
        for remote, name in self._below(recursive=True):
            if PurePosixPath(name).match(pattern):
                yield remote

    def _below(self, recursive: bool) -> Iterator[tuple["Remote", str]]:
        system, key = self.at
        wanted = fs.FileSelector(key, allow_not_found=True, recursive=recursive)
        for info in system.get_file_info(wanted):
            if info.type == fs.FileType.File:
                name = info.path.removeprefix(key).lstrip("/")
                yield self / name, name

    def _info(self) -> fs.FileInfo:
        system, key = self.at
        with _answering():
            return system.get_file_info(key)


Location = Path | Remote


def location(text: str) -> Location:
    """The place that a person named, or that was written down as `str(place)`.

    Raises:
        Mistake: Arrow knows no such store or cannot reach it, or the URL holds a secret, which
            would be written into the run.
    """
    if "://" not in text:
        return Path(text)
    if text.startswith("file://"):
        return Path(locate(text)[1])
    parts = _URL.fullmatch(text)
    if parts is None or ".." in parts["path"].split("/"):
        raise Mistake(f"wanted a URL such as gs://bucket/run, got {text}")
    if re.search(r"://[^/]*:[^/]*@", parts["store"]):
        raise Mistake(
            f"wanted {parts['store'].partition('://')[0]}://BUCKET/..., got a URL with a key in it: "
            "leave it to the environment (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS)"
        )
    remote = Remote(parts["store"], unquote(parts["path"]).strip("/"), parts["query"] or "")
    _ = remote.at
    return remote


@contextmanager
def whole(where: Location) -> Iterator[Path]:
    """A file on this disk to write to. Left without a fault, it is at its place, all at once; where
    none was written, nothing changes.
    """
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        # Of this thread alone: two that write the same file would write into each other's.
        part = where.with_name(f".{where.name}.{os.getpid()}.{threading.get_ident()}.part")
        part.unlink(missing_ok=True)
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        if part.exists():
            _to_disk(part)  # or a power cut could leave the name without the words
            part.replace(where)
        return
    with tempfile.TemporaryDirectory(prefix="tutelage-") as folder:
        part = Path(folder) / where.name
        yield part
        if part.exists():
            where.write_bytes(part.read_bytes())


def _to_disk(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def opened(where: Location) -> pa.NativeFile:
    """The file for Arrow's readers, which take of it what they want."""
    if isinstance(where, Path):
        return pa.OSFile(str(where))
    system, key = where.at
    return system.open_input_file(key)


def streamed(where: Location) -> pa.NativeFile:
    """The file for Arrow's readers, from its beginning to its end."""
    if isinstance(where, Path):
        return pa.OSFile(str(where))
    system, key = where.at
    return system.open_input_stream(key, buffer_size=_BUFFER)


def move(source: Location, target: Location) -> None:
    """Gives a file another place on the same disk or in the same store, in the place of any other."""
    if isinstance(source, Remote) and isinstance(target, Remote):
        source.copy_to(target)
        source.unlink(missing_ok=True)
    elif isinstance(source, Path) and isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    else:
        raise ValueError(f"wanted two places on disk or two in a store, got {source} and {target}")


def remove(where: Location) -> None:
    """Removes a file, or a folder with all in it; nothing where there is none."""
    if isinstance(where, Remote):
        where.rmtree()
    elif where.is_dir():
        shutil.rmtree(where)
    else:
        where.unlink(missing_ok=True)
