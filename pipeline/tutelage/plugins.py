"""Turns names into classes: one loader for the extension points, and one hint for unknown names.

An extension point (corpus, format, verifier, engine, export) has a table of lazy `module:Class`
strings. Wherever a name of the table is accepted, so is a dotted `package.module:Class`. Its module
is looked up in the current folder as well, so a single file next to the run is enough.
"""

import difflib
import importlib
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tutelage.errors import Mistake, SettingsError

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*")


def is_dotted(name: str) -> bool:
    """Whether a name has the shape `package.module:Class`."""
    return bool(_DOTTED.fullmatch(name))


def nearest(name: str, known: Iterable[str]) -> str:
    """`, the nearest is 'x'`, to append to the message about an unknown name; empty if none is near.

    A dotted key also counts as near another key with the same last part.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, 1, 0.5)
    if not close and "." in name:
        last_part = name.rsplit(".", 1)[-1]
        close = [key for key in names if key.rsplit(".", 1)[-1] == last_part]
    return f", the nearest is {close[0]!r}" if close else ""


def load(
    name: str,
    table: Mapping[str, str],
    kind: str,
    needs: Iterable[str] = (),
    error: type[Mistake] = SettingsError,
) -> Any:
    """The class behind a name of `table`, or behind a dotted `package.module:Class`.

    Args:
        kind: what the class is, for messages: `engine`, `verifier`, ...
        needs: attributes that the class must have, such as the methods of its protocol.
        error: the class of the exception to raise.

    Raises:
        Mistake: the name is unknown, its module cannot be loaded, or the class lacks an attribute.
    """
    target = table.get(name, name)
    if not is_dotted(target):
        raise error(
            f"no {kind} is called {name!r}{nearest(name, table)}; have {', '.join(table)}, or a "
            "dotted package.module:Class"
        )
    module, _, attribute = target.partition(":")
    try:
        plugin = getattr(_module(module), attribute)
    except Exception as fault:  # importing an external module may raise anything
        words = " ".join(str(fault).split())[:300]
        raise error(f"the {kind} {name!r} cannot be loaded: {words}") from fault
    if missing := [need for need in needs if not hasattr(plugin, need)]:
        raise error(
            f"{name!r} is no {kind}: it has no {', '.join(missing)}; wanted a class with "
            f"{', '.join(needs)}"
        )
    return plugin


def _module(name: str) -> Any:
    """Imports a module; from the current folder if it is not on Python's path."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    return importlib.import_module(name)
