"""The takers' own code, from a folder that `takers.txt` was installed into.

Modules of theirs that only reach a cloud or a tracker are stood in for: they are imported on the
way to a loader, and no loader calls them.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest


class _StandIn(ModuleType):
    """A package with every attribute, none of which does anything."""

    __path__: ClassVar[list[str]] = []
    __all__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {}) if name[:1].isupper() else MagicMock()


class _StandIns(MetaPathFinder, Loader):
    """Finds and makes them."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in self._packages:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


_CLOUDS = _StandIns(("prime_sandboxes", "prime_tunnel", "prime_runs", "weave", "litellm"))


def loader(name: str, stand_ins: Sequence[str] = ()) -> Any:
    """The taker's module, or a skip that says what is missing.

    Args:
        name: the module.
        stand_ins: packages that it imports and that nothing tested here calls. They are stood in for
            while it is imported, and only then, because others may have them.
    """
    folder = os.environ.get("TUTELAGE_TAKERS", "")
    if folder and folder not in sys.path:
        sys.path.append(folder)  # at the end: what is installed here stays what it is
    if _CLOUDS not in sys.meta_path:
        sys.meta_path.insert(0, _CLOUDS)
    for_now = _StandIns(stand_ins)
    sys.meta_path.insert(0, for_now)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        pytest.skip(f"{name} is not installed ({reason}): see tests/exports/takers.txt")
    finally:
        sys.meta_path.remove(for_now)
        for module in [m for m in sys.modules if m.partition(".")[0] in stand_ins]:
            del sys.modules[module]
