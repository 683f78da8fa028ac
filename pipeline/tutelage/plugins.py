"""Names to classes: one loader for the open points, and one hint for a name that nobody knows.

An open point (corpus, format, verifier, engine, export) has a table of lazy `module:Class` strings.
Wherever a name of the table is accepted, a dotted `package.module:Class` is too, and is looked for
in the current folder as well, so that a file beside the run is enough.
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
    """`, the nearest is 'x'`, to follow a name that is unknown; empty where none is near.

    A dotted key is near another one with the same last part.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, 1, 0.5)
    if not close and "." in name:
        close = [other for other in names if other.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]][
            :1
        ]
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
        kind: what it is, for messages: `engine`, `verifier`, ...
        needs: attributes that it must have, such as the methods of the kind's protocol.
        error: what to raise.

    Raises:
        Mistake: there is no such name, it cannot be loaded, or it is something else.
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
    except Exception as fault:  # whatever the module of a stranger does while it is imported
        words = " ".join(str(fault).split())[:300]
        raise error(f"the {kind} {name!r} cannot be loaded: {words}") from fault
    if missing := [need for need in needs if not hasattr(plugin, need)]:
        raise error(
            f"{name!r} is no {kind}: it has no {', '.join(missing)}; wanted a class with "
            f"{', '.join(needs)}"
        )
    return plugin


def _module(name: str) -> Any:
    """The module, from the current folder where Python's own path does not have it."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    return importlib.import_module(name)
