"""Templates of the pages, and the look that they share with the reports of `evaluate`."""

from functools import cache
from typing import Any

from tutelage.controls import harmless


@cache
def environment() -> Any:
    """The Jinja environment: everything is escaped, and an undefined name is an error."""
    import jinja2

    rooms = ("tutelage.inspection", "tutelage.evaluate")
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(room, ".") for room in rooms]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["harmless"] = harmless
    return environment
