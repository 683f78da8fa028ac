"""A loop's TOML file, checked before anything starts."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tutelage import settings
from tutelage.contract.sampling import altered_by, columns
from tutelage.engines.vllm_options import fits
from tutelage.errors import SettingsError
from tutelage.plugins import nearest
from tutelage.settings import Settings
from tutelage.train.recipe import Kind, Recipe, recipe

Table = dict[str, Any]

_OURS = ("kind", "runs", "out", "model", "carry", "fresh")
_RL_ONLY = (
    "beta", "reference", "clip_low", "clip_high", "normaliser", "std_floor", "old", "temperature",
    "ratio", "truncate",
)  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Warmup(_Section):
    """Q-priming before the first round: dialogues with questions, learned by SFT."""

    problems: int = Field(0, ge=0, description="0: no warm-up")
    generate: Table = Field(default_factory=dict, description="over [generate]")
    train: Table = Field(default_factory=dict, description="settings of `tutelage train sft`")


class Rounds(_Section):
    """The contents of a loop's TOML file."""

    out: str = ""
    rounds: int = Field(10, ge=1)
    problems: int = Field(64, ge=1, description="new problems a round; drawn again when all were")
    held_out: int = Field(64, ge=0, description="problems to measure on, never trained; 0: none")
    evaluate_every: int = Field(1, ge=1, description="rounds between two looks at them")
    seed: int = 0
    keep: int = Field(2, ge=1, description="newest rounds whose weights stay, besides the best's")
    frozen_teacher: bool = Field(
        True, description="the teacher stays as it begins, as in the paper; else it is the student"
    )
    trainer: str = Field(
        "", description="launches trainings, such as `accelerate launch --num_processes 8`"
    )
    beam: tuple[str, ...] = Field((), description="options for Beam")
    asynchronous: bool = Field(
        False,
        description="plays each round while the one before it is trained, with weights one round "
        "older; wants other GPUs for vLLM than for `trainer`",
    )
    resident: bool = Field(
        True, description="one vLLM server for the whole loop; else each step starts its own"
    )
    generate: Table = Field(default_factory=dict, description="settings of `tutelage generate`")
    train: Table = Field(default_factory=dict, description="settings of `tutelage train rl`")
    evaluate: Table = Field(default_factory=dict, description="over [generate]; greedy by default")
    warmup: Warmup = Warmup()


@dataclass(frozen=True, slots=True)
class Plan:
    """A loop with all settings read and checked."""

    config: Rounds
    out: Path
    generate: Settings
    evaluate: Settings
    prime: Settings

    @property
    def start(self) -> str:
        """Name of the model that the loop starts from."""
        return self.generate.student.model

    @property
    def resident(self) -> bool:
        """Whether vLLM stays up between steps.

        Not if Beam runs elsewhere or in several processes, if steps need vLLM with different
        options, or if a training changes the chat template: a server keeps the one that it started
        with.
        """
        config = self.config
        is_distributed = any("runner" in word or "multi_processing" in word for word in config.beam)
        has_same_options = self.generate.vllm == self.evaluate.vllm == self.prime.vllm
        changes_template = any(
            "chat_template" in table for table in (config.train, config.warmup.train)
        )
        return config.resident and has_same_options and not is_distributed and not changes_template

    def folder(self, number: int) -> Path:
        """Folder of a round; 0 is the state before the first."""
        return self.out / "rounds" / f"{number:04d}"


