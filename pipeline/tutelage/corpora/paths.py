"""Finds files and opens them: paths, globs, URLs, compression.

Compression is detected from the first bytes, not from the name. Contents are not interpreted here.
"""

import bz2
import errno
import gzip
import importlib
import io
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import Any, cast

from tutelage import storage
from tutelage.corpora import hub_files
from tutelage.errors import CorpusError
from tutelage.storage import Remote

_BUFFER = 1 << 16
_BUFFER_OF_STORES = 1 << 20
"""Bytes per request; a store's latency costs about as much as transferring this many."""


def find(spec: str) -> tuple[str, ...]:
    """The files that a path, a glob or a URL names, sorted.

    Raises:
        CorpusError: there is no such file, or no library to read it.
    """
    if hub_files.names_a_set(spec):
        return hub_files.find(spec)
    if stored := _stored(spec):
        return _find_stored(spec, stored)
    if is_url(spec):
        return _find_remote(spec)
    path = Path(spec).expanduser()
    if path.is_file():
        return (str(path),)
    if path.is_dir():
        raise CorpusError(
            f"{spec!r} is a folder: name its files, such as {spec.rstrip('/')}/*.jsonl"
        )
    if has_magic(spec):
        # Path.glob accepts no absolute pattern.
        names = glob(str(path), recursive=True)  # noqa: PTH207
        files = sorted(name for name in names if Path(name).is_file())
        if files:
            return tuple(files)
        raise CorpusError(f"no file matches {spec!r}: check the folder and the pattern")
    raise CorpusError(f"there is no file {spec!r}: check the path, or see `tutelage corpus list`")


def is_url(spec: str) -> bool:
    """Whether the spec is a URL, such as `gs://bucket/file.jsonl`."""
    return "://" in spec


def joined(folder: str, path: str) -> str:
    """`path` relative to `folder`, unless it is a URL or absolute."""
    return path if not folder or is_url(path) else str(Path(folder) / path)


def size(path: str) -> int:
    """Size of a file in bytes, as stored.

    Raises:
        CorpusError: it does not exist or cannot be reached.
    """
    try:
        if not is_url(path):
            return Path(path).stat().st_size
        if stored := _stored(path):
            if not stored.is_file():
                raise CorpusError(f"there is no {path}: check the address")
            return stored.size()
        system, inner = _remote(path)
        return int(system.size(inner))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The system's error message, without the file name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def unpacked(path: str) -> io.BufferedReader:
    """The decompressed content of a file, as a stream.

    Raises:
        OSError: the file cannot be read.
    """
    raw = _raw(path)
    decompress = _compression(raw)
    return raw if decompress is None else _buffered(decompress(raw))


def is_compressed(path: str) -> bool:
    """Whether the file is compressed, so that reading cannot start in the middle.

    Raises:
        OSError: the file cannot be read.
    """
    with _raw(path) as raw:
        return _compression(raw) is not None


def _compression(raw: io.BufferedReader) -> Callable[[io.BufferedReader], object] | None:
    """The decompressor of the stream, chosen by its first bytes; None if it is not compressed."""
    head = raw.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return lambda packed: gzip.GzipFile(fileobj=packed)
    if head.startswith(b"BZh"):
        return bz2.BZ2File
    if head.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstandard
    return None


def _raw(path: str) -> io.BufferedReader:
    if not is_url(path):
        return Path(path).open("rb")
    if stored := _stored(path):
        return _buffered(_Object(stored), _BUFFER_OF_STORES)
    system, inner = _remote(path)
    return _buffered(system.open(inner, "rb"))


def _buffered(stream: object, size: int = _BUFFER) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, stream), buffer_size=size)


class _Object(io.RawIOBase):
    """An object in a store. Its errors have numbers, to tell a failing store from a bad row."""

    def __init__(self, where: Remote) -> None:
        with _numbered():
            self._file = storage.opened(where)
            self._size = self._file.size()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._size - self._at)
        if count <= 0:  # stores reject empty reads
            return 0
        with _numbered():
            data = self._file.read_at(count, self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@contextmanager
def _numbered() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or errno.EIO, storage.reason(error)) from error


def _zstandard(raw: io.BufferedReader) -> object:
    import pyarrow as pa  # includes zstd, which this Python's standard library may lack

    return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")


def _stored(spec: str) -> Remote | None:
    """The object or pattern in a store that a URL names; None for other names."""
    where = storage.location(spec) if spec.startswith(storage.STORES) else None
    return where if isinstance(where, Remote) else None


def _find_stored(spec: str, where: Remote) -> tuple[str, ...]:
    folder, name = where, ""
    while has_magic(folder.path):
        folder, name = folder.parent, f"{folder.name}/{name}".rstrip("/")
    if "**" in name.removeprefix("**/") or name == "**":
        raise CorpusError(
            f"{spec!r}: wanted ** at the beginning of the pattern only, as in gs://bucket/**/*.jsonl"
        )
    try:
        if not name:
            files = [where] if where.is_file() else []
        elif name.startswith("**/"):
            files = sorted(folder.rglob(name.removeprefix("**/")))
        else:
            files = sorted(folder.glob(name))
    except OSError as error:
        raise CorpusError(f"{spec!r} cannot be reached: {storage.reason(error)}") from error
    if not files:
        raise CorpusError(f"nothing lies at {spec!r}: check the address and your access to it")
    return tuple(map(str, files))


def _find_remote(spec: str) -> tuple[str, ...]:
    system, inner = _remote(spec)
    try:
        names = sorted(system.glob(inner)) if has_magic(inner) else [inner]
        missing = not names or not all(system.exists(name) for name in names[:1])
    except Exception as error:
        raise CorpusError(f"{spec!r} cannot be reached: {error}") from error
    if missing:
        raise CorpusError(f"nothing lies at {spec!r}: check the address and your access to it")
    return tuple(system.unstrip_protocol(name) for name in names)


def _remote(spec: str) -> tuple[Any, str]:
    """fsspec's file system and inner path of a URL. fsspec is imported only if there is a URL."""
    scheme = spec.partition("://")[0]
    try:
        fsspec = importlib.import_module("fsspec.core")
    except ImportError:
        raise CorpusError(f"{spec!r} needs fsspec: pip install fsspec, or copy the file") from None
    try:
        system, inner = fsspec.url_to_fs(spec)
    except (ImportError, ValueError, OSError) as error:
        raise CorpusError(f"no way to read {scheme}:// here: {error}") from error
    return system, inner
