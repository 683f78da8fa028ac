"""The current commit of a model on the hub, so that all machines of a run load the same one."""

from pathlib import Path
from typing import Any

from tutelage.errors import ModelError
from tutelage.models.names import is_on_hub, split

_ANSWER_S = 20


def pinned(name: str) -> str:
    """A hub id with its current commit, as `owner/name@COMMIT`. Other names are returned unchanged,
    and so are ids whose commit neither the hub nor its local cache knows.

    Raises:
        ModelError: the hub has no such model or revision.
    """
    if not is_on_hub(name):
        return name
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        return name
    hub_id, revision = split(name)
    try:
        about = huggingface_hub.HfApi().model_info(
            hub_id, revision=revision or None, timeout=_ANSWER_S
        )
        commit = about.sha or ""
    except (errors.RevisionNotFoundError, errors.RepositoryNotFoundError) as error:
        message = str(error).strip().splitlines()[-1]
        raise ModelError(f"the hub has no model {name!r}, or none for you: {message}") from None
    except Exception:  # whatever the HTTP client raises if the hub is unreachable
        commit = _of_cache(huggingface_hub, hub_id, revision)
    return f"{hub_id}@{commit}" if commit else name


def _of_cache(hub: Any, hub_id: str, revision: str) -> str:
    """The commit in the local cache; empty if there is none."""
    try:
        folder = hub.snapshot_download(hub_id, revision=revision or None, local_files_only=True)
    except (OSError, ValueError):
        return ""
    return Path(folder).name
