"""`tutelage replicate`: the paper's claims, tried again at a size of one's own."""

import contextlib
import io
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click


@click.group(epilog="Example: tutelage replicate toy --out outputs/replicate")
def command() -> None:
    """Try the paper's claims again: in a toy world in minutes, or on a real model."""


@command.command(epilog="Example: tutelage replicate toy --budget-minutes 20")
@click.option("--out", default="outputs/replicate", show_default=True, help="Folder for all of it.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another replication.")
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each arm.  [default: 5]")
@click.option("--budget-minutes", type=click.FloatRange(1), help="Sizes for so long on two cores.")
@click.option(
    "--quick", is_flag=True, help="Only try that every step runs; says nothing of claims."
)
def toy(out: str, seed: int, seeds: int | None, budget_minutes: float | None, quick: bool) -> None:
    """Pretrain a small model, teach it by every arm, evaluate, and judge each claim.

    OUT/report.html is the table of claims with its curves; OUT/reports/NAME the evaluations behind
    it. The same command goes on where it was interrupted. Needs vLLM and the trainer.
    """
    from dataclasses import replace

    from tutelage.replicate import scale as scales
    from tutelage.replicate import stages, summary
    from tutelage.replicate.toy import Toy

    scale = scales.QUICK if quick else scales.Scale()
    if budget_minutes and not quick:
        scale = scale.within(budget_minutes)
    if seeds:
        scale = replace(scale, seeds=seeds)
    say = partial(click.echo, err=True)
    chosen = Toy(Path(out).absolute(), scale, seed, say, Here())
    stages.admit(chosen)
    try:
        stages.perform(chosen)
    except KeyboardInterrupt:
        say(f"interrupted: finished steps are safe in {out}; the same command goes on")
        sys.exit(130)
    _conclude(summary.write(chosen), out)


@command.command(epilog="Example: tutelage replicate smollm2 --dry-run")
@click.option("--out", default="outputs/replicate-smollm2", show_default=True, help="Its folder.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another replication.")
@click.option("--dry-run", is_flag=True, help="Check it and say what would be played.")
def smollm2(out: str, seed: int, dry_run: bool) -> None:
    """The bundled model of 135M parameters on sums that it cannot learn by heart, on a CPU.

    OUT/report/report.html compares the base with multi-turn SFT, single-turn SFT and Q-priming.
    """
    _study("smollm2", out, seed, dry_run)


@command.command(epilog="Example: tutelage replicate study gpu --out outputs/qwen --dry-run")
@click.argument("config")
@click.option("--out", required=True, help="Folder for all of it.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another replication.")
@click.option("--dry-run", is_flag=True, help="Check it and say what would be played.")
def study(config: str, out: str, seed: int, dry_run: bool) -> None:
    """A model and corpora of one's own: CONFIG is a TOML file, or `gpu`, which comes along."""
    _study(config, out, seed, dry_run)


def _study(config: str, out: str, seed: int, dry_run: bool) -> None:
    from tutelage.corpora import open_corpus
    from tutelage.replicate import study as studies

    study = studies.load(config)
    bench = studies.Bench(Path(out).absolute(), study, seed, partial(click.echo, err=True), Here())
    for spec in (*study.train, *study.test):
        open_corpus(spec)
    if dry_run:
        for name, words, _ in studies.steps(bench):
            click.echo(f"{name:24} {words}")
        return
    try:
        studies.perform(bench)
    except KeyboardInterrupt:
        click.echo(f"interrupted: what is finished is safe in {out}; the same command goes on")
        sys.exit(130)
    click.echo(f"report     {out}/report/report.html")


class Here:
    """Runs the steps of a loop of rounds in this process, whose libraries are loaded already."""

    def __call__(self, args: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs `tutelage ARGS`; its exit status."""
        from tutelage.cli import cli
        from tutelage.errors import Mistake, TutelageError
        from tutelage.evaluate.play import environment as extended

        quiet = [*args, "--quiet"] if args[0] == "generate" else list(args)
        try:
            with extended(environment), contextlib.redirect_stdout(io.StringIO()):
                cli.main(args=quiet, prog_name="tutelage", standalone_mode=False)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        except TutelageError as error:
            click.echo(f"error: {error}", err=True)
            return 2 if isinstance(error, Mistake) else 1
        return 0

    def stopped(self) -> bool:
        """A signal is an exception here."""
        return False


def _conclude(tree: dict[str, Any], out: str) -> None:
    from tutelage.evaluate.page import interval

    for line in tree["claims"]:
        kind = "count" if line["wanted"] == "ratio" else "difference"
        click.echo(f"{line['verdict']:15} {interval(line['figure'], kind):22} {line['claim']}")
    click.echo(f"took       {sum(tree['seconds'].values()) / 60:.0f} min")
    click.echo(f"report     {out}/report.html")
