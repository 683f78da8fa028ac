"""The tree of inspected runs as one HTML file, and its curves as PNG."""

from pathlib import Path
from typing import Any

from tutelage.evaluate import plots
from tutelage.evaluate.page import chance, interval, tone
from tutelage.inspection.comparison import NUMBERS, RATES
from tutelage.inspection.pages import environment
from tutelage.session.estimate import TITLES, short

Tree = dict[str, Any]


def render(tree: Tree) -> str:
    """The page, which loads nothing from elsewhere."""
    pictures = {scheme: plots.svg(tree, scheme, "inspect") for scheme in ("light", "dark")}
    template = environment().get_template("inspect.html.j2")
    return str(
        template.render(
            tree=tree,
            pictures=pictures,
            rates=RATES,
            numbers=NUMBERS,
            interval=interval,
            chance=chance,
            tone=tone,
            titles=TITLES,
            short=short,
        )
    )


def save_png(tree: Tree, file: Path) -> None:
    """Writes the curves as a PNG on white."""
    plots.save(tree, "solved by turn", file)
