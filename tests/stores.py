"""An object store in memory, with what a true one lacks lacking: no append, no rename, no folders.

An object is there when its stream was closed, whole. `mem://bucket/name` leads to it wherever a
place is taken, while the fixture `store` is in use.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

from tutelage import storage
from tutelage.dedup import tables
from tutelage.shards import lock
from tutelage.storage import Remote


class Store(fs.FileSystemHandler):
    """All buckets. `objects` is what it holds, by name."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes: list[str] = []
        """Names in the order in which they were written."""
        self.refuses: Callable[[str, str], bool] = lambda what, name: False
        """Whether a request (`read` or `write`) fails."""
        self.written: Callable[[str], None] = lambda name: None
        self._lock = threading.Lock()

    def _ask(self, what: str, name: str) -> None:
        if self.refuses(what, name):
            raise OSError(f"the store is away: {what} {name}")

    def get_type_name(self) -> str:
        return "mem"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return [self._info(path) for path in paths]

    def _info(self, path: str) -> fs.FileInfo:
        self._ask("read", path)
        if path in self.objects:
            return fs.FileInfo(path, fs.FileType.File, size=len(self.objects[path]))
        within = any(name.startswith(f"{path}/") for name in list(self.objects))
        return fs.FileInfo(path, fs.FileType.Directory if within else fs.FileType.NotFound)

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        self._ask("read", selector.base_dir)
        found = set()
        for name in list(self.objects):
            if name.startswith(f"{selector.base_dir}/"):
                rest = name.removeprefix(f"{selector.base_dir}/").split("/")
                depths = range(1, len(rest) + 1) if selector.recursive else [1]
                found |= {"/".join([selector.base_dir, *rest[:depth]]) for depth in depths}
        if not found and not selector.allow_not_found:
            raise FileNotFoundError(selector.base_dir)
        return [self._info(name) for name in found]

    def create_dir(self, path: str, recursive: bool) -> None:
        raise NotImplementedError

    def delete_dir(self, path: str) -> None:
        raise NotImplementedError("a store has no folder to remove")

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        self.delete_dir(path)

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError

    def delete_file(self, path: str) -> None:
        self._ask("write", path)
        if self.objects.pop(path, None) is None:
            raise FileNotFoundError(path)

    def move(self, src: str, dest: str) -> None:
        raise NotImplementedError("a store cannot rename")

    def copy_file(self, src: str, dest: str) -> None:
        if src not in self.objects:
            raise FileNotFoundError(src)
        self.put(dest, self.objects[src])

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> pa.NativeFile:
        self._ask("read", path)
        if path not in self.objects:
            raise FileNotFoundError(path)
        return pa.BufferReader(self.objects[path])

    def open_output_stream(self, path: str, metadata: Any) -> pa.NativeFile:
        return pa.PythonFile(_Upload(self, path), mode="w")

    def open_append_stream(self, path: str, metadata: Any) -> pa.NativeFile:
        raise NotImplementedError("a store cannot append")

    def put(self, path: str, data: bytes) -> None:
        with self._lock:
            self._ask("write", path)
            self.objects[path] = data
            self.writes.append(path)
        self.written(path)


class _Upload:
    """One object on its way."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path
        self._data = bytearray()
        self.closed = False

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._store.put(self._path, bytes(self._data))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """An empty store behind `mem://`; locks settle at once and are stale after half a second."""
    made = Store()
    system, real = fs.PyFileSystem(made), storage.locate

    def locate(url: str) -> tuple[fs.FileSystem, str]:
        if not url.startswith("mem://"):
            return real(url)
        return system, url.removeprefix("mem://").partition("?")[0]

    monkeypatch.setattr(storage, "locate", locate)
    monkeypatch.setattr(tables, "locate", locate)
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lock, "_SETTLE_S", 0.0)
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(lock, "_RENEW_S", 0.1)
    storage.filesystem.cache_clear()
    yield made
    storage.filesystem.cache_clear()


def bucket(name: str = "run") -> Remote:
    """A place in the store."""
    return Remote("mem://bucket", name, "")
