"""One end of the pipe between a program and its tests, the same on both sides.

A program can lie about a value, as any program can, but brings no `__eq__` and no code to the side
that compares. No word of the tests goes to the program but arguments of its calls, and of attributes
only those names that the program has itself. An object of the tests that is an argument shows its
attributes, but nothing by which the tests could be reached: no frame, no globals, no class. And what
the program has done on this side, it has done to such an object, never to one that it names.
"""

import asyncio
import copy  # noqa: F401 (`_do_library` has these)
import dataclasses  # noqa: F401
import inspect  # noqa: F401
import io
import operator
import random  # noqa: F401
import sys
import threading
import types
from collections.abc import Callable, Collection
from typing import Any

from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox import remote
from tutelage.sandbox.remote import OWNERS, Remote, Skipped, owner
from tutelage.sandbox.values import INNER, Values

SHOWN = 600
"""Characters of a value that a failure shows."""


class Endpoint:
    """One end; a method `_do_...` for each thing that the other side may ask for.

    Args:
        pipe: to the other end.
        first: 0 or 1, another one on each side.
        strict: whether this is the side of the tests.
    """

    def __init__(self, pipe: Pipe, first: int, strict: bool) -> None:
        self.pipe, self.strict = pipe, strict
        self.meant: frozenset[str] = frozenset()
        self.values = Values(self, first)
        self.printed = io.StringIO()
        """What was printed here since the last message."""
        self.trace = ""
        """The traceback of the last exception over there."""
        self.raised: BaseException | None = None
        """The last exception over there, as it is here."""
        self._attributes: dict[int, list[str]] = {}
        self._turn = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, do: str, on: Any, *arguments: Any, **named: Any) -> Any:
        """Has something done over there, to an object of theirs or to none; gives what comes of it.

        Raises:
            Broken: the other side is gone.
            BaseException: what was raised over there.
        """
        with self._turn:
            original = owner(on)
            pack = self.values.pack
            self._send(
                lambda: {
                    "do": do,
                    "on": original.number if original else None,
                    "args": [pack(item) for item in arguments],
                    "named": {name: pack(item) for name, item in named.items()},
                }
            )
            while "do" in (message := self._receive()):
                self._answer(message)
            value = self._safely(self.values.unpack, message.get("value"))
            if "trace" not in message:
                return value
            self.trace, self.raised = str(message["trace"])[-2000:], value
            raise value if isinstance(value, BaseException) else self.pipe.broken("garbled")

    def serve(self) -> None:
        """Answers until the other side is gone."""
        while True:
            try:
                message = self._receive()
            except Broken:
                return
            self._answer(message)

    def described(self, error: BaseException) -> str:
        """A traceback as text."""
        return ""

    def attribute(self, on: Any, name: str) -> Any:
        """An attribute of an object over there; its name goes over only where it is known there.

        Raises:
            AttributeError: there is none.
        """
        original = OWNERS[id(on)]
        known: Collection[str] = (name,)
        if name.startswith("__") and name.endswith("__"):
            known = remote.ATTRIBUTES
        elif self.strict:
            known = self._attributes.get(original.number, ())
            if name not in known:
                known = self._attributes[original.number] = [*map(str, self.ask("names", on))]
        if name not in known:
            if "*" not in known:
                raise AttributeError(f"{type(on).__name__!r} object has no attribute {name!r}")
            if not original.meant:
                raise Skipped(f"an object of the program's may have any attribute, such as {name}")
        value = self.ask("attribute", on, "getattr", name)
        if part := owner(value):
            part.label = f"{original.label}.{name}".lstrip(".")
        return value

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object over there."""
        return self.ask("call", on, *arguments, **named)

    def _send(self, pack: Callable[[], dict[str, Any]]) -> None:
        """Sends what `pack` gives, with what was printed and what was changed here meanwhile."""
        text, self.printed = self.printed.getvalue(), io.StringIO()
        free = self.values.free()
        message = pack()
        self.pipe.send(message | {"printed": text, "free": free, "contents": self.values.changes()})

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = self.pipe.receive()
        self._safely(lambda: self.values.accept(message["contents"], message["free"]))
        if message["printed"]:
            sys.stdout.write(str(message["printed"]))
        return message

    def _answer(self, message: dict[str, Any]) -> None:
        """Does what is asked for, and says what came of it."""
        values = self.values
        try:
            given = [values.unpack(item) for item in message["args"]]
            named = {name: values.unpack(item) for name, item in message["named"].items()}
            on = None if message["on"] is None else values.mine[message["on"]]
            value = getattr(self, f"_do_{message['do']}")(on, *given, **named)
            del given, named
            self._send(lambda: {"value": values.pack(value)})
        except (Broken, Skipped):
            raise
        except BaseException as error:  # a program may raise anything, SystemExit too
            raised, trace = error, self.described(error)
            self._send(lambda: {"value": values.pack(raised), "trace": trace})

    def _safely(self, read: Callable[..., Any], *data: Any) -> Any:
        """What `read` makes of what the other side sent.

        Raises:
            Broken: it makes nothing of it.
        """
        try:
            return read(*data)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, ImportError):
            raise self.pipe.broken("garbled") from None
        except (RecursionError, MemoryError):
            raise self.pipe.broken("output") from None

    def _do_attribute(self, on: Any, how: str, name: str, *value: Any) -> Any:
        """Gets, sets or deletes; objects of the tests show what a caller may use of an argument."""
        closed = name.startswith("__") or isinstance(on, (*_CLOSED, type))
        if self.strict and closed and name not in _COPIED:
            raise AttributeError(name)
        acts: dict[str, Any] = {"getattr": getattr, "setattr": setattr, "delattr": delattr}
        return acts[how](on, name, *value)

    def _do_names(self, on: Any) -> list[str]:
        kind = type(on)
        line = kind.__mro__ if not isinstance(on, type) else (*on.__mro__, *kind.__mro__)
        names = {*dir(on)}.union(*(vars(parent) for parent in line))
        any_name = hasattr(kind, "__getattr__") and kind.__module__ != "enum"
        return [*map(str, names)] + ["*"] * (any_name or isinstance(on, Remote))

    def _do_call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        return on(*arguments, **named)

    def _do_special(self, on: Any, name: str, *arguments: Any) -> Any:
        if name not in remote.KNOWN:
            raise AttributeError(name)
        if isinstance(on, type) and name == "__getitem__" and not hasattr(type(on), name):
            return operator.getitem(on, *arguments)  # type: ignore[call-overload]
        if (method := getattr(type(on), name, None)) is None:
            raise TypeError(f"{type(on).__name__!r} object has no {name}")
        return method(on, *arguments)

    def _do_step(self, _: Any, number: int, how: str, value: Any = None) -> Any:
        walker = self.values.mine[number]
        if how not in ("send", "throw") or not isinstance(walker, types.GeneratorType):
            raise AttributeError(how)
        if isinstance(value, GeneratorExit):
            return walker.close()
        return getattr(walker, how)(value)

    def _do_run(self, _: Any, number: int) -> Any:
        async def main() -> Any:
            return await self.values.mine[number]

        self._loop = self._loop or asyncio.new_event_loop()
        return self._loop.run_until_complete(main())

    def _do_library(self, _: Any, module: str, name: str, *arguments: Any, **named: Any) -> Any:
        if (module, name) not in (_COPYING if self.strict else LIBRARY | _COPYING):
            raise AttributeError(name)
        return getattr(sys.modules[module], name)(*arguments, **named)


_CLOSED = (types.FunctionType, types.MethodType, types.GeneratorType, types.CoroutineType, *INNER)
_COPIED = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})
"""What a decorator copies."""
_LOOKING = {
    "dataclasses": "asdict astuple fields replace is_dataclass",
    "inspect": "signature getdoc isfunction ismethod isgeneratorfunction iscoroutinefunction getsource"
    " isabstract getmembers getfullargspec isasyncgen isasyncgenfunction isawaitable",
    "asyncio": "iscoroutinefunction",
}
_COPYING = frozenset({("copy", "copy"), ("copy", "deepcopy")})
SETTINGS = frozenset({("random", "seed"), ("sys", "setrecursionlimit")})
"""Functions of the library that set what holds for a process, and do so on both sides."""
LIBRARY = SETTINGS.union((module, name) for module, ns in _LOOKING.items() for name in ns.split())
"""These, and functions that look into objects."""
