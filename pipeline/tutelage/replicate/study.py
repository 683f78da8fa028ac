"""A replication on a real model, described by a TOML file: the bundled `smollm2` and `gpu`, or
another.

    OUT/rollouts, primed-rollouts     dialogues of the base, to train on
    OUT/st-sft, mt-sft, q-sft         SFT on them
    OUT/st-rl, mt-rl                  rounds of GRPO, if [rl] is configured
    OUT/report                        base and all arms under every control

The steps are those of the toy, on other corpora and another model. Each is resumable.
"""

import copy
import json
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tutelage import plugins
from tutelage import settings as settings_room
from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import SettingsError
from tutelage.evaluate import plan as planning
from tutelage.evaluate import report
from tutelage.evaluate.play import play
from tutelage.replicate import trainings
from tutelage.rounds.loop import Launch
from tutelage.settings import Settings
from tutelage.train.recipe import recipe

Table = dict[str, Any]
Step = tuple[str, str, Callable[[], None]]
"""(name, description, action)."""
FOLDER = Path(__file__).parent


class Study(BaseModel):
    """The contents of a study's TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: tuple[str, ...]
    """Corpora to train on."""
    test: tuple[str, ...]
    """Corpora to evaluate on: held-out problems of trained families, and other families."""
    problems: int = Field(400, ge=1, description="of each corpus to learn from")
    samples: int = Field(4, ge=1, description="dialogues a problem")
    test_problems: int = Field(60, ge=1, description="of each corpus to measure on")
    turns: int = Field(4, ge=2, description="student turns at most, while learning")
    horizon: int = Field(10, ge=2, description="and while measuring")
    seeds: int = Field(1, ge=1, description="trainings of each arm")
    arms: tuple[str, ...] = ("sml", "retry", "shuffled")
    settings: Table = Field(default_factory=dict, description="of every run, as in a run file")
    sft: Table = Field(default_factory=dict, description="options of `tutelage train sft`")
    rl: Table = Field(default_factory=dict, description="options of `train rl`; empty: no rounds")
    rounds: int = Field(0, ge=0)
    round_problems: int = Field(64, ge=1)
    group: int = Field(8, ge=2)


@dataclass(frozen=True, slots=True)
class Bench:
    """A study and its output folder."""

    out: Path
    study: Study
    seed: int
    say: Callable[[str], None]
    launch: Launch

    @property
    def serves(self) -> bool:
        """Whether vLLM plays the student, so that one server stays up for all steps."""
        return self.settings((), "").student.engine == "vllm"

    def settings(self, corpora: tuple[str, ...], model: str, **options: Any) -> Settings:
        """Settings of one run: the study's, and further options of this run."""
        tree = copy.deepcopy(self.study.settings)
        loaded = settings_room.load(**(tree | options), corpora=corpora)
        if not model:
            return loaded
        return loaded.model_copy(
            update={"student": loaded.student.model_copy(update={"model": model})}
        )

    @property
    def base(self) -> str:
        """Name of the model that the study starts from."""
        return self.settings((), "").student.model

    def folder(self, number: int) -> Path:
        """Folder of the trainings with this seed, from 1."""
        return self.out / f"seed-{number}"

    def seed_of(self, number: int) -> int:
        """The random seed of these trainings."""
        return 100 * self.seed + number


def load(path: str) -> Study:
    """The study in a TOML file, or a bundled one: `smollm2`, `gpu`.

    Raises:
        SettingsError: the file is not valid TOML, a key is unknown, or a value is out of range.
    """
    own = FOLDER / f"{path}.toml"
    file = own if own.is_file() else Path(path)
    try:
        study = Study.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is no TOML file of a study: {error}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        hint = plugins.nearest(key, Study.model_fields)
        raise SettingsError(f"{path}: {key}: {fault['msg'].lower()}{hint}") from None
    settings_room.load(**copy.deepcopy(study.settings))
    recipe("sft", "", "", **study.sft)
    recipe("rl", "", "", **study.rl)
    return study


