"""The resumable steps of a loop, and the figures of a round."""

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
"""Seconds that a trainer may take to finish its step and save."""


class Launch(Protocol):
    """Runs commands of this program."""

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs `args`, such as `("train", "rl", ...)`, with these variables; returns its status."""

    def stopped(self) -> bool:
        """Whether a signal requested the end."""


def perform(plan: Plan, launch: Launch, say: Say) -> list[Table]:
    """Performs all remaining steps; returns the line of each round, read from the folder.

    Raises:
        Mistake: an error that the user can correct.
        RunFailed: a step failed; finished work is kept, and the same command resumes.
        KeyboardInterrupt: interrupted by a signal; likewise.
    """
    with alone(plan):
        start(plan)
        lay_out(plan, say)
        hot_swap = HotSwapServers(plan.out, say, launch.stopped, is_used=plan.resident)
        with hot_swap as servers:
            loop = _Loop(plan, launch, say, servers)
            base = loop.warmed_up()
            for number in range(plan.config.rounds + 1):
                if not (plan.folder(number) / "done.json").is_file():
                    loop.round(number, base)
                lines = read(plan)
                write(plan.out / "rounds.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
                _prune(plan, lines)
        return lines


def read(plan: Plan) -> list[Table]:
    """The lines of the finished rounds, in order; 0 is the policy before the first."""
    done = sorted(plan.out.glob("rounds/*/done.json"))
    return [json.loads(file.read_text("utf-8")) for file in done]


def best(lines: Sequence[Table]) -> Table | None:
    """The round with the highest success on held-out problems, the later one of a tie."""
    measured = [line for line in lines if line.get("held_out")]
    return max(measured, key=lambda x: (max(x["held_out"].values()), x["round"]), default=None)


@dataclass(frozen=True, slots=True)
class _Loop:
    """The steps; each does nothing if it is done already."""

    plan: Plan
    launch: Launch
    say: Say
    servers: HotSwapServers

    def warmed_up(self) -> str:
        """The weights for the first round, after the warm-up if there is one."""
        plan, folder = self.plan, self.plan.out / "warmup"
        if not plan.config.warmup.problems:
            return plan.start
        seed = seeds.seed(plan.config.seed, "warm-up")
        self.generate("warm-up", plan.prime, plan.start, "warmup", folder / "run", seed)
        sft = training("warmup.train", "sft", plan.config.warmup.train)
        return self.train("warm-up", sft, folder, plan.start, "")

    def round(self, number: int, base: str) -> None:
        """One round, from its first problem to its line."""
        plan, folder, lines = self.plan, self.plan.folder(number), read(self.plan)
        title = f"round {number}/{plan.config.rounds}"
        line: Table = {"round": number, "weights": lines[-1]["weights"] if number else base}
        carry = next((x["carry"] for x in reversed(lines) if x.get("carry")), "")
        if number:
            self.play(number, line["weights"])
            line |= _figures(folder / "run", plan.generate.turns)
            line["staleness"] = int(_player(folder / "run") != line["weights"])
            rl = training("train", "rl", plan.config.train)
            line["groups_compared"] = _informative_groups(folder / "run", rl)
            if line["groups_compared"]:
                with self.ahead(number + 1, line["weights"]):
                    line["weights"] = self.train(title, rl, folder, base, carry)
                line |= _mean_figures(folder / "train") | {"carry": str(folder / "train")}
            else:
                self.say(f"{title}: all returns are equal in every group; the weights stay")
        is_evaluated = number % plan.config.evaluate_every == 0 or number == plan.config.rounds
        if plan.config.held_out and is_evaluated:
            line |= self.measured(title, folder / "evaluation", line["weights"])
        write(folder / "done.json", json.dumps(line, indent=2) + "\n")
        self.say(f"{title}: {summary(line)}")
        for words in cautions.of_round([*lines, line]):
            self.say(f"{title}: {words}")

    def play(self, number: int, weights: str) -> None:
        """Plays the problems of a round, unless that is done."""
        plan, title = self.plan, f"round {number}/{self.plan.config.rounds}"
        seed = seeds.seed(plan.config.seed, number)
        run = plan.folder(number) / "run"
        self.generate(title, plan.generate, weights, f"{number:04d}", run, seed)

    @contextmanager
    def ahead(self, number: int, weights: str) -> Iterator[None]:
        """Context during which the next round is played with the current weights, if the plan is
        asynchronous; its exit waits for that. So no round is played with weights older than those
        before the newest training.
        """
        if not self.plan.config.asynchronous or number > self.plan.config.rounds:
            yield
            return
        with ThreadPoolExecutor(1, "ahead") as pool:
            pending = pool.submit(self.play, number, weights)
            yield
            pending.result()

    def measured(self, title: str, run: Path, weights: str) -> Table:
        """Evaluates these weights on the held-out problems."""
        plan, title = self.plan, f"{title}, held-out problems"
        self.generate(title, plan.evaluate, weights, "held-out", run, plan.config.seed)
        figures = _figures(run, plan.evaluate.turns)
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
        if not plan.config.frozen_teacher and chosen.teacher.model == plan.start:
            sides["teacher"] = chosen.teacher.model_copy(update={"model": weights})
            if chosen.judge.model == plan.start:  # the reader uses the teacher's model
                sides["judge"] = chosen.judge.model_copy(update={"model": weights})
        source = plan.out / "problems" / f"{problems}.jsonl"
        changes: Table = {"corpora": (f"tutelage={source}",), "map": {}, "format": "", "limit": 0}
        # the bundled model's context applies only under its own name
        if plan.start == BUNDLED and not chosen.vllm.max_model_len:
            changes["vllm"] = chosen.vllm.model_copy(update={"max_model_len": 2048})
        tree = chosen.model_copy(update=changes | sides | {"seed": seed})
        file = run.with_name(f"{run.name}.toml")
        write(file, run_file(tree.model_dump(mode="json", exclude_defaults=True)))
        self.say(f"{title}: generating with {weights}")
        beam_args = ("--", *plan.config.beam) if plan.config.beam else ()
        args = ("generate", "--config", str(file), "--out", str(run), *beam_args)
        with self.servers.playing(tree) as environment:
            self.do(title, args, environment)

    def train(self, title: str, chosen: Recipe, folder: Path, model: str, carry: str) -> str:
        """Trains on the run in `place`, unless that is done; returns the folder of the weights."""
        out = folder / "train"
        progress = checkpoint.progress(out)
        if progress is None or not progress.finished:
            if out.is_dir():  # if the loop was killed, its trainer saves before it exits
                with checkpoint.alone(out, _LAST_STEP_S):
                    pass
            self.say(f"{title}: training on {folder / 'run'}")
            args = ["--model", model, *(("--carry", carry) if carry else ()), *options(chosen)]
            if not self.plan.config.asynchronous:
                self.servers.rest()
            self.do(title, ("train", chosen.kind, str(folder / "run"), "--out", str(out), *args))
        return str(out / checkpoint.LAST)

    def do(
        self, title: str, args: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Runs one command. Its own error message is on standard error already."""
        status = self.launch(args, environment or {})
        if status == 130:
            raise KeyboardInterrupt
        step = f"{title}: `tutelage {' '.join(args[:2] if args[0] == 'train' else args[:1])}`"
        advice = "what is finished stays; the same command goes on"
        if status == 2:
            raise SettingsError(f"{step} stopped at the mistake above; {advice}")
        if status < 0:
            raise RunFailed(f"{step} was killed by signal {-status}; {advice}")
        if status:
            raise RunFailed(f"{step} failed with status {status}; {advice}")


