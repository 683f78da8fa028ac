"""`tutelage filter`: the rows of runs that one wants, as a run."""

from typing import Any

import click


class Span(click.ParamType[Any]):
    """`2..4`, or one number; either end may be left out."""

    name = "LOW..HIGH"

    def __init__(self, kind: type, low: float, high: float) -> None:
        self._kind, self._low, self._high = kind, low, high

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, Any]:
        """The pair (low, high)."""
        if isinstance(value, tuple):
            return value
        first, dots, last = str(value).partition("..")
        try:
            low = self._kind(first) if first else self._kind(self._low)
            high = self._kind(last) if last else self._kind(self._high if dots else low)
        except ValueError:
            self.fail(f"wanted a range such as {self.example}, got {value!r}", param, ctx)
        if not self._low <= low <= high <= self._high:
            self.fail(f"wanted a range such as {self.example}, got {value!r}", param, ctx)
        return low, high

    @property
    def example(self) -> str:
        """A range that is one."""
        return "2..4" if self._kind is int else "0..0.5"


_TURNS = Span(int, 1, 10**6)
_SHARE = Span(float, 0, 1)


@click.command(
    "filter",
    epilog="""Examples:

    \b
    tutelage filter outputs/first --solved-turn 2..4 --no-leaks --out outputs/late
    tutelage filter outputs/first --where "source = 'gsm8k' AND len(statement) > 200" --dry-run""",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--out", default="", metavar="RUN2", help="New or empty folder, or URL.")
@click.option(
    "--where",
    multiple=True,
    metavar="SQL",
    help="Keep rows of which this is true: DuckDB's SQL over the columns; repeatable.",
)
@click.option("--solved", is_flag=True, help="Keep solved dialogues.")
@click.option("--solved-turn", type=_TURNS, help="Keep those solved at these turns: 2..4.")
@click.option(
    "--solve-rate", type=_SHARE, help="Keep groups of which this share is solved: 0..0.5."
)
@click.option("--arm", "arms", multiple=True, metavar="NAME", help="Keep this arm; repeatable.")
@click.option("--no-leaks", is_flag=True, help="Drop dialogues in which an answer leaked.")
@click.option("--no-cut", is_flag=True, help="Drop those with a turn cut at the length limit.")
@click.option(
    "--no-false-steps", is_flag=True, help="Drop those solved by a turn with a sum that is false."
)
@click.option(
    "--max-tokens", type=click.IntRange(0), metavar="N", help="Tokens that the student wrote."
)
@click.option("--per-problem", type=click.IntRange(1), metavar="N", help="Dialogues a problem.")
@click.option("--balance-turns", is_flag=True, help="As many solved at each turn as at the rarest.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Dialogues in all, at random.")
@click.option("--seed", default=0, show_default=True, help="Of what is chosen at random.")
@click.option("--break-groups", is_flag=True, help="Judge and choose dialogues one by one.")
@click.option("--dry-run", is_flag=True, help="Say what each rule would drop, and write nothing.")
def command(runs: tuple[str, ...], out: str, dry_run: bool, **asked: Any) -> None:
    """Keep the dialogues one wants, as a run that every command reads.

    A group (the samples of one problem under one arm) stays whole: one of which any dialogue is
    dropped goes with all of them, and --per-problem and --sample count whole groups. RL needs that;
    for SFT say --break-groups. --solve-rate is over the group as it was played.
    """
    from tutelage.cli.deriving import account, bar
    from tutelage.derive import filter as filtering
    from tutelage.derive.rules import Choice
    from tutelage.errors import Mistake

    if not out and not dry_run:
        raise Mistake("wanted a folder for what is kept: give --out, or --dry-run to look on")
    choice = Choice(**asked)
    if not choice.record().keys() - {"break_groups", "seed"}:
        raise Mistake("wanted a rule such as --solved or --where, got none: see --help")
    plan = filtering.plan(runs, choice)
    if dry_run:
        _print(plan)
        return
    with bar("filtering") as progress:
        manifest = filtering.write_filtered(plan, out, progress)
    click.echo(account(manifest))
    if not choice.break_groups and manifest["derived"]["balance"]["dropped"].get("group"):
        click.echo("group: their groups were not whole any more; --break-groups keeps them")
    click.echo(f"written to {out}")


def _print(plan: Any) -> None:
    total = len(plan.decision.rule)
    width = max(len(tally.rule) for tally in plan.decision.tallies)
    click.echo(f"{'rule':<{width}}  {'drops by itself':>15}  {'after those above':>17}")
    for tally in plan.decision.tallies:
        alone = f"{tally.alone:,}" if tally.alone is not None else ""
        click.echo(f"{tally.rule:<{width}}  {alone:>15}  {tally.dropped:>17,}")
    click.echo(f"{plan.kept:,} of {total:,} dialogues would be kept")
