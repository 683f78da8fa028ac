"""Pins what a run reads from the hub to commits, before anything is played; stored in `run.json`.

Branches on the hub move, and workers start at different times. So all machines get the commit that the
launcher saw, and a resumed run keeps its commits. Not here: model folders, which are identified by a
digest (`models.revision`), and evaluation sets, whose files the launcher lists for all workers.
"""

from collections.abc import Mapping
from typing import Any

from tutelage import models
from tutelage.corpora import hub_files
from tutelage.errors import SettingsError
from tutelage.settings import Settings
from tutelage.shards import RunFolder

Pins = Mapping[str, str]
"""Name of a model or data set in the settings -> the same with a commit."""


def pins(settings: Settings, folder: RunFolder) -> Pins:
    """The pins of all names in the settings; those of `run.json` if the run in the folder has begun.

    Raises:
        ModelError: the hub has no such model.
        CorpusError: the hub has no such data set, or the hub cannot be reached.
    """
    sets = [spec for spec in settings.corpora if hub_files.names_a_set(spec)]
    wanted: dict[str, Any] = dict.fromkeys(sets, hub_files.pinned)
    names = [player.model for player in settings.on_vllm().values()]
    wanted |= dict.fromkeys(filter(models.is_on_hub, names), models.pinned)
    before = folder.read_json("run.json") if wanted else {}
    if before and "hub" not in before:
        return {}  # begun by a version without pins
    known: dict[str, str] = before.get("hub", {})
    resolved = {name: known.get(name) or pinned(name) for name, pinned in wanted.items()}
    return {name: pin for name, pin in resolved.items() if pin != name}


def check(settings: Settings, known: Pins) -> None:
    """Refuses a model without a commit, of which machines could load different versions.

    Raises:
        SettingsError: the commit of a model is not known.
    """
    for side, player in settings.on_vllm().items():
        name = known.get(player.model, player.model)
        if models.is_on_hub(name) and not models.split(name)[1]:
            raise SettingsError(
                f"the hub does not say which commit of {name} is meant, and machines that start later "
                f"might load another: name one, as in --set {side}.model={name}@COMMIT"
            )


def pinned(settings: Settings, known: Pins) -> Settings:
    """The settings with pinned models."""
    update = {
        side: player.model_copy(update={"model": known[player.model]})
        for side, player in settings.on_vllm().items()
        if player.model in known
    }
    return settings.model_copy(update=update)
