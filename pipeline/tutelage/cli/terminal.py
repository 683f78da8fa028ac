"""Text at the width of the terminal, in which nothing has any power over it (`controls`)."""

import os
import shutil
import sys

from tutelage.controls import harmless

_WIDE = 100
"""Columns where there is no terminal."""


def width() -> int:
    """Columns to write in: those of the terminal, `COLUMNS`, or 100."""
    return max(20, shutil.get_terminal_size((_WIDE, 24)).columns if _is_known() else _WIDE)


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """The lines of `text`, harmless, none wider than `columns`; wide characters count as two."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    room = max(8, columns - cell_len(indent))
    console = Console(width=room)
    lines = []
    for line in harmless(text).split("\n"):
        pieces = Text(line.expandtabs(4)).wrap(console, room)
        lines += [f"{indent}{piece.plain.rstrip()}" for piece in pieces] or [indent.rstrip()]
    return lines


def shortened(text: str, columns: int) -> str:
    """`text` on one line, harmless, with an ellipsis where it is longer."""
    from rich.cells import cell_len, set_cell_size

    line = harmless(" ".join(text.split()))
    if cell_len(line) <= columns:
        return line
    return f"{set_cell_size(line, max(1, columns - 1)).rstrip()}…"


def _is_known() -> bool:
    return "COLUMNS" in os.environ or sys.stdout.isatty()