def summary(line: Table) -> str:
    """A round in a few words; with several arms, those of the first."""
    words = []
    if "return" in line:
        words.append(f"mean return {line['return']:.3f}")
        words.append(f"{line['groups_compared']} of {line['groups']} groups compared")
    if line.get("staleness"):
        words.append(f"played with weights of {line['staleness']} round before")
    if "held_out" in line:
        shares = ", ".join(f"{turn}: {share:.1%}" for turn, share in line["held_out"].items())
        words.append(f"held-out problems solved by turn {shares}")
    return "; ".join([*words, f"weights {line['weights']}"])


def _player(run: Path) -> str:
    """The weights that a run was played with, from its run file."""
    settings: Table = tomllib.loads(run.with_name(f"{run.name}.toml").read_text("utf-8"))
    return str(settings["student"]["model"])


def _figures(run: Path, turns: int) -> Table:
    """Figures of the policy that played a published run.

    Arms are never averaged: the figures are those of `sml`, or of the first arm. If there are
    several, `arms` has the figures of each.
    """
    by_arm: dict[str, list[Table]] = {}
    for row in read_rows(str(run), ("arm", "group_id", "usage", "outcome", "trail")):
        by_arm.setdefault(row["arm"], []).append(row)
    if not by_arm:
        raise RunFailed(f"{run} holds no dialogue: see its rejects by `tutelage inspect {run}`")
    figures = {arm: _of_one_arm(rows, turns) for arm, rows in sorted(by_arm.items())}
    first = figures.get("sml", next(iter(figures.values())))
    total = {
        name: sum(arm_figures[name] for arm_figures in figures.values())
        for name in ("dialogues", "groups", "tokens")
    }
    seconds = RunFolder(run).read_json("telemetry.json").get("generate_s")
    arms: Table = {"arms": figures} if len(figures) > 1 else {}
    return first | total | {"generate_s": seconds} | arms


