"""The resumable steps of the toy replication, in order.

OUT/models/            eager (before the last lesson), base, base-0, base-5 OUT/seed-N/RUN, ARM
training data, and trainings OUT/reports/NAME       evaluations: main (family A), transfer (B),
pieces (C), controls, liar,
                       other-words, reverse, web, by-heart
OUT/steps/NAME.json    one line per finished step: its seconds

arm        trained on st-sft     problem and gold, in the student's own words, as many trained
tokens as mt-sft mt-sft     solved dialogues over at most four turns q-sft      the same with
Q-priming st-rl      GRPO over one turn from the base, g = 8;  st-rl-32 with g = 32 mt-rl      GRPO
over four turns from mt-sft;  q-rl from q-sft
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial

from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import SettingsError
from tutelage.evaluate import plan as planning
from tutelage.evaluate import report
from tutelage.evaluate.play import play
from tutelage.replicate import trainings
from tutelage.replicate.chats import Web
from tutelage.replicate.toy import ARMS, HORIZON, TURNS, WORLD, Toy
from tutelage.settings import differences

Step = tuple[str, Callable[[], None]]
LISTEN = Web().listen
"""Share of listeners on the web of most bases."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One report of a replication."""

    name: str
    corpora: tuple[str, ...]
    students: tuple[str, ...]
    """Arms (evaluated for every seed), or names of models of seed 1."""
    arms: tuple[str, ...] = ("sml",)
    teacher: str = "Teacher"


def steps(toy: Toy) -> Iterator[Step]:
    """(name, action) of every step, in order."""
    yield "pretrain-eager", partial(trainings.pretrain, toy, "eager", LISTEN, is_first=True)
    yield "pretrain-base", partial(trainings.pretrain, toy, "base", LISTEN)
    for number in range(1, toy.scale.seeds + 1):
        yield from _of_seed(toy, number)
    reports = {
        evaluation.name: (f"report-{evaluation.name}", partial(evaluate, toy, evaluation))
        for evaluation in evaluations(toy)
    }
    for name in ("main", "transfer", "pieces", "controls", "liar", "other-words"):
        yield reports[name]
    yield "seed-1/reverse", partial(trainings.sft, toy, 1, "reverse", toy.base, family="b")
    yield reports["reverse"]
    for name in ("st", "mt"):
        yield f"seed-1/by-heart-{name}", partial(trainings.by_heart, toy, name)
    yield reports["by-heart"]
    for name, listen in trainings.OTHER_WEBS.items():
        yield f"pretrain-{name}", partial(trainings.pretrain, toy, name, listen)
        learnt = partial(trainings.sft, toy, 1, f"sft-{name}", toy.models / name)
        yield f"seed-1/sft-{name}", learnt
    yield reports["web"]


def perform(toy: Toy) -> None:
    """Performs all remaining steps, with one server for all of them.

    Raises:
        Mistake, RunFailed, KeyboardInterrupt: as the step did; the same command resumes.
    """
    (toy.out / "steps").mkdir(parents=True, exist_ok=True)
    every = list(steps(toy))
    with HotSwapServers(toy.out, toy.say, toy.launch.stopped, is_used=toy.serves):
        for position, (name, act) in enumerate(every, 1):
            file = toy.out / "steps" / f"{name.replace('/', '.')}.json"
            if file.is_file():
                continue
            toy.say(f"{position}/{len(every)}: {name}")
            start = time.monotonic()
            act()
            timing = {"step": name, "seconds": round(time.monotonic() - start, 1)}
            file.write_text(json.dumps(timing) + "\n", "utf-8")


def admit(toy: Toy) -> None:
    """Creates the folder, or checks that it belongs to this replication.

    Raises:
        SettingsError: the folder holds another one, or something else.
    """
    file = toy.out / "replicate.json"
    current = {"seed": toy.seed, "scale": asdict(toy.scale)}
    if file.is_file():
        stored = json.loads(file.read_text("utf-8"))
        if changed := "; ".join(differences(stored, current)):
            raise SettingsError(
                f"{toy.out} holds a replication of another size ({changed}): choose another --out"
            )
        return
    if toy.out.is_dir() and any(toy.out.iterdir()):
        raise SettingsError(f"{toy.out} is neither empty nor a replication: choose another --out")
    toy.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(current, indent=1) + "\n", "utf-8")


def _of_seed(toy: Toy, number: int) -> Iterator[Step]:
    name, scale = f"seed-{number}", toy.scale
    yield f"{name}/mt-sft", partial(trainings.sft, toy, number, "mt-sft", toy.base)
    yield f"{name}/q-sft", partial(trainings.sft, toy, number, "q-sft", toy.base, is_primed=True)
    yield f"{name}/st-sft", partial(trainings.single, toy, number)
    for arm, group in (("st-rl", scale.group), ("st-rl-32", scale.wide_group)):
        learnt = partial(trainings.reinforce, toy, number, arm, toy.base, 1, group)
        yield f"{name}/{arm}", learnt
    for arm, warm in (("mt-rl", "mt-sft"), ("q-rl", "q-sft")):
        start = toy.folder(number) / warm / "last"
        learnt = partial(trainings.reinforce, toy, number, arm, start, TURNS, scale.group)
        yield f"{name}/{arm}", learnt


def evaluations(toy: Toy) -> list[Evaluation]:
    """The reports, each with the students that a claim compares. The last is on trained problems."""
    size, seed = toy.scale.test, 50 + toy.seed
    a, b = (toy.corpus(family, size, "test", "3-6", seed) for family in "ab")
    pieces = toy.corpus("c", size, "test", "3-5", seed)
    known = toy.corpus("a", toy.scale.by_heart, "train", "3-3", 7 + toy.seed)
    students = ("base", "mt-sft")
    return [
        Evaluation("main", (a,), ("base", *ARMS)),
        Evaluation("transfer", (b,), ("base", "st-sft", "mt-sft", "mt-rl")),
        Evaluation("pieces", (pieces,), ("base", "mt-sft", "q-sft", "q-rl")),
        Evaluation("controls", (a,), ("mt-sft",), ("sml", "retry", "shuffled", "blind")),
        Evaluation("liar", (a,), students, teacher="Liar"),
        Evaluation("other-words", (a,), students, teacher="OtherWords"),
        Evaluation("reverse", (a, b), ("base", "reverse")),
        Evaluation("web", (a,), ("base-0", "sft-base-0", "base-5", "sft-base-5")),
        Evaluation("by-heart", (known,), ("base", "by-heart-st", "by-heart-mt")),
    ]


def weights(toy: Toy, student: str) -> tuple[str, ...]:
    """The model folders of a student: a base, all seeds of an arm, or a model of seed 1."""
    if (toy.models / student).is_dir():
        return (str(toy.models / student),)
    numbers = range(1, toy.scale.seeds + 1) if student in ARMS else (1,)
    return tuple(str(trainings.learnt(toy.folder(number) / student)) for number in numbers)


def evaluate(toy: Toy, evaluation: Evaluation) -> None:
    """Plays and writes one report."""
    from tutelage.session.telemetry import Watch

    settings = toy.settings(
        evaluation.corpora, toy.base, turns=HORIZON, arms=evaluation.arms, seed=toy.seed,
        teacher=f"{WORLD}:{evaluation.teacher}",
    )  # fmt: skip
    students = [planning.Student(name, weights(toy, name)) for name in evaluation.students]
    evaluation_plan = planning.plan(str(toy.out / "reports" / evaluation.name), settings, students)
    report.write(evaluation_plan.out, evaluation_plan.settings, play(evaluation_plan, Watch()))
