"""Which commits of the hub a run reads: asked once, before anything is played, and kept in `run.json`.

A branch of the hub moves on, and workers start at different times. So every machine is given the
commit that the launcher saw, and a run that goes on keeps the commits that it was begun with. Not
here: folders of models, which a digest identifies (`models.revision`), and evaluation sets, of which
one answer is read by all workers: the launcher's list of their files.
"""

from collections.abc import Mapping
from typing import Any

from tutelage import models
from tutelage.corpora import hub_files
from tutelage.errors import SettingsError
from tutelage.session.serving import on_vllm
from tutelage.settings import Settings
from tutelage.shards import RunFolder

Pins = Mapping[str, str]
"""Name of a model or a data set, as the settings have it -> the same with its commit."""


def pins(settings: Settings, folder: RunFolder) -> Pins:
    """What the hub's names in the settings mean, or meant when the run in the folder was begun.

    Raises:
        ModelError: a model is not there.
        CorpusError: a data set is not there, or the hub cannot be reached.
    """
    sets = [spec for spec in settings.corpora if hub_files.names_a_set(spec)]
    wanted: dict[str, Any] = dict.fromkeys(sets, hub_files.pinned)
    names = [player.model for player in on_vllm(settings).values()]
    wanted |= dict.fromkeys(filter(models.is_on_hub, names), models.pinned)
    before = folder.read_json("run.json") if wanted else {}
    if before and "hub" not in before:
        return {}  # begun by a version that asked nobody
    known: dict[str, str] = before.get("hub", {})
    resolved = {name: known.get(name) or pinned(name) for name, pinned in wanted.items()}
    return {name: pin for name, pin in resolved.items() if pin != name}


def check(settings: Settings, known: Pins) -> None:
    """Refuses a model of which several machines could load different commits.

    Raises:
        SettingsError: nobody says which commit of it is meant.
    """
    for side, player in on_vllm(settings).items():
        name = known.get(player.model, player.model)
        if models.is_on_hub(name) and not models.split(name)[1]:
            raise SettingsError(
                f"the hub does not say which commit of {name} is meant, and machines that start later "
                f"might load another: name one, as in --set {side}.model={name}@COMMIT"
            )


def pinned(settings: Settings, known: Pins) -> Settings:
    """The settings with the models that are meant."""
    update = {
        side: player.model_copy(update={"model": known[player.model]})
        for side, player in on_vllm(settings).items()
        if player.model in known
    }
    return settings.model_copy(update=update)
