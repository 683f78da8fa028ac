"""Whether a folder may be used for a run: it is blank, or holds this very run or a smaller one."""

from typing import Any, Literal

from tutelage.contract import Stamp
from tutelage.errors import SettingsError
from tutelage.session import estimate, provenance
from tutelage.session.pins import Pins
from tutelage.settings import Settings, differences
from tutelage.shards import RunFolder, lock
from tutelage.shards.journal import files

Resume = Literal["auto", "never", "always"]
"""Whether the folder may hold the run already: either way, must not, must."""


def admit(folder: RunFolder, settings: Settings, stamp: Stamp, resume: Resume) -> None:
    """Makes the run's folder, or finds it to be of this very run.

    Raises:
        SettingsError: the folder holds a run with other settings, templates, weights or columns,
            or `resume` forbids what it is.
        OutputError: it cannot be written.
    """
    before = folder.read_json("run.json")
    if derived := before.get("derived"):
        raise SettingsError(
            f"{folder.root} holds a run that `{derived['operation']}` made of others, and nothing "
            "can be played into it: choose another --out"
        )
    # One that came to nothing, such as by a model that is not there, binds nobody.
    is_idle = bool(before) and resume == "auto" and not files(folder.journal)
    if is_idle:
        before = {}
    if before and resume == "never":
        raise SettingsError(
            f"{folder.root} holds a run, and --resume is never: choose another --out, or go on with "
            "the run by --resume auto"
        )
    if not before and resume == "always":
        raise SettingsError(
            f"{folder.root} holds no run to go on with, and --resume is always: correct --out, or "
            "begin one by --resume auto"
        )
    if before:
        _compare(folder, before, settings, stamp)
    elif folder.root.is_dir() and not is_idle and not _is_blank(folder):
        raise SettingsError(f"{folder.root} is neither empty nor a run: choose another --out")
    folder.create()


def record(folder: RunFolder, settings: Settings, stamp: Stamp, pins: Pins) -> None:
    """Writes `run.json`: what the run is, what `admit` compares with, and commits of the hub."""
    folder.write_json(
        "run.json",
        {
            "schema_version": "settings.v1",
            "run_id": settings.run_id(),
            "shaping": settings.shaping(),
            "settings": settings.model_dump(mode="json"),
            "families": settings.families(),
            "source": provenance.source(stamp),
            "hub": dict(pins),
        },
    )


def _compare(folder: RunFolder, before: dict[str, Any], settings: Settings, stamp: Stamp) -> None:
    """Raises `SettingsError` where the run in the folder is not the one that is asked for."""
    if before["run_id"] != settings.run_id():
        changed = "; ".join(differences(before["shaping"], settings.shaping())[:4])
        raise SettingsError(
            f"{folder.root} holds a run with other settings ({changed}): "
            "choose another --out, or repeat the settings to go on with it"
        )
    source = provenance.source(stamp)
    known = before.get("source", source)
    code = known.get("code", source["code"])
    if settings.resume.code == "same" and code != source["code"]:
        changed = "; ".join(differences(code, source["code"]))
        raise SettingsError(
            f"{folder.root} holds a run of another version of the code ({changed}), which may judge "
            "otherwise: choose another --out, or go on with --set resume.code=any"
        )
    if changed := "; ".join(differences(known | {"code": source["code"]}, source)[:4]):
        raise SettingsError(
            f"{folder.root} holds a run with other templates, weights or columns ({changed}): "
            "choose another --out, or put back what the run was begun with"
        )
    if fewer := _fewer(before["settings"], settings):
        raise SettingsError(
            f"{folder.root} holds a run with more in it ({fewer}): a run can be extended, not "
            "cut; choose another --out"
        )


def _is_blank(folder: RunFolder) -> bool:
    """Whether there is nothing in it, or no more than a plan and what a run that was killed as it began
    leaves.
    """
    ours = {folder.journal, folder.logs, folder.journal / lock.NAME, folder.root / estimate.PLAN}
    return all(
        path in ours or path.suffix == ".part" or path.name.startswith("stop-")
        for path in folder.root.rglob("*")
    )


def _fewer(before: dict[str, Any], settings: Settings) -> str:
    """Where these settings ask for less than the run was begun with; empty where they do not."""
    reasons = []
    if settings.samples < before["samples"]:
        reasons.append(f"samples: {before['samples']} -> {settings.samples}")
    if settings.limit and not 0 < before["limit"] <= settings.limit:
        reasons.append(f"limit: {before['limit'] or 'all'} -> {settings.limit}")
    return "; ".join(reasons)
