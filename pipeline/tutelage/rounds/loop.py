"""The steps of a loop, each of which does nothing where it is done, and what a round says."""

import json
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol

from tutelage import seeds
from tutelage.contract import groups
from tutelage.engines.hot_swap_servers import HotSwapServers
from tutelage.errors import RunFailed, SettingsError
from tutelage.rounds import cautions
from tutelage.rounds.folder import alone, run_file, start, write
from tutelage.rounds.plan import Plan, Table, options, training
from tutelage.rounds.problems import lay_out
from tutelage.settings import BUNDLED, Settings
from tutelage.shards import RunFolder, read_rows
from tutelage.train import checkpoint, metrics
from tutelage.train.recipe import Recipe

Say = Callable[[str], None]
_LAST_STEP_S = 300.0
"""Seconds that a trainer may take to end its step and save."""


class Launch(Protocol):
    """Runs commands of this program."""

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs one, such as `("train", "rl", ...)`, with this added to its environment; its exit
        status.
        """

    def stopped(self) -> bool:
        """Whether a signal asked for the end."""


def perform(plan: Plan, launch: Launch, say: Say) -> list[Table]:
    """Every step that is still to be done; the line of each round, from the folder alone.

    Raises:
        Mistake: something that the person can put right.
        RunFailed: a step failed; what it had finished stays, and the same command goes on.
        KeyboardInterrupt: a signal came; the same holds.
    """
    with alone(plan):
        start(plan)
        lay_out(plan, say)
        kept = HotSwapServers(plan.out, say, launch.stopped, is_used=plan.resident)
        with kept as servers:
            loop = _Loop(plan, launch, say, servers)
            base = loop.warmed_up()
            for number in range(plan.asked.rounds + 1):
                if not (plan.folder(number) / "done.json").is_file():
                    loop.round(number, base)
                lines = read(plan)
                write(plan.out / "rounds.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
                _prune(plan, lines)
        return lines


def read(plan: Plan) -> list[Table]:
    """The lines of the rounds that are done, in order; 0 is the policy before the first."""
    done = sorted(plan.out.glob("rounds/*/done.json"))
    return [json.loads(file.read_text("utf-8")) for file in done]


def best(lines: Sequence[Table]) -> Table | None:
    """The round with the highest success on held-out problems, the later of two that are equal."""
    measured = [line for line in lines if line.get("held_out")]
    return max(measured, key=lambda x: (max(x["held_out"].values()), x["round"]), default=None)


@dataclass(frozen=True, slots=True)
class _Loop:
    """The steps, each of which does nothing where it is done."""

    plan: Plan
    launch: Launch
    say: Say
    servers: HotSwapServers

    def warmed_up(self) -> str:
        """The weights that the first round plays with."""
        plan, place = self.plan, self.plan.out / "warmup"
        if not plan.asked.warmup.problems:
            return plan.start
        seed = seeds.seed(plan.asked.seed, "warm-up")
        self.generate("warm-up", plan.prime, plan.start, "warmup", place / "run", seed)
        chosen = training("warmup.train", "sft", plan.asked.warmup.train)
        return self.train("warm-up", chosen, place, plan.start, "")

    def round(self, number: int, base: str) -> None:
        """One round, from its first problem to its line."""
        plan, folder, begun = self.plan, self.plan.folder(number), read(self.plan)
        title = f"round {number}/{plan.asked.rounds}"
        line: Table = {"round": number, "weights": begun[-1]["weights"] if number else base}
        carry = next((x["carry"] for x in reversed(begun) if x.get("carry")), "")
        if number:
            self.play(number, line["weights"])
            line |= _played(folder / "run", plan.generate.turns)
            line["staleness"] = int(_player(folder / "run") != line["weights"])
            chosen = training("train", "rl", plan.asked.train)
            line["groups_compared"] = _speaking(folder / "run", chosen)
            if line["groups_compared"]:
                with self.ahead(number + 1, line["weights"]):
                    line["weights"] = self.train(title, chosen, folder, base, carry)
                line |= _learnt(folder / "train") | {"carry": str(folder / "train")}
            else:
                self.say(f"{title}: all returns are equal in every group; the weights stay")
        due = number % plan.asked.evaluate_every == 0 or number == plan.asked.rounds
        if plan.asked.held_out and due:
            line |= self.measured(title, folder / "evaluation", line["weights"])
        write(folder / "done.json", json.dumps(line, indent=2) + "\n")
        self.say(f"{title}: {summary(line)}")
        for words in cautions.of_round([*begun, line]):
            self.say(f"{title}: {words}")

    def play(self, number: int, weights: str) -> None:
        """Plays the problems of a round, unless that is done."""
        plan, title = self.plan, f"round {number}/{self.plan.asked.rounds}"
        seed = seeds.seed(plan.asked.seed, number)
        run = plan.folder(number) / "run"
        self.generate(title, plan.generate, weights, f"{number:04d}", run, seed)

    @contextmanager
    def ahead(self, number: int, weights: str) -> Iterator[None]:
        """While entered, the next round is played with the weights that there are already, if the
        plan wants that; left when it is played. So no round is played with older weights than those
        before the newest training.
        """
        if not self.plan.asked.asynchronous or number > self.plan.asked.rounds:
            yield
            return
        with ThreadPoolExecutor(1, "ahead") as pool:
            played = pool.submit(self.play, number, weights)
            yield
            played.result()

    def measured(self, title: str, run: Path, weights: str) -> Table:
        """How these weights do on held-out problems."""
        plan, title = self.plan, f"{title}, held-out problems"
        self.generate(title, plan.evaluate, weights, "held-out", run, plan.asked.seed)
        figures = _played(run, plan.evaluate.turns)
        line: Table = {"held_out": figures["solved_by"], "held_out_return": figures["return"]}
        if "arms" in figures:
            line["held_out_arms"] = figures["arms"]
        return line | {"evaluate_s": figures["generate_s"]}

    def generate(
        self, title: str, chosen: Settings, weights: str, problems: str, run: Path, seed: int
    ) -> None:
        """Plays a file of problems with these weights, unless that is done."""
        if (run / "manifest.json").is_file():
            return
        plan = self.plan
        sides: Table = {"student": chosen.student.model_copy(update={"model": weights})}
        if not plan.asked.frozen_teacher and chosen.teacher.model == plan.start:
            sides["teacher"] = chosen.teacher.model_copy(update={"model": weights})
            if chosen.judge.model == plan.start:  # the reader is the teacher's model
                sides["judge"] = chosen.judge.model_copy(update={"model": weights})
        source = plan.out / "problems" / f"{problems}.jsonl"
        changes: Table = {"corpora": (f"tutelage={source}",), "map": {}, "format": "", "limit": 0}
        if plan.start == BUNDLED and not chosen.vllm.max_model_len:  # known by name only
            changes["vllm"] = chosen.vllm.model_copy(update={"max_model_len": 2048})
        tree = chosen.model_copy(update=changes | sides | {"seed": seed})
        file = run.with_name(f"{run.name}.toml")
        write(file, run_file(tree.model_dump(mode="json", exclude_defaults=True)))
        self.say(f"{title}: generating with {weights}")
        after = ("--", *plan.asked.beam) if plan.asked.beam else ()
        args = ("generate", "--config", str(file), "--out", str(run), *after)
        with self.servers.playing(tree) as environment:
            self.do(title, args, environment)

    def train(self, title: str, chosen: Recipe, place: Path, model: str, carry: str) -> str:
        """Learns from the run in `place`, unless that is done; the folder of the weights."""
        out = place / "train"
        progress = checkpoint.progress(out)
        if progress is None or not progress.finished:
            if out.is_dir():  # a trainer whose loop was killed saves its state first
                with checkpoint.alone(out, _LAST_STEP_S):
                    pass
            self.say(f"{title}: training on {place / 'run'}")
            args = ["--model", model, *(("--carry", carry) if carry else ()), *options(chosen)]
            if not self.plan.asked.asynchronous:
                self.servers.rest()
            self.do(title, ("train", chosen.kind, str(place / "run"), "--out", str(out), *args))
        return str(out / checkpoint.LAST)

    def do(
        self, title: str, args: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """One command. What went wrong was said by itself, on standard error."""
        status = self.launch(args, environment or {})
        if status == 130:
            raise KeyboardInterrupt
        what = f"{title}: `tutelage {' '.join(args[:2] if args[0] == 'train' else args[:1])}`"
        again = "what is finished stays; the same command goes on"
        if status == 2:
            raise SettingsError(f"{what} stopped at the mistake above; {again}")
        if status < 0:
            raise RunFailed(f"{what} was killed by signal {-status}; {again}")
        if status:
            raise RunFailed(f"{what} failed with status {status}; {again}")


def summary(line: Table) -> str:
    """A round in a few words; of several arms, the first's."""
    words = []
    if "return" in line:
        words.append(f"mean return {line['return']:.3f}")
        words.append(f"{line['groups_compared']} of {line['groups']} groups compared")
    if line.get("staleness"):
        words.append(f"played with weights of {line['staleness']} round before")
    if "held_out" in line:
        by = ", ".join(f"{turn}: {share:.1%}" for turn, share in line["held_out"].items())
        words.append(f"held-out problems solved by turn {by}")
    return "; ".join([*words, f"weights {line['weights']}"])