def steps(bench: Bench) -> Iterator[Step]:
    """Every step, in order."""
    study = bench.study
    count = study.problems * study.samples * len(study.train)
    for number in range(1, study.seeds + 1):
        name = f"seed-{number}"
        for primed in ("", "primed-"):
            yield (
                f"{name}/{primed}rollouts",
                f"{count} dialogues over {study.turns} turns at most",
                partial(_rollouts, bench, number, primed),
            )
        yield f"{name}/mt-sft", "solved dialogues", partial(_sft, bench, number, "mt-sft", "")
        yield f"{name}/q-sft", "solved, primed", partial(_sft, bench, number, "q-sft", "primed-")
        yield f"{name}/st-sft", "problem and gold, as many tokens", partial(_single, bench, number)
        if study.rounds:
            rounds = f"{study.rounds} rounds of {study.round_problems} x {study.group}"
            yield f"{name}/st-rl", f"{rounds}, one turn", partial(_rl, bench, number, "st-rl")
            yield f"{name}/mt-rl", f"{rounds}, from mt-sft", partial(_rl, bench, number, "mt-rl")
    models = 1 + study.seeds * len(_arms(study))
    dialogues = models * len(study.arms) * len(study.test) * study.test_problems
    yield (
        "report",
        f"{dialogues} dialogues over {study.horizon} turns at most, {models} models",
        partial(_report, bench),
    )


def perform(bench: Bench) -> None:
    """Performs all remaining steps, with one server for all of them."""
    (bench.out / "steps").mkdir(parents=True, exist_ok=True)
    every = list(steps(bench))
    with HotSwapServers(bench.out, bench.say, bench.launch.stopped, is_used=bench.serves):
        for position, (name, description, act) in enumerate(every, 1):
            file = bench.out / "steps" / f"{name.replace('/', '.')}.json"
            if file.is_file():
                continue
            bench.say(f"{position}/{len(every)}: {name}, {description}")
            start = time.monotonic()
            act()
            timing = {"step": name, "seconds": round(time.monotonic() - start, 1)}
            file.write_text(json.dumps(timing) + "\n", "utf-8")


def _arms(study: Study) -> tuple[str, ...]:
    sft = ("st-sft", "mt-sft", "q-sft")
    return (*sft, "st-rl", "mt-rl") if study.rounds else sft


def _rollouts(bench: Bench, number: int, primed: str) -> None:
    study = bench.study
    settings = bench.settings(
        study.train, "", limit=study.problems, samples=study.samples, turns=study.turns,
        seed=bench.seed_of(number), q_priming__enabled=bool(primed),
    )  # fmt: skip
    trainings.generate(bench, settings, bench.folder(number) / f"{primed}rollouts")


def _sft(bench: Bench, number: int, arm: str, primed: str) -> None:
    run = bench.folder(number) / f"{primed}rollouts"
    out = bench.folder(number) / arm
    options = dict(bench.study.sft)
    trainings.train(bench.say, run, out, bench.base, bench.seed_of(number), **options)


def _single(bench: Bench, number: int) -> None:
    run, out = bench.folder(number) / "rollouts", bench.folder(number) / "st-sft"
    options = dict(bench.study.sft)
    epochs = trainings.matched(run, int(options.get("epochs", 1)))
    options |= {"epochs": epochs, "control": "single"}
    trainings.train(bench.say, run, out, bench.base, bench.seed_of(number), **options)


def _rl(bench: Bench, number: int, arm: str) -> None:
    study, one_turn = bench.study, arm == "st-rl"
    start = bench.base if one_turn else str(bench.folder(number) / "mt-sft" / "last")
    settings = bench.settings(
        study.train, start, samples=study.group, turns=1 if one_turn else study.turns,
        arms=("single",) if one_turn else ("sml",), seed=bench.seed_of(number),
    )  # fmt: skip
    size = trainings.Rounds(study.rounds, study.round_problems, dict(study.rl))
    trainings.in_rounds(bench, settings, bench.folder(number) / arm, size)


def _report(bench: Bench) -> None:
    from tutelage.session.telemetry import Watch

    study = bench.study
    settings = bench.settings(
        study.test, "", limit=study.test_problems, turns=study.horizon, arms=study.arms,
        seed=bench.seed,
    )  # fmt: skip
    numbers = range(1, study.seeds + 1)
    students = [planning.Student("base", (bench.base,))] + [
        planning.Student(
            arm, tuple(str(trainings.learnt(bench.folder(number) / arm)) for number in numbers)
        )
        for arm in _arms(study)
    ]
    evaluation_plan = planning.plan(str(bench.out / "report"), settings, students)
    report.write(
        evaluation_plan.out, evaluation_plan.settings, play(evaluation_plan, Watch(say=bench.say))
    )
