"""Which commit of a model on the hub is meant, so that all machines of a run load the same one."""

from pathlib import Path
from typing import Any

from tutelage.errors import ModelError
from tutelage.models.names import is_on_hub, split

_ANSWER_S = 20


def pinned(name: str) -> str:
    """A hub id with the commit that it means now, as `owner/name@COMMIT`; any other name as it is, and
    so is an id of which neither the hub nor its cache on this machine knows a commit.

    Raises:
        ModelError: the hub says that there is no such model, or revision of it.
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
        words = str(error).strip().splitlines()[-1]
        raise ModelError(f"the hub has no model {name!r}, or none for you: {words}") from None
    except Exception:  # whatever a client of HTTP raises where there is no way to the hub
        commit = _of_cache(huggingface_hub, hub_id, revision)
    return f"{hub_id}@{commit}" if commit else name


def _of_cache(hub: Any, hub_id: str, revision: str) -> str:
    """The commit that lies on this machine; empty where none does."""
    try:
        folder = hub.snapshot_download(hub_id, revision=revision or None, local_files_only=True)
    except (OSError, ValueError):
        return ""
    return Path(folder).name
