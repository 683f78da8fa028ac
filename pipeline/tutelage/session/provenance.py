"""The provenance of a run: digests of templates, weights, columns and the judging code."""

from functools import cache

from tutelage import __version__, contract, models, resources, templates
from tutelage.engines import weights
from tutelage.seeds import digest
from tutelage.session.pins import Pins
from tutelage.settings import Settings
from tutelage.storage import STORES

_JUDGING = ("answers", "leaks", "sandbox", "verifiers")


def stamp(settings: Settings, pins: Pins | None = None) -> contract.Stamp:
    """Provenance that is common to all rows of a run.

    Args:
        settings: of the run.
        pins: commits of models and data sets on the hub.

    Raises:
        SettingsError: there is no such template.
        ModelError: there is no such model.
    """
    student, teacher, judge = settings.student, settings.teacher, settings.judge
    used = _templates(settings)
    templates.check([name for names in used.values() for name in names], settings.prompts)
    revision = ""
    if student.engine == "vllm":
        models.resolve(student.model)
        pinned = (pins or {}).get(student.model, student.model)
        is_stored = pinned.startswith(STORES)
        revision = weights.revision(pinned) if is_stored else models.revision(pinned)
    if teacher.engine == "vllm":
        models.resolve(teacher.model)
    return contract.Stamp(
        run_id=settings.run_id(),
        models={
            "student": student.model,
            "teacher": teacher.model or teacher.engine,
            "judge": judge.model if judge.engine else "",
            "revision": revision,
        },
        prompts={k: templates.fingerprint(v, settings.prompts) for k, v in used.items()},
        loss=settings.loss,
    )


def source(stamp: contract.Stamp) -> dict[str, dict[str, str]]:
    """Digests of what settings only name or imply, for `run.json`."""
    columns = digest(str(contract.arrow_schema()))
    return {
        "prompts": dict(stamp.prompts),
        "models": dict(stamp.models),
        "columns": {"dialogue.v1": columns},
        "code": source_code(),
    }


@cache
def source_code() -> dict[str, str]:
    """The version, and a digest of the code that judges answers and leaks."""
    rooms = [(resources.package() / room).iterdir() for room in _JUDGING]
    files = [file for room in rooms for file in room if file.suffix in (".py", ".toml")]
    judging = digest(*(file.read_text("utf-8") for file in sorted(files)))
    return {"tutelage": __version__, "verifier": judging}


def _templates(settings: Settings) -> dict[str, list[str]]:
    """Role -> templates that it may get in this run."""
    used = {
        "student": [f"student/{settings.student.prompt}.j2"],
        "teacher": [
            "shared/retry.j2",
            f"teacher/{settings.teacher.prompt}.j2",
            "teacher/attempt.j2",
        ],
    }
    if settings.teacher.engine == "worked":
        used["teacher"][1:] = ["teacher/worked.j2"]
    if "blind" in settings.arms:
        used["teacher"] += ["teacher/blind.j2", "teacher/blind_attempt.j2"]
    if settings.underspecified.rephrase:
        used["teacher"] += ["teacher/lazy.j2"]
    if settings.q_priming.enabled:
        used["question"] = ["question/ask.j2"]
    if settings.judge.engine:
        used["judge"] = [f"reader/{settings.judge.prompt}.j2", "reader/move.j2"]
    return used
