"""Uploads a run to the Hugging Face hub, in a form that the hub's viewer can show.

Uploaded is what others need to use the run: card, manifest, shards, splits, contamination report, and
the settings without this machine's paths and addresses. The journal, logs, replies and rejected
inputs are not uploaded. Authentication and transfer are the hub library's.
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
from tutelage.shards.soundness import sound
from tutelage.storage import Location, opened

MOST_GROUP_BYTES = 286 << 20
"""Largest row group, in uncompressed bytes, that the hub's viewer shows."""
_TEXTS = ("README.md", "manifest.json", "splits.json", "contamination.md", "contamination.jsonl")
_SCHEME = "hf://"


@dataclass(frozen=True, slots=True)
class File:
    """One file to upload."""

    name: str
    """Its path on the hub."""
    content: bytes | Location
    size: int
    """In bytes."""


def target(url: str) -> str:
    """The `user/name` in `hf://user/name` or `hf://datasets/user/name`.

    Raises:
        SettingsError: `url` is not of this form.
    """
    name = url.removeprefix(_SCHEME).removeprefix("datasets/").strip("/")
    if not url.startswith(_SCHEME) or name.count("/") != 1 or not all(name.split("/")):
        raise SettingsError(f"wanted --to hf://user/name, got {url!r}")
    return name


def files(run: str) -> list[File]:
    """The files to upload. Checks that each shard has a page index and row groups of a usable size.

    Raises:
        Mistake: `run` is not a published run, its shards do not agree with its manifest, or the
            hub's viewer could not show one.
    """
    published = sound(run)
    folder = published.folder
    uploads = [_text(folder, name) for name in _TEXTS if (folder.root / name).exists()]
    settings = json.dumps(public(folder.read_json("run.json")), indent=2, sort_keys=True) + "\n"
    uploads.append(File("run.json", settings.encode(), len(settings.encode())))
    for path in published.files:
        _check_viewable(path)
        with opened(path) as source:
            size = source.size()
        uploads.append(File(f"shards/{path.parent.name}/{path.name}", path, size))
    return uploads


def push(run: str, url: str, private: bool = False, message: str = "") -> str:
    """Uploads the run to the hub as a data set and returns the URL of the commit.

    HF_ENDPOINT may name another hub; the token is the one that `hf auth login` stored.

    Raises:
        Mistake: as `files`, or the hub refuses this user.
        RunFailed: the hub cannot be reached, or failed.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    name, uploads = target(url), files(run)
    api = HfApi()
    with _hub_errors(name):
        api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        operations = [CommitOperationAdd(file.name, _payload(file.content)) for file in uploads]
        commit = api.create_commit(
            name,
            operations,
            commit_message=message
            or f"Run {existing(run).read_json('run.json').get('run_id', '')}",
            repo_type="dataset",
        )
    return str(commit.commit_url)


def public(run: dict[str, Any]) -> dict[str, Any]:
    """`run.json` without this machine's paths and addresses: only the names of files remain."""
    settings = run.get("settings")
    if not isinstance(settings, dict):
        return run
    published = {key: value for key, value in settings.items() if key != "server"}
    published["corpora"] = [_without_folder(spec) for spec in settings.get("corpora", ())]
    if settings.get("prompts"):
        published["prompts"] = PurePath(settings["prompts"]).name
    evaluation = settings.get("decontaminate")
    if isinstance(evaluation, dict):
        paths = [_without_folder(spec) for spec in evaluation.get("paths", ())]
        published["decontaminate"] = evaluation | {"paths": paths}
    for side in ("student", "teacher", "judge"):
        player = settings.get(side)
        if isinstance(player, dict) and Path(str(player.get("model", ""))).is_absolute():
            published[side] = player | {"model": PurePath(player["model"]).name}
    return run | {"settings": published}


def _without_folder(spec: str) -> str:
    return spec if "://" in spec else PurePath(spec).name


def _text(folder: RunFolder, name: str) -> File:
    content = (folder.root / name).read_bytes()
    return File(name, content, len(content))


def _check_viewable(path: Location) -> None:
    """Raises `Mistake` if the hub's viewer could not show the shard."""
    with opened(path) as source:
        metadata = pq.read_metadata(source)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.total_byte_size > MOST_GROUP_BYTES or not group.column(0).has_offset_index:
            raise Mistake(
                f"{path} was written by an earlier version: its row groups have no page index or "
                f"more than {MOST_GROUP_BYTES >> 20} MiB; rewrite it with `tutelage republish`"
            )


def _payload(content: bytes | Location) -> Any:
    return str(content) if isinstance(content, Path) else _bytes(content)


def _bytes(content: bytes | Location) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """Turns errors of the hub's library into one-line errors of ours."""
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
    except ValueError as error:  # the library found a fault in the card
        raise Mistake(f"the hub refused {name}: {' '.join(str(error).split())[:300]}") from error
    except (httpx.HTTPError, OSError) as error:
        raise RunFailed(
            f"the hub cannot be reached: {' '.join(str(error).split())[:200]}"
        ) from error