def _of_one_arm(rows: Sequence[Table], turns: int) -> Table:
    solved_turns = [row["outcome"]["solved_turn"] or turns + 1 for row in rows]
    acts = [turn["act"] for row in rows for turn in row["trail"] if turn["speaker"] == "student"]
    return {
        "question_rate": round(acts.count("question") / max(1, len(acts)), 6),
        "return": round(fmean(row["outcome"]["return"] for row in rows), 6),
        "solved_by": {
            str(t): round(sum(turn <= t for turn in solved_turns) / len(rows), 6)
            for t in range(1, turns + 1)
        },
        "dialogues": len(rows),
        "groups": len({row["group_id"] for row in rows}),
        "tokens": sum(row["usage"]["student"]["completion"] for row in rows),
    }


def _informative_groups(run: Path, chosen: Recipe) -> int:
    """Number of groups whose returns differ; only those teach."""
    rows = (
        row
        for row in read_rows(str(run), groups.FACTS, splits=("train",))
        if (not chosen.arms or row["arm"] in chosen.arms)
        and (chosen.keep_leaks or not row["leak"]["any"])
    )
    none: Counter[str] = Counter()
    return len(groups.speaking(groups.gathered(rows, none), none))


def _mean_figures(out: Path) -> Table:
    """Mean figures of the steps of a training."""
    steps = [line for line in metrics.read(out) if "lr" in line]
    means = ("ratio", "kl_sampler", "clip_fraction", "kl_reference", "entropy")
    figures = {n: fmean(x[n] for x in steps) for n in means if steps and n in steps[0]}
    return {"steps": len(steps), **figures, "train_s": round(sum(x["seconds"] for x in steps), 3)}


def _prune(plan: Plan, lines: Sequence[Table]) -> None:
    """Removes old optimiser states, and weights that are not kept."""
    trained = [line for line in lines if line.get("carry")]
    best_line = best(lines)
    kept = {
        line["weights"]
        for line in [*trained[-plan.config.keep :], *([best_line] if best_line else [])]
    }
    for line in trained[:-1]:
        shutil.rmtree(Path(line["carry"]) / checkpoint.STATE, ignore_errors=True)
        if line["weights"] not in kept:
            shutil.rmtree(line["weights"], ignore_errors=True)
