"""`tutelage view`: runs in the browser."""

import click


@click.command(
    "view",
    epilog="Example: tutelage view outputs/first   |   "
    "tutelage view outputs/first --static first.html --sample 20",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option("--open/--no-open", "opening", default=True, help="Open it in a browser.")
@click.option("--static", default="", metavar="FILE", help="Write a page of a sample instead.")
@click.option(
    "--sample",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Dialogues of that page.",
)
@click.option("--where", default="", metavar="SQL", help="Which dialogues go into that page.")
def command(
    runs: tuple[str, ...], port: int, opening: bool, static: str, sample: int, where: str
) -> None:
    """Browse dialogues: search, filter, read, compare, and mark what to keep.

    The page is on this machine alone, under an address with a token. A run that is still playing
    fills up while one looks.
    """
    if static:
        from tutelage.view import static as pages

        count = pages.write(list(runs), static, sample, where)
        click.echo(f"{static}: {count} dialogues in one file")
        return
    import webbrowser

    from tutelage.view.app import serve

    def announce(address: str) -> None:
        click.echo(f"{address}\n(stop it with Ctrl-C)")
        if opening:
            webbrowser.open(address)

    serve(list(runs), port, announce)
