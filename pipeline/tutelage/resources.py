"""Finds the folders `prompts/` and `schemas/`, which lie outside the package in a checkout.

In a wheel they were copied beside the modules; in a checkout and an editable install they are two
levels up. An editable install leaves a stale copy in site-packages: it is never beside *these*
modules, so it is never found.
"""

from functools import cache
from pathlib import Path

from tutelage.errors import TutelageError

_HERE = Path(__file__).resolve().parent


def package() -> Path:
    """The folder of this package's own modules."""
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
