"""Finds the folders `prompts/` and `schemas/`, which are outside the package in a checkout.

A wheel contains a copy of them next to the modules; in a checkout or an editable install they are
two levels up. An editable install also leaves a stale copy in site-packages, which is never used,
because the modules that run are elsewhere.
"""

from functools import cache
from pathlib import Path

from tutelage.errors import TutelageError

_HERE = Path(__file__).resolve().parent


def package() -> Path:
    """The folder that contains this package's modules."""
    return _HERE


@cache
def folder(name: str) -> Path:
    """The folder `name`, "prompts" or "schemas".

    Raises:
        TutelageError: the installation is broken.
    """
    for path in (_HERE / name, _HERE.parents[1] / name):
        if path.is_dir():
            return path
    raise TutelageError(f"the folder {name!r} is missing beside {_HERE}: install tutelage again")