def _player(run: Path) -> str:
    """Weights that a run was played with, by its run file."""
    settings: Table = tomllib.loads(run.with_name(f"{run.name}.toml").read_text("utf-8"))
    return str(settings["student"]["model"])


def _played(run: Path, turns: int) -> Table:
    """What a published run says of the policy that played it.

    Arms are never averaged: the figures are those of `sml`, or of the first arm; where there are
    several, `arms` has each one's.
    """
    by_arm: dict[str, list[Table]] = {}
    for row in read_rows(str(run), ("arm", "group_id", "usage", "outcome", "trail")):
        by_arm.setdefault(row["arm"], []).append(row)
    if not by_arm:
        raise RunFailed(f"{run} holds no dialogue: see its rejects by `tutelage inspect {run}`")
    figures = {arm: _of_one_arm(rows, turns) for arm, rows in sorted(by_arm.items())}
    first = figures.get("sml", next(iter(figures.values())))
    total = {
        name: sum(one[name] for one in figures.values())
        for name in ("dialogues", "groups", "tokens")
    }
    seconds = RunFolder(run).read_json("telemetry.json").get("generate_s")
    arms: Table = {"arms": figures} if len(figures) > 1 else {}
    return first | total | {"generate_s": seconds} | arms


def _of_one_arm(rows: Sequence[Table], turns: int) -> Table:
    at = [row["outcome"]["solved_turn"] or turns + 1 for row in rows]
    acts = [turn["act"] for row in rows for turn in row["trail"] if turn["speaker"] == "student"]
    return {
        "question_rate": round(acts.count("question") / max(1, len(acts)), 6),
        "return": round(fmean(row["outcome"]["return"] for row in rows), 6),
        "solved_by": {
            str(t): round(sum(turn <= t for turn in at) / len(rows), 6) for t in range(1, turns + 1)
        },
        "dialogues": len(rows),
        "groups": len({row["group_id"] for row in rows}),
        "tokens": sum(row["usage"]["student"]["completion"] for row in rows),
    }


