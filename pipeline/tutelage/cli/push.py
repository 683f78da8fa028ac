"""`tutelage push`: a run on the Hugging Face hub."""

import click


@click.command(
    "push", epilog="Example: tutelage push outputs/first --to hf://me/first-dialogues --dry-run"
)
@click.argument("run")
@click.option("--to", "url", required=True, metavar="URL", help="hf://user/name.")
@click.option("--private", is_flag=True, help="Where the data set is made: for you alone.")
@click.option("--message", default="", help="Of the commit.")
@click.option("--dry-run", is_flag=True, help="Check all of it and show what would go.")
def command(run: str, url: str, private: bool, message: str, dry_run: bool) -> None:
    """Put RUN on the hub as a data set, with its card and both configurations.

    Shards, card, manifest and settings go; journal, logs and rejected inputs stay, and so do paths
    and addresses of this machine. The token is that of `hf auth login`, or HF_TOKEN.
    """
    from tutelage.exports import hub

    name = hub.target(url)
    going = hub.files(run)
    total = sum(file.size for file in going)
    if dry_run:
        for file in going:
            click.echo(f"{file.size:>14,}  {file.name}")
        click.echo(f"{total:>14,}  bytes in {len(going)} files would go to the data set {name}")
        return
    click.echo(f"{len(going)} files, {total:,} bytes to {name}", err=True)
    click.echo(hub.push(run, url, private, message))
