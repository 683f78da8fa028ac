"""The takers' own code, from a folder that `takers.txt` was installed into.

Modules of theirs that only reach a cloud or a tracker are stood in for: they are imported on the
way to a loader, and no loader calls them.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest

_CLOUDS = ("prime_sandboxes", "prime_tunnel", "prime_runs", "weave", "litellm")


class _StandIn(ModuleType):
    """A package with every attribute, none of which does anything."""

    __path__: ClassVar[list[str]] = []
    __all__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {}) if name[:1].isupper() else MagicMock()


class _Clouds:
    """Finds them."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] not in _CLOUDS:
            return None
        return importlib.machinery.ModuleSpec(name, _Clouds, is_package=True)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> ModuleType:
        return _StandIn(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        pass


def loader(name: str) -> Any:
    """The taker's module, or a skip that says what is missing."""
    folder = os.environ.get("TUTELAGE_TAKERS", "")
    if folder and folder not in sys.path:
        sys.path.append(folder)  # at the end: what is installed here stays what it is
    if _Clouds not in sys.meta_path:
        sys.meta_path.insert(0, _Clouds)  # type: ignore[arg-type]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"{name} is not installed ({error}): see tests/exports/takers.txt")
