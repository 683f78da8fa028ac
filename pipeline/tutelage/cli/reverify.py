"""`tutelage reverify`: verdicts and leak gate again over what is stored, and what changed."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tutelage.derive.reverify import Findings


@click.command(
    epilog="Example: tutelage reverify outputs/first --out outputs/first-again "
    "--set verifier.name=mine:Verifier",
)
@click.argument("run")
@click.option("--out", required=True, metavar="RUN2", help="New or empty folder, or URL.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="verifier.* and leaks.*")
def command(run: str, out: str, sets: tuple[str, ...]) -> None:
    """Judge the dialogues of a run anew, without an engine, and say what changed.

    A dialogue that turns out solved at an earlier turn is cut there; one that is no longer solved
    is marked so (outcome.reason says which turn was). Leaks that are found now stand in the row.
    What changed is printed, and listed by dialogue in RUN2/changes.jsonl. Where nothing did, the
    shards are the same bytes.
    """
    from tutelage.cli.deriving import account, bar
    from tutelage.derive.reverify import reverify

    with bar("judging") as progress:
        manifest, findings = reverify(run, out, sets, progress)
    click.echo(account(manifest))
    _print(findings)
    click.echo(f"written to {out}")


def _print(findings: "Findings") -> None:
    """The table of verdicts, before by now, and what follows from it."""
    from tutelage.derive.reverify import CHANGES, STATUSES

    table = findings.verdicts
    click.echo(f"{'was':<10}  {'now ':>5}" + "".join(f"{status:>10}" for status in STATUSES))
    for before in STATUSES:
        cells = "".join(f"{table[before, now]:>10,}" for now in STATUSES)
        click.echo(f"{before:<10}       {cells}")
    for (before, now), names in sorted(findings.behind.items()):
        click.echo(f"{before} -> {now}: {', '.join(names)}{' ...' if len(names) > 4 else ''}")
    for title, counts in (("outcomes", findings.outcomes), ("leaks", findings.leaks)):
        if counts:
            words = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
            click.echo(f"{title:<10} {words}")
    if findings.reworded:
        click.echo(f"reworded   {findings.reworded} dialogues, in the words of verdicts alone")
    if findings.behind or findings.leaks:
        click.echo(f"each of them is in {CHANGES}")
    elif not findings.reworded:
        click.echo("nothing changed")
