"""`tutelage republish`: the same dialogues under other choices of publishing."""

from typing import Any

import click

from tutelage.contract import LOSS_POLICIES


@click.command(
    epilog="Example: tutelage republish outputs/first --splits train=0.9,validation=0.1 "
    "--loss final_only --out outputs/held-out",
)
@click.argument("run")
@click.option("--out", required=True, metavar="RUN2", help="New or empty folder, or URL.")
@click.option(
    "--splits",
    "splits__ratios",
    metavar="NAME=SHARE,...",
    help="Draw the splits anew; no problem and no near-duplicate is in two.",
)
@click.option(
    "--loss", type=click.Choice(list(LOSS_POLICIES)), help="Which messages are trained on."
)
@click.option(
    "--decontaminate",
    "decontaminate__paths",
    multiple=True,
    metavar="PATH",
    help="Leave out problems that this evaluation set has; repeatable.",
)
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="dedup.*, splits.*, shards.*"
)
def command(run: str, out: str, sets: tuple[str, ...], **options: Any) -> None:
    """Publish the dialogues of a run anew, without an engine.

    Other splits, another similarity from which dialogues are near-duplicates (--set
    dedup.threshold=0.7), another choice of the messages that are trained on, evaluation sets whose
    problems are left out, or marked (--set decontaminate.action=mark). The rows stay what they are
    but for their marks.
    """
    from tutelage.cli.deriving import account, bar, near_duplicates
    from tutelage.derive.republish import republish

    with bar("republishing") as progress:
        manifest = republish(run, out, sets, progress, **options)
    click.echo(account(manifest))
    click.echo(near_duplicates(manifest))
    in_split = ", ".join(f"{name} {n}" for name, n in manifest["splits"]["dialogues"].items())
    click.echo(f"splits     {in_split}")
    click.echo(f"written to {out}")
