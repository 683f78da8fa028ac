"""Whether a folder may be used for a run: it must be empty, or hold the same run or a smaller one."""

from typing import Any, Literal

from tutelage.contract import Stamp
from tutelage.errors import SettingsError
from tutelage.session import provenance
from tutelage.session.pins import Pins
from tutelage.settings import Settings, differences
from tutelage.shards import RunFolder, lock
from tutelage.shards.folder import PLAN
from tutelage.shards.journal import files

Resume = Literal["auto", "never", "always"]
"""Whether the folder may (auto), must not (never) or must (always) hold the run already."""


def admit(folder: RunFolder, settings: Settings, stamp: Stamp, resume: Resume) -> None:
    """Creates the folder of a run after a `check` of it.

    Raises:
        SettingsError: see `check`.
        OutputError: it cannot be written.
    """
    check(folder, settings, stamp, resume)
    folder.create()


def check(folder: RunFolder, settings: Settings, stamp: Stamp, resume: Resume) -> None:
    """Checks that the folder is empty or holds the same run.

    Raises:
        SettingsError: the folder holds a run with other settings, templates, weights or columns,
            or `resume` forbids its state.
    """
    before = folder.read_json("run.json")
    if derived := before.get("derived"):
        raise SettingsError(
            f"{folder.root} holds a run that `{derived['operation']}` made of others, and nothing "
            "can be played into it: choose another --out"
        )
    # A run without a journal, such as one whose model was missing, may be replaced.
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


def record(folder: RunFolder, settings: Settings, stamp: Stamp, pins: Pins) -> None:
    """Writes `run.json`: settings, provenance and pins, with which `admit` compares later sessions."""
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
    """Raises `SettingsError` if the folder holds another run."""
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
    """Whether it is empty, except for a plan and the traces of a run that was killed as it began."""
    ours = {folder.journal, folder.logs, folder.journal / lock.NAME, folder.root / PLAN}
    return all(
        path in ours or path.suffix == ".part" or path.name.startswith("stop-")
        for path in folder.root.rglob("*")
    )


def _fewer(before: dict[str, Any], settings: Settings) -> str:
    """The settings by which the run would become smaller; empty if there are none."""
    reasons = []
    if settings.samples < before["samples"]:
        reasons.append(f"samples: {before['samples']} -> {settings.samples}")
    if settings.limit and not 0 < before["limit"] <= settings.limit:
        reasons.append(f"limit: {before['limit'] or 'all'} -> {settings.limit}")
    return "; ".join(reasons)
