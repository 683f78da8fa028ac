"""`tutelage merge`: runs as one run."""

import click


@click.command(
    epilog="Example: tutelage merge outputs/first outputs/second --out outputs/both",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--out", required=True, metavar="RUN2", help="New or empty folder, or URL.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    help="Similarity that makes a near-duplicate.  [default: that of the first run]",
)
def command(runs: tuple[str, ...], out: str, threshold: float | None) -> None:
    """Put runs together into one that every command reads.

    Near-duplicates are marked across all of them, arm by arm, and splits stay apart: a dialogue that
    would tie two splits together is held. A dialogue that several runs have is taken once; where
    two runs hold different dialogues under one id, nothing is written.
    """
    from tutelage.cli.deriving import account, bar, near_duplicates
    from tutelage.derive.merge import merge

    with bar("merging") as progress:
        manifest = merge(runs, out, threshold=threshold, progress=progress)
    click.echo(account(manifest))
    click.echo(near_duplicates(manifest))
    click.echo(f"written to {out}")
