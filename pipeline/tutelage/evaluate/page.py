"""The page of a report: one self-contained file, light and dark.

Every cell with a figure carries the figure's path in `report.json` as `data-figure`, so that what
is shown can be checked against the data.
"""

import json
import re
from functools import cache
from typing import Any

from tutelage.evaluate import plots
from tutelage.evaluate.rates import RATES

Tree = dict[str, Any]


def render(tree: Tree, title: str) -> str:
    """Renders the tree of `report.json`."""
    pictures = {
        name: {scheme: plots.svg(of, scheme, name) for scheme in ("light", "dark")}
        for name, of in tree["sets"].items()
    }
    turns = max(of["turns"] for of in tree["sets"].values())
    return str(
        _template().render(
            tree=tree,
            title=title,
            pictures=pictures,
            shown_turns=sorted({1, min(4, turns), turns}),
            rates=RATES,
            settings=json.dumps(tree["settings"], indent=1, ensure_ascii=False),
        )
    )


def interval(figure: Tree | None, kind: str) -> str:
    """A figure as text in a cell; `kind` is `share`, `difference` or `count`.

    >>> interval({"value": 0.5, "low": 0.41, "high": 0.6}, "share")
    '.500 [.41, .60]'
    """
    if figure is None or figure["value"] is None:
        return "–"
    value, low, high = figure["value"], figure["low"], figure["high"]
    if kind == "count":
        return f"{value:.1f} [{low:.1f}, {high:.1f}]"
    sign = "+" if kind == "difference" else ""
    text = f"{value:{sign}.3f} [{low:{sign}.2f}, {high:{sign}.2f}]"
    return re.sub(r"(?<![\d.])([-+]?)0\.", r"\1.", text).replace("-", "−")


def chance(p: float | None) -> str:
    """A p-value; values below the resolution of the draws are shown as such.

    >>> chance(0.001), chance(0.042)
    ('≤ .001', '.042')
    """
    if p is None:
        return "–"
    return "≤ .001" if p <= 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def tone(figure: Tree | None) -> str:
    """CSS class of a cell: `up` or `down` if its interval excludes 0, else `open`."""
    if figure is None or figure["low"] is None:
        return "open"
    return "up" if figure["low"] > 0 else "down" if figure["high"] < 0 else "open"


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tutelage.evaluate", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"interval": interval, "chance": chance, "tone": tone}
    return environment.get_template("report.html.j2")
