"""The templates of the pages, which share their style with the reports of `evaluate`."""

from functools import cache
from typing import Any

from tutelage.controls import harmless


@cache
def environment() -> Any:
    """The Jinja environment: it escapes everything, and an undefined variable is an error."""
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
