"""`tutelage where`: the places that Tutelage reads from and writes to."""

import json
import sys
from pathlib import Path

import click


@click.command(epilog="Example: tutelage where --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def command(as_json: bool) -> None:
    """Print where models, prompts, schemas and caches lie."""
    import tutelage
    from tutelage import models, resources

    places = {
        "version": tutelage.__version__,
        "package": str(Path(tutelage.__file__).parent),
        "prompts": str(resources.folder("prompts")),
        "schemas": str(resources.folder("schemas")),
        "cache": str(models.cache()),
        "models": str(models.cache() / "models"),
        "python": sys.executable,
    }
    if as_json:
        click.echo(json.dumps(places, indent=2))
        return
    for name, place in places.items():
        click.echo(f"{name:8} {place}")