def _speaking(run: Path, chosen: Recipe) -> int:
    """Groups whose returns differ: without one there is nothing to learn from."""
    rows = (
        row
        for row in read_rows(str(run), groups.FACTS, splits=("train",))
        if (not chosen.arms or row["arm"] in chosen.arms)
        and (chosen.keep_leaks or not row["leak"]["any"])
    )
    none: Counter[str] = Counter()
    return len(groups.speaking(groups.gathered(rows, none), none))


def _learnt(out: Path) -> Table:
    """What the steps of a training say."""
    steps = [line for line in metrics.read(out) if "lr" in line]
    means = ("ratio", "kl_sampler", "clip_fraction", "kl_reference", "entropy")
    figures = {n: fmean(x[n] for x in steps) for n in means if steps and n in steps[0]}
    return {"steps": len(steps), **figures, "train_s": round(sum(x["seconds"] for x in steps), 3)}


def _prune(plan: Plan, lines: Sequence[Table]) -> None:
    """Removes what no later round needs: old optimiser states, and weights that are not kept."""
    trained = [line for line in lines if line.get("carry")]
    top = best(lines)
    kept = {line["weights"] for line in [*trained[-plan.asked.keep :], *([top] if top else [])]}
    for line in trained[:-1]:
        shutil.rmtree(Path(line["carry"]) / checkpoint.STATE, ignore_errors=True)
        if line["weights"] not in kept:
            shutil.rmtree(line["weights"], ignore_errors=True)
