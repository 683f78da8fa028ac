"""Curves of cumulative accuracy with confidence bands, as PNG files and as SVG for the page."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tutelage.evaluate.figures import METHOD
from tutelage.seeds import digest

Tree = dict[str, Any]

COLOURS = ("#3b76c4", "#d9822b", "#3f9b63", "#b5489c", "#8a6fd1", "#c0453a", "#4aa3a8", "#8c8c8c")
_STYLES = ("-", "--", "-.", ":", (0, (1, 1)), (0, (5, 1)))
_INK = {"light": ("#1c1d20", "#d8d9dd"), "dark": ("#e8e8ea", "#3a3b40")}
"""Scheme -> colours of text and of grid lines."""
_MOST_PANELS = 6
_MOST_INSIDE = 5
"""Up to this many lines, the legend is inside the panel; with more, beside it."""
_SIZE = re.compile(r'width="([\d.]+)pt" height="[\d.]+pt"')
_POINT = 96 / 72
"""CSS pixels per point."""


def save(set_figures: Tree, title: str, file: Path) -> None:
    """Writes the curves of one set as a PNG on white."""
    figure = _figure(set_figures, "light", title)
    figure.savefig(file, dpi=144, facecolor="white", metadata={"Software": None})


def overview(sets: Mapping[str, Tree], models: Sequence[str], file: Path) -> None:
    """Writes one PNG on white with a panel per set: these models under the method.

    Args:
        sets: title of the panel -> figures of the set.
    """
    from matplotlib.figure import Figure

    ink, grid = _INK["light"]
    figure = Figure(figsize=(3.4 * len(sets) + 0.4, 3.2))
    axes = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
    for axis, (title, set_figures) in zip(axes, sets.items(), strict=True):
        by_model = {
            line["model"]: line for line in set_figures["conditions"] if line["arm"] == METHOD
        }
        for colour, model in zip(COLOURS, models, strict=False):
            _curve(axis, by_model[model], colour, "-", model)
        axis.set_title(title, color=ink, fontsize=10)
        axis.set_xlabel("turn", color=ink, fontsize=9)
        _frame(axis, set_figures["turns"], ink, grid)
    axes[0].set_ylabel("solved by turn", color=ink, fontsize=9)
    axes[0].legend(fontsize=8, frameon=False, labelcolor=ink, loc="upper left")
    figure.tight_layout()
    figure.savefig(file, dpi=110, facecolor="white", metadata={"Software": None})


def svg(set_figures: Tree, scheme: str, label: str) -> str:
    """The curves of one set as a transparent `<svg>`, for the `light` or `dark` page."""
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"{label} {scheme}"}):
        _figure(set_figures, scheme, "").savefig(
            stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Two plots on one page must not share names of clips and markers.
    prefix = f"{scheme}-{digest(label, size=6)}-"
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}", text)
    text = re.sub(r"font: (\d+(?:\.\d+)?)px [^;\"]*", r"font: \1px sans-serif", text)
    return _SIZE.sub(_scaling, text, 1)


def _scaling(size: re.Match[str]) -> str:
    """Lets a picture shrink with the page, but stay readable."""
    width = _POINT * float(size[1])
    return f'role="img" style="max-width:{width:.0f}px; min-width:{0.6 * width:.0f}px"'


def panels(set_figures: Tree) -> list[tuple[str, list[Tree]]]:
    """(title, conditions): the models under the method, then each model under all its arms."""
    conditions = set_figures["conditions"]
    models = list(dict.fromkeys(line["model"] for line in conditions))
    arms = list(dict.fromkeys(line["arm"] for line in conditions))
    first = METHOD if METHOD in arms else arms[0]
    chosen = []
    if len(models) > 1:
        chosen.append((first, [c for c in conditions if c["arm"] == first]))
    if len(arms) > 1:
        chosen += [(model, [c for c in conditions if c["model"] == model]) for model in models]
    return (chosen or [(models[0], conditions)])[:_MOST_PANELS]


def _figure(set_figures: Tree, scheme: str, title: str) -> Any:
    from matplotlib.figure import Figure

    ink, grid = _INK[scheme]
    models = list(dict.fromkeys(line["model"] for line in set_figures["conditions"]))
    arms = list(dict.fromkeys(line["arm"] for line in set_figures["conditions"]))
    figure_panels = panels(set_figures)
    columns = min(3, len(figure_panels))
    rows = -(-len(figure_panels) // columns)
    has_legend_beside = any(len(conditions) > _MOST_INSIDE for _, conditions in figure_panels)
    width = 3.6 * columns + 0.4 + 1.4 * has_legend_beside
    figure = Figure(figsize=(width, 3.1 * rows + (0.3 if title else 0)))
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    if title:
        figure.suptitle(title, color=ink, fontsize=11)
    for index, axis in enumerate(axes.flat):
        if index >= len(figure_panels):
            axis.set_visible(False)
            continue
        name, conditions = figure_panels[index]
        by_model = len({c["model"] for c in conditions}) > 1
        for line in conditions:
            style_index = models.index(line["model"]) if by_model else arms.index(line["arm"])
            colour = COLOURS[style_index % len(COLOURS)]
            style = _STYLES[0 if by_model else style_index % 6]
            _curve(axis, line, colour, style, line["model"] if by_model else line["arm"])
        axis.set_title(name, color=ink, fontsize=10)
        axis.set_xlabel("turn", color=ink, fontsize=9)
        if index % columns == 0:
            axis.set_ylabel("solved by turn", color=ink, fontsize=9)
        _frame(axis, set_figures["turns"], ink, grid)
        legend_position = {"bbox_to_anchor": (1.02, 1.0)} if len(conditions) > _MOST_INSIDE else {}
        axis.legend(fontsize=8, frameon=False, labelcolor=ink, loc="upper left", **legend_position)
    figure.tight_layout()
    return figure


def _curve(axis: Any, line: Tree, colour: str, style: Any, label: str) -> None:
    turns = range(1, len(line["curve"]) + 1)
    axis.plot(
        turns, [point["value"] for point in line["curve"]], color=colour, linestyle=style,
        marker="o", markersize=3, linewidth=1.6, label=label,
    )  # fmt: skip
    axis.fill_between(
        turns, [point["low"] for point in line["curve"]],
        [point["high"] for point in line["curve"]], color=colour, alpha=0.16, linewidth=0,
    )  # fmt: skip


def _frame(axis: Any, turns: int, ink: str, grid: str) -> None:
    axis.set_xlim(0.8, turns + 0.2)
    axis.set_ylim(-0.02, 1.02)
    axis.set_xticks(range(1, turns + 1) if turns <= 10 else range(1, turns + 1, 2))
    axis.tick_params(colors=ink, labelsize=8, length=2)
    axis.grid(visible=True, color=grid, linewidth=0.6)
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(grid)