def load(path: str, out: str = "") -> Plan:
    """The plan in a TOML file; `out` overrides the file's.

    Raises:
        SettingsError: the file is not valid TOML, a key is unknown, or a value is out of range.
    """
    try:
        tree = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is no TOML file of rounds: {error}") from None
    try:
        config = Rounds.model_validate(tree | ({"out": out} if out else {}))
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    if not config.out or "://" in config.out:
        raise SettingsError(
            f"wanted a folder on this machine for the rounds, got {config.out or 'none'}: give `out` "
            "in the file, or --out"
        )
    training("train", "rl", config.train)
    training("warmup.train", "sft", config.warmup.train)
    defaults = {"samples": 8, "student": {"temperature": 1.0}}
    base = _merged(defaults, config.generate)
    chosen = _settings("generate", base)
    student = chosen.student
    if student.engine != "vllm" and ":" not in student.engine:
        raise SettingsError(
            f"[generate] student.engine is {student.engine!r}, which no weights can be handed to: "
            "rounds want vllm, or a package.module:Class that loads student.model"
        )
    if fault := altered_by(columns(student.sampling())):
        raise SettingsError(
            f"[generate] student.{fault}: RL compares probabilities of the whole distribution; leave "
            "it out"
        )
    if chosen.samples < 2:
        raise SettingsError("[generate] samples: wanted at least 2 dialogues a problem to compare")
    if not chosen.corpora:
        raise SettingsError("[generate] corpora: wanted at least one, such as `starter`")
    has_two_engines = config.frozen_teacher and chosen.teacher.engine == student.engine == "vllm"
    try:
        fits(1 + has_two_engines, chosen.vllm)
    except SettingsError as error:
        raise SettingsError(f"[generate] {error}, or frozen_teacher = false") from None
    greedy_base = {"samples": 1, "arms": ["sml"], "q_priming": {"enabled": False}}
    measured: Table = greedy_base | {"dedup": {"enabled": False}, "student": {"temperature": 0.0}}
    return Plan(
        config,
        Path(config.out),
        chosen,
        _settings("evaluate", _merged(_merged(base, measured), config.evaluate)),
        _settings(
            "warmup.generate",
            _merged(_merged(base, config.warmup.generate), {"q_priming": {"enabled": True}}),
        ),
    )


def _settings(table: str, tree: Table) -> Settings:
    """The settings of one table."""
    _known(table, tree, Settings.model_fields)
    try:
        return settings.load(**tree)
    except SettingsError as error:
        raise SettingsError(f"[{table}] {error}") from None


def training(table: str, kind: Kind, tree: Table) -> Recipe:
    """The recipe of one table, without folders. A value must have the type of its default."""
    fields = {f.name: f.default for f in dataclasses.fields(Recipe) if f.name not in _OURS}
    known = {n: v for n, v in fields.items() if kind == "rl" or n not in _RL_ONLY}
    if kind == "rl":
        del known["control"]
    _known(table, tree, known)
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in tree.items()}
    for name, value in values.items():
        expected_type = type(known[name])
        is_integer = expected_type is float and type(value) is int
        if type(value) is not expected_type and not is_integer:
            raise SettingsError(
                f"[{table}] {name}: wanted a {expected_type.__name__} such as {known[name]!r}, "
                f"got {value!r}"
            )
    try:
        return recipe(kind, "", "", **values)
    except SettingsError as error:
        raise SettingsError(f"[{table}] {error}") from None


def options(chosen: Recipe) -> list[str]:
    """The recipe as options of `tutelage train`, without defaults."""
    plain = recipe(chosen.kind, "", "")
    parts = []
    for field in dataclasses.fields(Recipe):
        value = getattr(chosen, field.name)
        flag = f"--{field.name.replace('_', '-')}"
        if value == getattr(plain, field.name):
            continue
        if field.name == "arms":
            parts += [word for arm in value for word in ("--arm", arm)]
        else:
            parts += [flag] if value is True else [flag, str(value)]
    return parts


def _merged(below: Table, above: Mapping[str, Any]) -> Table:
    """`below`, overridden by `above`, section by section."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        are_tables = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(old, value) if are_tables and old is not None else value
    return merged


def _known(table: str, tree: Table, known: Mapping[str, Any]) -> None:
    for name in tree:
        if name not in known:
            raise SettingsError(f"[{table}] no setting is called {name!r}{nearest(name, known)}")


def _explain(error: ValidationError) -> str:
    parts = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            parts.append(f"no setting is called {key!r}{nearest(key, settings.keys(Rounds))}")
        else:
            parts.append(f"{key}: {fault['msg'].lower()}, got {fault['input']!r}")
    return "; ".join(parts)
