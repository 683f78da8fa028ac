"""Resolves the name that a user gave for a model to a path or id that an engine can open.

Reads no weights: the engine finds out whether the contents of a folder are valid.
"""

import difflib
import json
from pathlib import Path

from tutelage.errors import ModelError
from tutelage.models import bundle
from tutelage.seeds import digest
from tutelage.settings import BUNDLED

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt")
_ADVICE = "give a folder that `save_pretrained` wrote, or a hub id such as owner/name"

_SMALL = 4_000_000
"""In bytes; tokenizers are smaller, weights are larger."""


def is_bundled(name: str) -> bool:
    """Whether `name` is the bundled model, given by its name or by its folder in the cache."""
    return name == BUNDLED or (_is_path(name) and _absolute(name) == bundle.folder(BUNDLED))


def resolve(name: str) -> str:
    """The absolute folder of a bundled or local model; a hub id or URL is returned unchanged.

    A name is a path if it begins with `/`, `./`, `../` or `~`, has more than one slash, or exists.

    Raises:
        ModelError: the bundled model was not fetched yet, or the path is not a model.
    """
    if not name.strip():
        raise ModelError(f"wanted a model, got an empty name: {_ADVICE}")
    if name == BUNDLED:
        return str(_fetched(name))
    if "://" in name:
        return name
    if _is_path(name):
        return str(_checked(_absolute(name)))
    if "/" not in name and difflib.get_close_matches(name.lower(), [BUNDLED], cutoff=0.8):
        raise ModelError(f"no model {name!r}: did you mean {BUNDLED}?")
    return name


def is_on_hub(name: str) -> bool:
    """Whether it is an id of the hub. Nothing is opened."""
    return "/" in name and "://" not in name and not _is_path(name)


def split(name: str) -> tuple[str, str]:
    """A hub id and its revision: `("owner/name", "v1")` of `owner/name@v1`. Any other name is whole.

    >>> split("owner/name@v1"), split("owner/name"), split("/models/a@b")
    (('owner/name', 'v1'), ('owner/name', ''), ('/models/a@b', ''))
    """
    hub_id, _, revision = name.partition("@")
    is_hub_id = revision and hub_id.count("/") == 1 and not _is_path(name) and "://" not in name
    return (hub_id, revision) if is_hub_id else (name, "")


def _is_path(name: str) -> bool:
    return (
        name.startswith(("/", "./", "../", "~"))
        or name in (".", "..")
        or name.count("/") > 1
        or Path(name).exists()
    )


def _absolute(name: str) -> Path:
    try:
        return Path(name).expanduser().absolute()
    except RuntimeError as error:
        raise ModelError(f"wanted a model folder, got {name}: there is no such home") from error


def _fetched(name: str) -> Path:
    folder = bundle.folder(name)
    fault = bundle.fault(name)
    if fault:
        raise ModelError(f"the model {name} {fault} ({folder}): run: tutelage model pull")
    return folder


def _checked(folder: Path) -> Path:
    """`folder`, if it contains a configuration and weights. Raises `ModelError` if not."""
    if not folder.exists():
        raise ModelError(f"wanted a model folder, got {folder}, which does not exist: {_ADVICE}")
    if not folder.is_dir():
        raise ModelError(f"wanted a model folder, got the file {folder}: {_ADVICE}")
    config = folder / "config.json"
    if not config.is_file():
        lack = "which has no config.json"
        if (folder / "adapter_config.json").is_file():
            lack = "which holds a LoRA adapter only; merge it into its model first"
        raise ModelError(f"wanted a model folder, got {folder}, {lack}: {_ADVICE}")
    try:
        readable = isinstance(json.loads(config.read_text("utf-8")), dict)
    except (OSError, ValueError):
        readable = False
    if not readable:
        raise ModelError(f"wanted a model folder, got {folder}, whose config.json is not JSON")
    if not any(True for pattern in _WEIGHTS for _ in folder.glob(pattern)):
        raise ModelError(f"wanted a model folder, got {folder}, which has no weights: {_ADVICE}")
    return folder


def revision(name: str) -> str:
    """Identifies the contents of a model folder: a digest of the names and sizes of its files and
    of the contents of small ones. For a hub id, the revision in it; see `hub.pinned`.
    """
    folder = Path(resolve(name))
    if not folder.is_dir():
        return split(name)[1]
    parts: list[str | int] = []
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        size = path.stat().st_size
        parts += [path.name, size]
        if size < _SMALL:
            parts.append(path.read_bytes().hex())
    return digest(*parts)
