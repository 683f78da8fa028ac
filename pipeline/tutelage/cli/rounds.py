"""`tutelage rounds`: generate, train, generate with what was learnt, and so on.

Each step is `python -m tutelage ...` in a process of its own, which ends with this one.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from tutelage.processes.worker import die_with

EXAMPLE = """\b
Example: tutelage rounds --config rounds.toml, where rounds.toml holds
  out = "outputs/rounds"
  rounds = 20              # of 64 problems each, by default
  held_out = 100           # problems to measure on, never trained
  evaluate_every = 5
  resident = true          # one vLLM server for the whole loop, handed each round's weights
  asynchronous = false     # true: play a round while the one before it is trained
\b
  [generate]               # any setting of `tutelage generate`
  corpora = ["starter?size=5000"]
  samples = 8              # dialogues a problem: the group that is compared
  student = { model = "smollm2-135m", temperature = 1.0 }
\b
  [train]                  # any option of `tutelage train rl`, with _ for -
  lr = 1e-6
\b
  [evaluate]               # over [generate]; one greedy dialogue a problem by default
  turns = 6
\b
  [warmup]                 # Q-priming and SFT before the first round; leave it out for none
  problems = 200
  train = { epochs = 2 }
"""


@click.command("rounds", epilog=EXAMPLE)
@click.option("--config", required=True, metavar="FILE", help="TOML file, as below.")
@click.option("--out", default="", help="Folder of the rounds, in place of the file's.")
def command(config: str, out: str) -> None:
    """Online RL: play with the newest weights, train on it, measure, and again.

    The same command goes on where it was interrupted, and repeats no finished step; with a larger
    `rounds` it extends the loop. OUT/rounds.jsonl has a line a round.
    """
    from tutelage import rounds

    plan = rounds.load(config, out)
    say = partial(click.echo, err=True)
    try:
        lines = rounds.perform(plan, Launcher(plan.config.trainer), say)
    except KeyboardInterrupt:
        say(f"interrupted: finished steps are safe in {plan.out}; the same command goes on")
        sys.exit(130)
    _conclude(lines, rounds.best(lines))


class Launcher:
    """Runs commands of this program, and gives their exit status.

    From here on a signal is a wish that is passed on to the step that runs, and heeded before the
    next one; raised between two steps as an exception, it could be lost inside a library.
    """

    def __init__(self, trainer: str) -> None:
        """Trainings are launched by `trainer`; where it is empty, as all else is."""
        self._trainer = shlex.split(trainer)
        self._asked = False
        self._steps: set[subprocess.Popen[bytes]] = set()
        """Two at most: a training, and the play of the next round."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._forward)

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs `tutelage ARGS` to its end, with this added to the environment."""
        if self._asked:
            return 130
        by = self._trainer if self._trainer and args[0] == "train" else [sys.executable]
        # A group of its own: a Ctrl-C reaches the step once, from here, however it was sent.
        # What a step prints as its result is not that of the loop.
        step = subprocess.Popen(
            [*by, "-m", "tutelage", *args],
            stdout=subprocess.DEVNULL,
            env=os.environ | environment,
            process_group=0,
            # where the loop is killed, Linux asks the step to stop, too
            preexec_fn=partial(die_with, os.getpid(), signal.SIGTERM),
        )
        self._steps.add(step)
        if self._asked:  # the signal came while the step was being started
            os.killpg(step.pid, signal.SIGINT)
        status = step.wait()
        self._steps.discard(step)
        return 130 if self._asked else status

    def stopped(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def _forward(self, number: int, frame: Any) -> None:
        self._asked = True
        for step in self._steps.copy():
            if step.poll() is None:
                os.killpg(step.pid, number)


def _conclude(lines: list[dict[str, Any]], best: dict[str, Any] | None) -> None:
    """A table of the rounds, on standard output."""
    click.echo("round  return  groups compared  tokens  seconds  held-out problems solved by turn")
    for line in lines:
        seconds = sum(line.get(name) or 0 for name in ("generate_s", "train_s", "evaluate_s"))
        compared = f"{line['groups_compared']}/{line['groups']}" if "groups" in line else ""
        mean = f"{line['return']:.3f}" if "return" in line else ""
        by = "  ".join(f"{turn}: {share:.1%}" for turn, share in line.get("held_out", {}).items())
        click.echo(
            f"{line['round']:5}  {mean:>6}  {compared:>15}  {line.get('tokens', ''):>6}  "
            f"{seconds:7.0f}  {by}"
        )
        for arm, figures in line.get("held_out_arms", {}).items():
            shares = figures["solved_by"].items()
            by = "  ".join(f"{turn}: {share:.1%}" for turn, share in shares)
            click.echo(f"{'':5}  {arm:>6}  {'':15}  {'':6}  {'':7}  {by}")
    click.echo(f"last   {lines[-1]['weights']}")
    if best:
        click.echo(f"best   {best['weights']} (round {best['round']})")
