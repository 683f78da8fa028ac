"""The runs of an evaluation: one per model and training seed, which differ only in the student."""

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
    """A model with a label; several models with one label are trainings with different seeds."""

    label: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Play:
    """A run to be played."""

    label: str
    settings: Settings
    run: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluation with checked settings."""

    out: Path
    settings: Settings
    """Those of the first model; the others differ only in `student.model` and `seed`."""
    plays: tuple[Play, ...]


def student(argument: str) -> Student:
    """Parses a `--model` argument: `MODEL`, `LABEL=MODEL`, or `LABEL=MODEL,MODEL,...`.

    >>> student("sft=out/a/last,out/b/last")
    Student(label='sft', models=('out/a/last', 'out/b/last'))
    >>> student("outputs/first-sft/last").label
    'first-sft'

    Raises:
        SettingsError: it names no model, or the label is invalid.
    """
    label, equals, models = argument.partition("=")
    if not equals:
        label, models = _label(argument), argument
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    if not names or not _LABEL.fullmatch(label):
        raise SettingsError(
            f"--model wants MODEL, LABEL=MODEL or LABEL=MODEL,MODEL (seeds of one training), "
            f"got {argument!r}"
        )
    return Student(label, names)


def is_engine(model: str) -> bool:
    """Whether a `--model` names an engine that needs no model, such as `package.module:Class`."""
    return _ENGINE.fullmatch(model) is not None


def players(model: str, teacher: str) -> dict[str, str]:
    """Options of `settings.load` for the first student and, if given, the teacher."""
    options = {"student__engine" if is_engine(model) else "student__model": model}
    if teacher:
        rule = is_engine(teacher) or teacher == "worked"
        options["teacher__engine" if rule else "teacher__model"] = teacher
    elif model == "scripted":
        options["teacher__engine"] = model
    return options


def plan(out: str, settings: Settings, students: Sequence[Student]) -> Plan:
    """The runs of an evaluation.

    Defaults of an evaluation apply to what the settings leave open: the arms `sml` and `retry`, 10
    turns, no marking of near-duplicates. The teacher is the same for all models.

    Raises:
        SettingsError: a label occurs twice, or the folder is not local.
    """
    if "://" in out or not out.strip():
        raise SettingsError(f"wanted a folder on this machine for the report, got {out or 'none'}")
    labels = [student.label for student in students]
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise SettingsError(
            f"two models are called {repeated[0]}: name them, as in --model a=PATH --model b=PATH"
        )
    explicit = settings.model_fields_set
    update: dict[str, object] = {}
    if "arms" not in explicit:
        update["arms"] = ARMS
    if "turns" not in explicit:
        update["turns"] = TURNS
    update["dedup"] = settings.dedup.model_copy(update={"enabled": False})
    base = settings.model_copy(update=update)
    plays = [
        Play(student.label, _of(base, student, index), _run(Path(out), student, index))
        for student in students
        for index in range(len(student.models))
    ]
    return Plan(Path(out), base, tuple(plays))


def _label(model: str) -> str:
    """A short name for a model: its folder, or the training if the folder is `last` or `best`."""
    if is_engine(model):
        return model.rpartition(":")[2].lower()
    parts = [part for part in Path(model).parts if part not in ("last", "best", "train", "/")]
    return re.sub(r"[^\w.+-]", "-", parts[-1] if parts else "model").lstrip("-._") or "model"


def _of(base: Settings, student: Student, index: int) -> Settings:
    """Settings of one model's run. Its own seed makes the ids of its dialogues unique in the report."""
    model = student.models[index]
    engine = {"engine": model, "model": ""} if is_engine(model) else {"model": model}
    player = base.student.model_copy(update=engine)
    run_seed = seeds.seed(base.seed, "evaluate", student.label, index)
    return base.model_copy(update={"student": player, "seed": run_seed})


def _run(out: Path, student: Student, index: int) -> Path:
    name = student.label if len(student.models) == 1 else f"{student.label}-{index + 1}"
    return out / "runs" / name
