"""A run on the Hugging Face hub: what of it goes there, and that the hub's viewer can show it.

What goes is what somebody else needs to read the run as one: card, manifest, shards, splits, report
of contamination, and its settings without what is this machine's own (paths, addresses). The
journal, logs, replies and rejected inputs stay. The hub's library does the rest.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow.parquet as pq

from tutelage.errors import Mistake, RunFailed, SettingsError
from tutelage.shards.folder import RunFolder, existing
from tutelage.shards.reader import shard_files
from tutelage.storage import Location, opened

MOST_GROUP_BYTES = 286 << 20
"""Uncompressed bytes of a row group beyond which the hub's viewer gives up."""
_TEXTS = ("README.md", "manifest.json", "splits.json", "contamination.md", "contamination.jsonl")
_SCHEME = "hf://"


@dataclass(frozen=True, slots=True)
class File:
    """One file that goes to the hub."""

    name: str
    """Its path there."""
    content: bytes | Location
    size: int
    """Bytes."""


def target(url: str) -> str:
    """`user/name` of `hf://user/name` or `hf://datasets/user/name`.

    Raises:
        SettingsError: it is no such URL.
    """
    name = url.removeprefix(_SCHEME).removeprefix("datasets/").strip("/")
    if not url.startswith(_SCHEME) or name.count("/") != 1 or not all(name.split("/")):
        raise SettingsError(f"wanted --to hf://user/name, got {url!r}")
    return name


def files(run: str) -> list[File]:
    """What would go, checked: each shard has a page index, and row groups that can be shown.

    Raises:
        Mistake: this is no published run, or a shard is not as the hub wants it.
    """
    folder = existing(run)
    texts = [_text(folder, name) for name in _TEXTS if (folder.root / name).exists()]
    settings = json.dumps(public(folder.read_json("run.json")), indent=2, sort_keys=True) + "\n"
    texts.append(File("run.json", settings.encode(), len(settings.encode())))
    for path in shard_files(run):
        _showable(path)
        with opened(path) as source:
            size = source.size()
        texts.append(File(f"shards/{path.parent.name}/{path.name}", path, size))
    return texts


def push(run: str, url: str, private: bool = False, message: str = "") -> str:
    """Puts the run on the hub as a data set and returns the address of the commit.

    The hub is the one that HF_ENDPOINT names, its token the one that `hf auth login` left.

    Raises:
        Mistake: this is no published run, or the hub does not let this person.
        RunFailed: the hub cannot be reached, or failed.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    name, going = target(url), files(run)
    run_id = json.loads(_bytes(going[1].content))["run_id"] if len(going) > 1 else ""
    api = HfApi()
    with _answering(name):
        api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        operations = [CommitOperationAdd(file.name, _uploaded(file.content)) for file in going]
        done = api.create_commit(
            name,
            operations,
            commit_message=message or f"Run {run_id}",
            repo_type="dataset",
        )
    return str(done.commit_url)


def public(run: dict[str, Any]) -> dict[str, Any]:
    """`run.json` without what is this machine's own: folders become names, addresses go."""
    settings = run.get("settings")
    if not isinstance(settings, dict):
        return run
    bare = {key: value for key, value in settings.items() if key != "server"}
    bare["corpora"] = [_bare(spec) for spec in settings.get("corpora", ())]
    if settings.get("prompts"):
        bare["prompts"] = PurePath(settings["prompts"]).name
    evaluation = settings.get("decontaminate")
    if isinstance(evaluation, dict):
        paths = [_bare(spec) for spec in evaluation.get("paths", ())]
        bare["decontaminate"] = evaluation | {"paths": paths}
    for side in ("student", "teacher", "judge"):
        player = settings.get(side)
        if isinstance(player, dict) and Path(str(player.get("model", ""))).is_absolute():
            bare[side] = player | {"model": PurePath(player["model"]).name}
    return run | {"settings": bare}


def _bare(spec: str) -> str:
    return spec if "://" in spec else PurePath(spec).name


def _text(folder: RunFolder, name: str) -> File:
    content = (folder.root / name).read_bytes()
    return File(name, content, len(content))


def _showable(path: Location) -> None:
    """Raises `Mistake` where the hub's viewer could not show the shard."""
    with opened(path) as source:
        about = pq.read_metadata(source)
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        if group.total_byte_size > MOST_GROUP_BYTES or not group.column(0).has_offset_index:
            raise Mistake(
                f"{path} was written by an earlier version: its row groups have no page index or "
                f"more than {MOST_GROUP_BYTES >> 20} MiB; write it anew with `tutelage republish`"
            )


def _uploaded(content: bytes | Location) -> Any:
    return str(content) if isinstance(content, Path) else _bytes(content)


def _bytes(content: bytes | Location) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


@contextmanager
def _answering(name: str) -> Iterator[None]:
    """Turns the hub's refusal into one line."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise Mistake("the hub does not know you: run `hf auth login`, or set HF_TOKEN") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        words = " ".join(str(error.server_message or error).split())[:200]
        if status in (401, 403):
            raise Mistake(
                f"the hub does not let you write to {name} ({status}: {words}): "
                "run `hf auth login`, or set HF_TOKEN to a token that may write"
            ) from error
        if 400 <= status < 500:
            raise Mistake(f"the hub refused {name} ({status}: {words})") from error
        raise RunFailed(f"the hub failed ({status}: {words}); try again") from error
    except ValueError as error:  # the card, checked by the hub
        raise Mistake(f"the hub refused {name}: {' '.join(str(error).split())[:300]}") from error
    except (httpx.HTTPError, OSError) as error:
        raise RunFailed(
            f"the hub cannot be reached: {' '.join(str(error).split())[:200]}"
        ) from error
