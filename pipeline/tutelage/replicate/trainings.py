"""Training data and trainings of a replication: SFT, its single-turn control, RL.

RL starts from SFT, with a floor for the standard deviation and a KL term: straight from this base,
without either, it collapsed within fifty steps.
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
"""Digits of the answers to train on: a student who listens is done by the fourth turn. With answers
of four digits too, half as many dialogues were solved, and trainings varied more by chance.
"""
OTHER_WEBS: Mapping[str, float] = {"base-0": 0.0, "base-5": 0.05}
"""Base models of webs with fewer listeners -> their share."""
SFT: Mapping[str, Any] = {"epochs": 8, "lr": 1e-3, "batch": 16, "dtype": "fp32", "length": 600}
RL: Mapping[str, Any] = {
    "lr": 1e-4, "beta": 0.05, "std_floor": 0.1, "batch": 8, "dtype": "fp32", "length": 600,
}  # fmt: skip


class Bench(Protocol):
    """What the steps need: a folder, and what runs the steps of `rounds`."""

    @property
    def out(self) -> Path:
        """Output folder."""

    @property
    def say(self) -> Callable[[str], None]:
        """Called with progress messages."""

    @property
    def launch(self) -> Launch:
        """Runs commands of this program."""

    @property
    def serves(self) -> bool:
        """Whether vLLM plays the student, so that one server stays up for all steps."""


def pretrain(toy: Toy, name: str, listen: float, *, is_first: bool = False) -> None:
    """The first two lessons, or the last one from there, on a web with this share of listeners."""
    from tutelage.replicate import pretraining

    lessons = pretraining.curriculum(listen, toy.scale.steps)
    if name in OTHER_WEBS:  # enough to unlearn or keep a habit, which is all these are for
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
    """Generates dialogues and trains on the solved ones. `number` counts seeds from 1.

    At most four turns, three dialogues per problem. With Q-priming also on problems in pieces, of
    three digits, which can be revealed by the fourth turn: asking is learned where it pays off.
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
    """SFT on problem and gold, for `mt-sft`'s problems and about as many trained tokens."""
    run, out = toy.folder(number) / "mt-sft-rollouts", toy.folder(number) / "st-sft"
    options = {**SFT, "epochs": matched(run, SFT["epochs"]), "control": "single"}
    train(toy.say, run, out, str(toy.base), toy.seed_of(number), **options)


def matched(run: Path, epochs: int) -> int:
    """Epochs over one reply per problem that train as many tokens as `epochs` over solved dialogues."""
    dialogue_tokens = single_tokens = 0
    seen = set()
    for row in read_rows(str(run), ("problem_id", "outcome", "trail")):
        token_counts = [len(entry["token_ids"]) for entry in row["trail"] if entry["token_ids"]]
        dialogue_tokens += sum(token_counts) if row["outcome"]["solved_turn"] else 0
        if row["problem_id"] not in seen and token_counts:
            seen.add(row["problem_id"])
            single_tokens += token_counts[0]
    return max(1, round(epochs * dialogue_tokens / max(1, single_tokens)))


def by_heart(toy: Toy, name: str) -> None:
    """The opposite regime: a few problems, repeated often, whose gold can be memorised."""
    run = toy.folder(1) / "by-heart-rollouts"
    spec = toy.corpus("a", toy.scale.by_heart, "train", "3-3", 7 + toy.seed)
    generate(toy, toy.settings([spec], toy.base, samples=8, turns=TURNS, seed=toy.seed), run)
    options: dict[str, Any] = {"epochs": 8}
    if name == "st":
        options = {"epochs": toy.scale.by_heart_epochs, "control": "single"}
    out = toy.folder(1) / f"by-heart-{name}"
    train(toy.say, run, out, str(toy.base), toy.seed, **{**SFT, **options})


@dataclass(frozen=True, slots=True)
class Rounds:
    """The size of a loop of rounds, and its training options."""

    count: int
    problems: int
    """Per round."""
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
    """Runs `tutelage rounds` from the student in these settings."""
    from tutelage import rounds
    from tutelage.rounds.folder import run_file

    folder.mkdir(parents=True, exist_ok=True)
    generate_settings = settings.model_dump(mode="json", exclude_defaults=True)
    generate_settings.setdefault("student", {})["temperature"] = settings.student.temperature
    tree = {
        "rounds": size.count, "problems": size.problems, "held_out": 0, "seed": settings.seed,
        "generate": generate_settings, "train": dict(size.train),
    }  # fmt: skip
    file = folder.with_suffix(".toml")
    file.write_text(run_file(tree), "utf-8")
    rounds.perform(rounds.load(str(file), str(folder)), bench.launch, bench.say)


def generate(bench: Bench, settings: Settings, run: Path) -> None:
    """Plays one run, on the servers that are up."""
    from tutelage.flow import run as play

    hot_swap = HotSwapServers(bench.out, bench.say, bench.launch.stopped, is_used=bench.serves)
    with hot_swap as servers, servers.playing(settings) as variables, environment(variables):
        play(settings, str(run))


def train(
    say: Callable[[str], None], run: Path, out: Path, model: str, seed: int, **options: Any
) -> None:
    """One SFT. If nothing was solved, the model stays as it was, which is a result too.

    A GPU has room for the training or for vLLM, so that each leaves it to the other.
    """
    from tutelage.train import loop
    from tutelage.train.model import release
    from tutelage.train.recipe import recipe

    chosen = recipe("sft", str(run), str(out), model=model, seed=seed, **options)
    HotSwapServers.rest_all()
    try:
        loop.train(chosen, lambda event, figures: None)
    except Mistake as error:
        if any(read_rows(str(run), ("dialogue_id",), kind="solved")):
            raise
        say(f"{out.name}: nothing was solved, so nothing is learnt ({error})")
        toy_model.copy(Path(models.resolve(model)), out / "last")
    finally:
        release()


def learnt(folder: Path) -> Path:
    """The weights of a training, or of its last round."""
    rounds = folder / "rounds.jsonl"
    if not rounds.is_file():
        return folder / "last"
    last = json.loads(rounds.read_text("utf-8").splitlines()[-1])
    return Path(last["weights"])
