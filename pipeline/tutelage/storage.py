"""Where files lie: on disk, or in an object store that Arrow can reach (`gs://`, `s3://`).

A `Location` is a `Path`, or a `Remote`, which has the few methods of a path that runs use. A store
has no append, no rename and no folders, only whole objects with long names. The functions below hide
that difference. Only the journal, the lock of a run and the readers of shards ask which kind of
location they have.

    whole      write a file completely or not at all
    opened     open a file for Arrow at any offset
    streamed   open a file for Arrow from start to end
    move       rename a file on the same disk or within the same store
    remove     delete a file, or a folder with everything in it
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

STORES = ("gs://", "gcs://", "s3://")
"""How the URLs of object stores begin."""
_URL = re.compile(r"(?P<store>[\w+.-]+://[^/?]+)/?(?P<path>[^?]*)(?P<query>\?.*)?")
_BUFFER = 1 << 20
_RETRY_S = 30
_AT_ONCE = 16
"""Objects that are removed in parallel."""


def locate(path: str) -> tuple[fs.FileSystem, str]:
    """The filesystem of a path or URL, and the path within it.

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
    """The error message of Arrow or the system, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    for tail in (". Detail:", " error_info="):
        text = text.partition(tail)[0]
    return text.splitlines()[0] if text else type(error).__name__


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turns the errors of stores that raise something else into `OSError`."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


@cache
def filesystem(url: str) -> tuple[fs.FileSystem, str]:
    """The filesystem behind `scheme://bucket?options`, opened once per process."""
    system, root = locate(url)
    return system, root.rstrip("/")


@dataclass(frozen=True, slots=True, order=True)
class Remote:
    """An object in a store, or a folder, which exists as long as it contains an object."""

    store: str
    """`scheme://bucket`."""
    path: str
    """Name in the bucket, not percent-encoded."""
    query: str
    """Options of Arrow's filesystem, such as `?endpoint_override=localhost:9000&scheme=http`."""

    @property
    def at(self) -> tuple[fs.FileSystem, str]:
        """Arrow's filesystem, and the path within it."""
        system, root = filesystem(self.store + self.query)
        return system, f"{root}/{self.path}".rstrip("/")

    def __str__(self) -> str:
        return f"{self.store}/{quote(self.path)}".rstrip("/") + self.query

    def __truediv__(self, name: str) -> "Remote":
        return Remote(self.store, f"{self.path}/{name}".lstrip("/"), self.query)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        """The last part of the path without its suffix."""
        return PurePosixPath(self.path).stem

    @property
    def suffix(self) -> str:
        """The end of the name, from its last dot on."""
        return PurePosixPath(self.path).suffix

    @property
    def parent(self) -> "Remote":
        """The folder that contains it."""
        return Remote(self.store, self.path.rpartition("/")[0], self.query)

    def exists(self) -> bool:
        """Whether there is such an object or folder."""
        is_there: bool = self._info().type != fs.FileType.NotFound
        return is_there

    def is_file(self) -> bool:
        """Whether there is such an object."""
        is_object: bool = self._info().type == fs.FileType.File
        return is_object

    def is_dir(self) -> bool:
        """Whether there are objects below it."""
        is_folder: bool = self._info().type == fs.FileType.Directory
        return is_folder

    def size(self) -> int:
        """Size of the object in bytes; 0 if it does not exist."""
        return self._info().size or 0

    def read_bytes(self) -> bytes:
        """The object's content. Raises `FileNotFoundError`."""
        system, key = self.at
        with _as_os_error(), system.open_input_stream(key) as stream:
            return bytes(stream.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """The object's content as text. Raises `FileNotFoundError`."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Writes the object or replaces it; readers see the old content or the new, never a mix."""
        system, key = self.at
        with _as_os_error():
            stream = system.open_output_stream(key)
            # In one call, which no signal interrupts: closing publishes whatever was written so far.
            stream.write(data)
            stream.close()

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """As `write_bytes`, from text."""
        self.write_bytes(text.encode(encoding))

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the object. Raises `FileNotFoundError` unless `missing_ok`."""
        system, key = self.at
        try:
            system.delete_file(key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rmtree(self) -> None:
        """Removes the object and everything below it; does nothing if there is nothing.

        Deletes one object at a time. Arrow's own call also deletes the marker object of the folder,
        which a store need not have, and then fails after everything else is gone.
        """
        with _as_os_error(), ThreadPoolExecutor(_AT_ONCE) as pool:
            names = [self, *self.rglob("*")] if self.is_file() else self.rglob("*")
            for _ in pool.map(lambda name: name.unlink(missing_ok=True), names):
                pass

    def copy_to(self, target: "Remote") -> None:
        """Copies the object within its store; no data passes through this machine."""
        system, key = self.at
        with _as_os_error():
            system.copy_file(key, target.at[1])

    def glob(self, pattern: str) -> Iterator["Remote"]:
        """The objects below this whose relative path matches the pattern part by part."""
        depth = pattern.count("/")
        for remote, name in self._below(recursive=depth > 0):
            if name.count("/") == depth and PurePosixPath(name).match(pattern):
                yield remote

    def rglob(self, pattern: str) -> Iterator["Remote"]:
        """The objects at any depth below this whose name matches the pattern."""
        for remote, name in self._below(recursive=True):
            if PurePosixPath(name).match(pattern):
                yield remote

    def _below(self, recursive: bool) -> Iterator[tuple["Remote", str]]:
        system, key = self.at
        selector = fs.FileSelector(key, allow_not_found=True, recursive=recursive)
        for info in system.get_file_info(selector):
            if info.type == fs.FileType.File:
                name = info.path.removeprefix(key).lstrip("/")
                yield self / name, name

    def _info(self) -> fs.FileInfo:
        system, key = self.at
        with _as_os_error():
            return system.get_file_info(key)


Location = Path | Remote


def location(text: str) -> Location:
    """The location that a person named, or that was stored as `str(location)`.

    Raises:
        Mistake: Arrow knows no such store or cannot reach it, or the URL contains a secret, which
            would end up in the files of the run.
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
    """Yields a temporary local file to write to. If the block ends without an error, the file appears
    at `where` in one step; if nothing was written to it, nothing changes.
    """
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        # One name per thread: two threads that write the same file must not share a temporary one.
        part = where.with_name(f".{where.name}.{os.getpid()}.{threading.get_ident()}.part")
        part.unlink(missing_ok=True)
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        if part.exists():
            _to_disk(part)  # or a power cut could leave the name without the content
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
    """The file opened for Arrow's readers, with random access."""
    if isinstance(where, Path):
        return pa.OSFile(str(where))
    system, key = where.at
    return system.open_input_file(key)


def streamed(where: Location) -> pa.NativeFile:
    """The file opened for Arrow's readers, from start to end only."""
    if isinstance(where, Path):
        return pa.OSFile(str(where))
    system, key = where.at
    return system.open_input_stream(key, buffer_size=_BUFFER)


def move(source: Location, target: Location) -> None:
    """Renames a file on the same disk or within the same store; replaces an existing target."""
    if isinstance(source, Remote) and isinstance(target, Remote):
        source.copy_to(target)
        source.unlink(missing_ok=True)
    elif isinstance(source, Path) and isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    else:
        raise ValueError(
            f"wanted two locations on disk or two in a store, got {source} and {target}"
        )


def remove(where: Location) -> None:
    """Removes a file, or a folder with everything in it; does nothing if it does not exist."""
    if isinstance(where, Remote):
        where.rmtree()
    elif where.is_dir():
        shutil.rmtree(where)
    else:
        where.unlink(missing_ok=True)
