"""Copies weights from an object store to this machine, once for all processes that start vLLM on
it.

vLLM itself would stream them from the store at each start, and needs an extra library for that.
Models on the hub are not handled here: vLLM's client caches them in the same way.
"""

import fcntl
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tutelage import models
from tutelage.errors import Mistake, ModelError
from tutelage.seeds import digest
from tutelage.storage import STORES, Remote, location, reason, streamed

_AT_ONCE = 8
"""Files copied in parallel."""
_CHUNK = 8 << 20
"""Bytes of a file held in memory at a time."""


def on_this_machine(model: str) -> str:
    """The folder or hub id from which vLLM loads a model; a model in a store is copied first.

    Raises:
        ModelError: the model does not exist or cannot be copied.
    """
    resolved = models.resolve(model)
    if not resolved.startswith(STORES):
        return resolved
    files = _files(resolved)
    folder = models.cache() / "weights" / revision(resolved)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{folder}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _copy(files, folder)
    except OSError as error:
        raise ModelError(f"cannot copy {resolved} to {folder}: {reason(error)}") from error
    return str(folder)


def revision(url: str) -> str:
    """Identifies the contents of a model in a store: a digest of the names and sizes of its files.

    Raises:
        ModelError: the model does not exist.
    """
    files = _files(url)
    return digest(url, *(part for name in sorted(files) for part in (name, files[name].size())))


def _files(url: str) -> dict[str, Remote]:
    """The files of a model in a store, by their names below `url`."""
    try:
        source = location(url)
        remotes = [file for file in source.rglob("*") if isinstance(file, Remote)]
    except (OSError, Mistake) as error:
        raise ModelError(f"cannot read the model {url}: {reason(error)}") from error
    prefix = source.path + "/" if isinstance(source, Remote) else ""
    files = {file.path.removeprefix(prefix): file for file in remotes}
    if "config.json" not in files:
        raise ModelError(f"wanted a model folder, got {url}, which has no config.json")
    return files


def _copy(files: Mapping[str, Remote], folder: Path) -> None:
    """Copies all files; `folder` appears only when it is complete."""
    part = Path(f"{folder}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            copies = [pool.submit(_copy_file, file, part / name) for name, file in files.items()]
        for copy in copies:
            copy.result()
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_file(file: Remote, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with streamed(file) as stream, target.open("wb") as copy:
        while chunk := stream.read(_CHUNK):
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
