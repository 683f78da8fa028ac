"""Files of a data set on the Hugging Face hub: `hf://datasets/OWNER/NAME?split=train&config=main`.

The hub keeps most sets also as Parquet, by configuration and split, in a separate branch. For other
sets the original files are used, and the split is read from their names. Files are streamed, not
stored. `HF_ENDPOINT` selects another hub, `HF_TOKEN` gives access to private sets. An address of a
single file (`hf://datasets/OWNER/NAME/data/x.parquet`) is an ordinary URL.
"""

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, unquote

from tutelage.errors import CorpusError
from tutelage.plugins import nearest

_SET = re.compile(r"hf://(datasets/[^/@?]+/[^/@?]+)(@[^/?]+)?/?(?:\?(.*))?")
_CONVERTED = "@refs%2Fconvert%2Fparquet"
_DATA = re.compile(r"\.(?:parquet|jsonl|json|ndjson)(?:\.(?:gz|bz2|xz|zst))?$")
_SPLITS = ("train", "test", "validation", "dev")


def names_a_set(spec: str) -> bool:
    """Whether a spec names a whole set, not a file."""
    return bool(_SET.fullmatch(spec))


def find(spec: str) -> tuple[str, ...]:
    """The URLs of the files of one split.

    Raises:
        CorpusError: there is no such set, configuration or split, or the hub is unreachable.
    """
    match = _SET.fullmatch(spec)
    if not match:
        raise CorpusError(f"wanted hf://datasets/OWNER/NAME, got {spec!r}")
    root, revision, query = match.groups()
    options = dict(parse_qsl(query or ""))
    if unknown := options.keys() - {"split", "config"}:
        raise CorpusError(f"{spec!r} has no option {min(unknown)!r}: split and config are known")
    system = _hub(spec)
    tree = {} if revision else _tree(system, root + _CONVERTED, spec)
    if tree:
        return _chosen(tree, options, spec)
    tree = _tree(system, root + (revision or ""), spec)
    if not tree:
        raise _absent(spec)
    return _chosen(tree, options, spec)


def pinned(spec: str) -> str:
    """The spec with the set's current commit: `hf://datasets/OWNER/NAME@COMMIT?...`.

    Raises:
        CorpusError: there is no such set, or the hub is unreachable.
    """
    match = _SET.fullmatch(spec)
    if not match:
        raise CorpusError(f"wanted hf://datasets/OWNER/NAME, got {spec!r}")
    root, revision, query = match.groups()
    system = _hub(spec)
    from huggingface_hub import HfApi, errors

    for branch in (revision,) if revision else (_CONVERTED, "@main"):
        try:
            about = HfApi().dataset_info(
                root.removeprefix("datasets/"), revision=unquote(branch.removeprefix("@"))
            )
        except (errors.RevisionNotFoundError, errors.RepositoryNotFoundError):
            continue
        except Exception as error:  # whatever the HTTP client raises
            raise _unreached(spec, error) from error
        if _tree(system, f"{root}@{about.sha}", spec):
            return f"hf://{root}@{about.sha}" + (f"?{query}" if query else "")
    raise _absent(spec)


def _absent(spec: str) -> CorpusError:
    return CorpusError(f"there is no data set {spec!r} on the hub, or no access to it (HF_TOKEN)")


def _unreached(spec: str, error: Exception) -> CorpusError:
    message = " ".join(str(error).split())[:200]
    return CorpusError(f"{spec!r} cannot be reached: {message}")


def _hub(spec: str) -> Any:
    try:
        from huggingface_hub import HfFileSystem
    except ImportError:
        raise CorpusError(f"{spec!r} needs huggingface_hub: pip install huggingface_hub") from None
    return HfFileSystem()


def _tree(system: Any, root: str, spec: str) -> dict[tuple[str, str], list[str]]:
    """URLs by configuration and split; empty if the set or its branch does not exist."""
    try:
        paths = sorted(system.find(root))
    except FileNotFoundError:
        return {}
    except Exception as error:
        raise _unreached(spec, error) from error
    tree: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        inner = PurePosixPath(path).relative_to(root)
        if _DATA.search(inner.name) and not inner.name.startswith("."):
            tree.setdefault(_place(inner), []).append(f"hf://{path}")
    return tree


def _place(inner: PurePosixPath) -> tuple[str, str]:
    """Configuration and split of a file, from its folders and name.

    >>> _place(PurePosixPath("main/train/0000.parquet")), _place(PurePosixPath("data/test-00.parquet"))
    (('main', 'train'), ('default', 'test'))
    """
    folders = [word.removeprefix("partial-") for word in inner.parts[:-1]]
    stem_parts = re.split(r"[-_.]", inner.name)
    split = next((s for s in _SPLITS if s in folders or s in stem_parts), "")
    if not split and inner.name.startswith("0") and folders:
        split = folders[-1]
    config = [word for word in folders if word not in (split, "data")]
    return "/".join(config) or "default", split or "train"


def _chosen(
    tree: dict[tuple[str, str], list[str]], options: dict[str, str], spec: str
) -> tuple[str, ...]:
    """The files of the requested configuration and split, or of the only or default ones.

    Raises:
        CorpusError: there is no match, or the choice is ambiguous.
    """
    configs = sorted({config for config, _ in tree})
    config = options.get("config") or next((c for c in ("default", "main") if c in configs), "")
    config = config or (configs[0] if len(configs) == 1 else "")
    if config not in configs:
        problem = (
            f"has no config {config!r}{nearest(config, configs)}"
            if config
            else "has several configs"
        )
        raise CorpusError(f"{spec!r} {problem}: say ?config= with one of {', '.join(configs)}")
    splits = sorted(split for other, split in tree if other == config)
    split = options.get("split") or next((s for s in _SPLITS if s in splits), splits[0])
    if split not in splits:
        raise CorpusError(
            f"{spec!r} has no split {split!r}{nearest(split, splits)}: have {', '.join(splits)}"
        )
    return tuple(tree[config, split])
