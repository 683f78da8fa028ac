"""`tutelage new`: a corpus, a verifier or an engine of one's own, to begin from."""

import re
from pathlib import Path

import click

from tutelage.errors import Mistake, OutputError


@click.command("new", epilog="Example: tutelage new corpus riddles")
@click.argument("kind", type=click.Choice(["corpus", "verifier", "engine"]))
@click.argument("name")
def command(kind: str, name: str) -> None:
    """Write a short working file NAME.py into the current folder, to begin from.

    The class in it is named after the file. What uses it is printed.
    """
    from tutelage import howto, resources

    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise Mistake(f"wanted a module's name such as my_{kind}, got {name!r}")
    path = Path(f"{name}.py")
    if path.exists():
        raise Mistake(f"{path} is there already: choose another name")
    example, usage = howto.KINDS[kind]
    own = "".join(part.capitalize() for part in name.split("_"))
    text = (resources.package() / "howto" / f"{kind}.py").read_text("utf-8")
    try:
        path.write_text(re.sub(rf"\b{example}\b", own, text), "utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"{path} has a working {kind}, {own}. Try it:")
    click.echo(f"  {usage.format(module=name, name=own)}")
