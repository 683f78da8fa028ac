"""What a replication plays to learn from, and what it learns: SFT, its single-turn control, RL.

RL begins after SFT, with a floor under the standard deviation and some weight on the divergence:
straight from this base, without either, it collapsed within fifty steps.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from tutelage import models
from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import Mistake
from tutelage.evaluate.play import environment
from tutelage.replicate import toy_model
from tutelage.replicate.toy import TURNS, Toy
from tutelage.rounds.loop import Launch
from tutelage.settings import Settings
from tutelage.shards import read_rows

LENGTHS = "3-3"
"""Digits of the answers that are learnt from: a student who listens is out by the fourth turn. With
four digits among them half as many dialogues were solved, and trainings differed by their luck.
"""
OTHER_WEBS: Mapping[str, float] = {"base-0": 0.0, "base-5": 0.05}
"""Bases of webs with fewer listeners -> their share."""
SFT: Mapping[str, Any] = {"epochs": 8, "lr": 1e-3, "batch": 16, "dtype": "fp32", "length": 600}
RL: Mapping[str, Any] = {
    "lr": 1e-4, "beta": 0.05, "std_floor": 0.1, "batch": 8, "dtype": "fp32", "length": 600,
}  # fmt: skip


class Bench(Protocol):
    """Where steps are made, and what runs the steps of `rounds`."""

    @property
    def out(self) -> Path:
        """Folder of all of it."""

    @property
    def say(self) -> Callable[[str], None]:
        """Hears what a waiting person wants to know."""

    @property
    def launch(self) -> Launch:
        """Runs commands of this program."""

    @property
    def serves(self) -> bool:
        """Whether vLLM plays the student, so that one server stays up for all."""


def pretrain(toy: Toy, name: str, listen: float, *, is_first: bool = False) -> None:
    """The first two lessons, or from there the last one on a web with this share of listeners."""
    from tutelage.replicate import pretraining

    lessons = pretraining.curriculum(listen, toy.scale.steps)
    if name in OTHER_WEBS:  # enough to unlearn or keep a habit, which is all that is asked of them
        lessons = (*lessons[:2], replace(lessons[2], steps=max(1, lessons[2].steps * 5 // 8)))
    out = toy.models / name
    if out.is_dir():
        return
    toy.models.mkdir(exist_ok=True)
    chosen = lessons[:2] if is_first else lessons[2:]
    start = None if is_first else toy.models / "eager"
    pretraining.pretrain(chosen, out, toy.say, seed=toy.seed, start=start)


def sft(
    toy: Toy, number: int, arm: str, model: Path, *, family: str = "a", is_primed: bool = False
) -> None:
    """Plays, and learns the dialogues that were solved. `number` is the seed's, from 1.

    Four turns at most, three dialogues a problem. With Q-priming on problems in pieces as well, of
    three digits, which are out by the fourth turn: asking is learnt where it pays.
    """
    scale, seed = toy.scale, toy.seed_of(number)
    corpora = [toy.corpus(family, scale.rollouts, "train", LENGTHS, seed)]
    if is_primed:
        corpora.append(toy.corpus("c", max(4, scale.rollouts // 4), "train", "3-3", seed))
    settings = toy.settings(
        corpora, model, samples=3, turns=TURNS, seed=seed, q_priming__enabled=is_primed
    )
    run = toy.folder(number) / f"{arm}-rollouts"
    generate(toy, settings, run)
    train(toy.say, run, toy.folder(number) / arm, str(model), seed, **SFT)


def single(toy: Toy, number: int) -> None:
    """Problem and gold of the problems of `mt-sft`, for as many epochs as give its tokens."""
    run, out = toy.folder(number) / "mt-sft-rollouts", toy.folder(number) / "st-sft"
    options = {**SFT, "epochs": matched(run, SFT["epochs"]), "control": "single"}
    train(toy.say, run, out, str(toy.base), toy.seed_of(number), **options)


def matched(run: Path, epochs: int) -> int:
    """Epochs over one reply a problem that train as many tokens as these over solved dialogues."""
    talked = alone = 0
    seen = set()
    for row in read_rows(str(run), ("problem_id", "outcome", "trail")):
        written = [len(entry["token_ids"]) for entry in row["trail"] if entry["token_ids"]]
        talked += sum(written) if row["outcome"]["solved_turn"] else 0
        if row["problem_id"] not in seen and written:
            seen.add(row["problem_id"])
            alone += written[0]
    return max(1, round(epochs * talked / max(1, alone)))


def by_heart(toy: Toy, name: str) -> None:
    """The other regime: a few problems, met again and again, whose gold can be learnt by heart."""
    run = toy.folder(1) / "by-heart-rollouts"
    spec = toy.corpus("a", toy.scale.by_heart, "train", "3-3", 7 + toy.seed)
    generate(toy, toy.settings([spec], toy.base, samples=8, turns=TURNS, seed=toy.seed), run)
    more: dict[str, Any] = {"epochs": 8}
    if name == "st":
        more = {"epochs": 60, "control": "single"}
    out = toy.folder(1) / f"by-heart-{name}"
    train(toy.say, run, out, str(toy.base), toy.seed, **{**SFT, **more})


@dataclass(frozen=True, slots=True)
class Rounds:
    """How much a loop of rounds plays, and how it learns."""

    count: int
    problems: int
    """A round."""
    train: Mapping[str, Any]
    """Options of `tutelage train rl`."""


def reinforce(toy: Toy, number: int, arm: str, model: Path, turns: int, group: int) -> None:
    """Rounds of GRPO over one turn or several."""
    scale, seed = toy.scale, toy.seed_of(number)
    problems = 4 * scale.rounds * scale.round_problems
    settings = toy.settings(
        [toy.corpus("a", problems, "train", LENGTHS, 10_000 + seed)], model, samples=group,
        turns=turns, arms=("single",) if turns == 1 else ("sml",), seed=seed,
    )  # fmt: skip
    size = Rounds(scale.rounds, scale.round_problems, RL)
    in_rounds(toy, settings, toy.folder(number) / arm, size)


def in_rounds(bench: Bench, settings: Settings, folder: Path, size: Rounds) -> None:
    """A loop by `tutelage rounds` itself, which begins with the student of these settings."""
    from tutelage import rounds
    from tutelage.rounds.folder import run_file

    folder.mkdir(parents=True, exist_ok=True)
    played = settings.model_dump(mode="json", exclude_defaults=True)
    played.setdefault("student", {})["temperature"] = settings.student.temperature
    tree = {
        "rounds": size.count, "problems": size.problems, "held_out": 0, "seed": settings.seed,
        "generate": played, "train": dict(size.train),
    }  # fmt: skip
    file = folder.with_suffix(".toml")
    file.write_text(run_file(tree), "utf-8")
    rounds.perform(rounds.load(str(file), str(folder)), bench.launch, bench.say)


def generate(bench: Bench, settings: Settings, run: Path) -> None:
    """Plays one run, on the servers that are up."""
    from tutelage.flow import run as play

    kept = HotSwapServers(bench.out, bench.say, bench.launch.stopped, is_used=bench.serves)
    with kept as servers, servers.playing(settings) as more, environment(more):
        play(settings, str(run))


def train(
    say: Callable[[str], None], run: Path, out: Path, model: str, seed: int, **options: Any
) -> None:
    """One SFT. Where nothing was solved the model stays as it was: that is a result, too."""
    from tutelage.train import loop
    from tutelage.train.recipe import recipe

    chosen = recipe("sft", str(run), str(out), model=model, seed=seed, **options)
    try:
        loop.train(chosen, lambda event, figures: None)
    except Mistake as error:
        if any(read_rows(str(run), ("dialogue_id",), kind="solved")):
            raise
        say(f"{out.name}: nothing was solved, so nothing is learnt ({error})")
        toy_model.copy(Path(models.resolve(model)), out / "last")


def learnt(folder: Path) -> Path:
    """The weights of a training: the last round's, where there were rounds."""
    rounds = folder / "rounds.jsonl"
    if not rounds.is_file():
        return folder / "last"
    last = json.loads(rounds.read_text("utf-8").splitlines()[-1])
    return Path(last["weights"])
