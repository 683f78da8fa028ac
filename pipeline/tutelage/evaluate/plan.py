"""What an evaluation plays: one run for each model and training seed, alike in all but the student."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tutelage import seeds
from tutelage.errors import SettingsError
from tutelage.settings import Settings

ARMS = ("sml", "retry")
TURNS = 10
"""The paper trains on 4 turns and evaluates on 10."""

_LABEL = re.compile(r"[A-Za-z0-9][\w.+-]*")
_ENGINE = re.compile(r"scripted|[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Student:
    """A model under a name; several models under one name are trainings with other seeds."""

    label: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Play:
    """One run that is to be played."""

    label: str
    settings: Settings
    run: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluation whose settings have been checked."""

    out: Path
    settings: Settings
    """Those of the first model; the others' differ in `student.model` and `seed` alone."""
    plays: tuple[Play, ...]


def student(given: str) -> Student:
    """A `--model` as it was typed: `MODEL`, `LABEL=MODEL`, or `LABEL=MODEL,MODEL,...`.

    >>> student("sft=out/a/last,out/b/last")
    Student(label='sft', models=('out/a/last', 'out/b/last'))
    >>> student("outputs/first-sft/last").label
    'first-sft'

    Raises:
        SettingsError: there is no model in it, or the label is none.
    """
    label, equals, models = given.partition("=")
    if not equals:
        label, models = _label(given), given
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    if not names or not _LABEL.fullmatch(label):
        raise SettingsError(
            f"--model wants MODEL, LABEL=MODEL or LABEL=MODEL,MODEL (seeds of one training), "
            f"got {given!r}"
        )
    return Student(label, names)


def is_engine(model: str) -> bool:
    """Whether a `--model` names an engine that needs no model, such as `package.module:Class`."""
    return _ENGINE.fullmatch(model) is not None


def players(model: str, teacher: str) -> dict[str, str]:
    """Options of `settings.load` that name the first student and, where one was given, the teacher."""
    options = {"student__engine" if is_engine(model) else "student__model": model}
    if teacher:
        rule = is_engine(teacher) or teacher == "worked"
        options["teacher__engine" if rule else "teacher__model"] = teacher
    elif model == "scripted":
        options["teacher__engine"] = model
    return options


def plan(out: str, settings: Settings, students: Sequence[Student]) -> Plan:
    """The runs of an evaluation.

    What the settings leave open is that of an evaluation: the arms `sml` and `retry`, 10 turns, no
    marking of near-duplicates. The teacher is the same for all models.

    Raises:
        SettingsError: a label is used twice, or the folder is no place for this.
    """
    if "://" in out or not out.strip():
        raise SettingsError(f"wanted a folder on this machine for the report, got {out or 'none'}")
    labels = [one.label for one in students]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise SettingsError(
            f"two models are called {twice[0]}: name them, as in --model a=PATH --model b=PATH"
        )
    given = settings.model_fields_set
    update: dict[str, object] = {}
    if "arms" not in given:
        update["arms"] = ARMS
    if "turns" not in given:
        update["turns"] = TURNS
    update["dedup"] = settings.dedup.model_copy(update={"enabled": False})
    base = settings.model_copy(update=update)
    plays = [
        Play(one.label, _of(base, one, index), _run(Path(out), one, index))
        for one in students
        for index in range(len(one.models))
    ]
    return Plan(Path(out), base, tuple(plays))


def _label(model: str) -> str:
    """A short name for a model: of its folder; of the training where that is `last` or `best`."""
    if is_engine(model):
        return model.rpartition(":")[2].lower()
    parts = [part for part in Path(model).parts if part not in ("last", "best", "train", "/")]
    return re.sub(r"[^\w.+-]", "-", parts[-1] if parts else "model").lstrip("-._") or "model"


def _of(base: Settings, one: Student, index: int) -> Settings:
    """The run of one model. Its seed is its own, so that no two dialogues of a report share an id."""
    model = one.models[index]
    engine = {"engine": model, "model": ""} if is_engine(model) else {"model": model}
    player = base.student.model_copy(update=engine)
    drawn = seeds.seed(base.seed, "evaluate", one.label, index)
    return base.model_copy(update={"student": player, "seed": drawn})


def _run(out: Path, one: Student, index: int) -> Path:
    name = one.label if len(one.models) == 1 else f"{one.label}-{index + 1}"
    return out / "runs" / name
