"""What one side may do to the objects of the other.

A program does what it likes with its own objects, and hands on whatever the tests ask for. An object
of the tests that is an argument shows its attributes, but nothing by which the tests themselves could
be reached: no frame, no globals, no class.
"""

import asyncio
import copy
import dataclasses  # noqa: F401 (it is in LIBRARY)
import inspect  # noqa: F401
import operator
import random  # noqa: F401
import sys
import types
from collections.abc import Callable
from typing import Any

from tutelage.sandbox.remote import KNOWN, Remote


class Acts:
    """Done to objects of this side, at the other side's wish; `strict` on the side of the tests."""

    def __init__(self, strict: bool) -> None:
        self.objects: dict[int, Any] = {}
        """Those that the other side knows, by number."""
        self.more: dict[str, Callable[..., Any]] = {}
        """What may be asked for besides."""
        self._strict = strict
        self._loop: asyncio.AbstractEventLoop | None = None

    def act(self, do: str, on: int | None, given: list[Any], named: dict[str, Any]) -> Any:
        """Does `do`; gives what comes of it.

        Raises:
            BaseException: whatever the object raises.
        """
        method = self.more.get(do) or getattr(self, f"_do_{do}")
        return method(None if on is None else self.objects[on], *given, **named)

    def _do_get(self, on: Any, name: str) -> Any:
        self._allowed(on, name)
        return getattr(on, name)

    def _do_set(self, on: Any, name: str, value: Any) -> None:
        self._allowed(on, name)
        setattr(on, name, value)

    def _do_delete(self, on: Any, name: str) -> None:
        self._allowed(on, name)
        delattr(on, name)

    def _allowed(self, on: Any, name: str) -> None:
        """Objects of the tests show what a caller may use of an argument, and not the tests.

        Raises:
            AttributeError
        """
        closed = name.startswith("__") or isinstance(on, (*_CLOSED, type))
        if self._strict and closed and name not in _NAMES:
            raise AttributeError(name)

    def _do_names(self, on: Any) -> list[str]:
        """Names of an object's attributes, and `*` where it has any that is asked for."""
        kind = type(on)
        any_name = hasattr(kind, "__getattr__") or isinstance(on, Remote)
        return [str(name) for name in dir(on)] + ["*"] * any_name

    def _do_call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        return on(*arguments, **named)

    def _do_special(self, on: Any, name: str, *arguments: Any) -> Any:
        if name not in KNOWN:
            raise AttributeError(name)
        if isinstance(on, type) and name == "__getitem__" and not hasattr(type(on), name):
            return operator.getitem(on, *arguments)  # type: ignore[call-overload]
        method = getattr(type(on), name, None)
        if method is None:
            raise TypeError(f"{type(on).__name__!r} object has no {name}")
        return method(on, *arguments)

    def _do_step(self, _: Any, number: int, how: str, value: Any = None) -> Any:
        walker = self.objects[number]
        if how not in ("send", "throw") or not isinstance(walker, types.GeneratorType):
            raise AttributeError(how)
        return walker.send(value) if how == "send" else walker.throw(value)

    def _do_run(self, _: Any, number: int) -> Any:
        """Runs something that can be awaited to its end."""

        async def main() -> Any:
            return await self.objects[number]

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(main())

    def _do_copy(self, on: Any, deep: bool) -> Any:
        return copy.deepcopy(on) if deep else copy.copy(on)

    def _do_library(self, _: Any, module: str, name: str, *arguments: Any, **named: Any) -> Any:
        """A function of the library that looks into objects, called where these are."""
        if self._strict or (module, name) not in LIBRARY:
            raise AttributeError(name)
        return getattr(sys.modules[module], name)(*arguments, **named)


INNER = (types.FrameType, types.CodeType, types.TracebackType, types.ModuleType)
_CLOSED = (types.FunctionType, types.MethodType, types.GeneratorType, types.CoroutineType, *INNER)
"""What shows more than itself by its attributes."""
_NAMES = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})
"""What a decorator copies."""
LIBRARY = frozenset(
    (module, name)
    for module, names in (
        ("dataclasses", "asdict astuple fields replace is_dataclass"),
        ("inspect", "signature getdoc isfunction ismethod isgeneratorfunction iscoroutinefunction"
                    " isabstract getsource getmembers"
                    " getfullargspec isasyncgen isasyncgenfunction isawaitable"),
        ("asyncio", "iscoroutinefunction"),
        ("random", "seed"),
        ("sys", "setrecursionlimit"),
    )
    for name in names.split()
)  # fmt: skip
"""Functions of the library that look into objects, or that set what holds for a process."""
SETTINGS = frozenset({"seed", "setrecursionlimit"})
"""Those that set something, and do so on both sides."""
