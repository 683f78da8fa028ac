"""One end of the pipe between a program and its tests, the same on both sides.

A program can lie about a value, as any program can, but brings no `__eq__` and no code to the side
that compares. No word of the tests goes to the program but arguments of its calls, and of attributes
only those names that the program has itself. An object of the tests that is an argument shows its
attributes, but nothing by which the tests could be reached: no frame, no globals, no class. And what
the program has done on this side, it has done to such an object, never to one that it names.
"""

import asyncio
import collections
import contextlib
import operator
import sys
import threading
import types
from collections.abc import Callable, Collection
from io import StringIO
from typing import Any

from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox.plain import BASES, MUTABLE
from tutelage.sandbox.proxy import KNOWN, ORIGINALS, Skipped, original
from tutelage.sandbox.values import INNER, Values

SHOWN = 600
"""Characters of a value that a failure shows."""


class Endpoint:
    """One end; a method `_do_...` for each thing that the other side may ask for.

    Args:
        pipe: to the other end.
        strict: whether this is the side of the tests.
    """

    described: Callable[[BaseException], str] = staticmethod(lambda error: "")
    """A traceback as text."""

    def __init__(self, pipe: Pipe, strict: bool) -> None:
        self.pipe, self.strict = pipe, strict
        self.trusted: set[str] = set()
        """Classes of the program whose objects the tests made, and compared with other data."""
        self.proven: set[str] = set()
        """Classes of the program that the tests use as such: they take attributes of objects, say."""
        self.values = Values(self)
        self.printed = {"stdout": StringIO(), "stderr": StringIO()}
        """What was printed here since the last message."""
        self.trace = ""
        """The traceback of the last exception over there."""
        self._raised: collections.deque[BaseException] = collections.deque(maxlen=9)
        """The last exceptions over there, as they are here."""
        self._names: dict[int, list[str]] = {}
        self._turn = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, do: str, on: int | None, *arguments: Any, **named: Any) -> Any:
        """Has something done over there, to an object of theirs or to none; gives what comes of it.

        Raises:
            Broken: the other side is gone.
            BaseException: what was raised over there.
        """
        with self._turn:
            self._send(lambda pack: {
                "do": do, "on": on, "args": [*map(pack, arguments)],
                "named": {name: pack(item) for name, item in named.items()},
            })  # fmt: skip
            while "do" in (message := self._receive()):
                self._answer(message)
            value = self._safely(self.values.unpack, message.get("value"))
            if "trace" not in message:
                return value
            if not isinstance(value, BaseException):
                raise self.pipe.broken("garbled")
            self.trace = str(message["trace"])[-2000:]
            self._raised.append(value)
            raise value

    def has_raised(self, error: BaseException) -> bool:
        """Whether an exception comes from over there."""
        return any(error is one for one in self._raised)

    def serve(self) -> None:
        """Answers until the other side is gone."""
        while True:
            try:
                message = self._receive()
            except Broken:
                return
            self._answer(message)

    def attribute(self, on: Any, name: str) -> Any:
        """An attribute of an object over there; its name goes over only where it is known there.

        Raises:
            AttributeError: there is none.
        """
        there = ORIGINALS[id(on)]
        if self.strict and not there.meant and name in _QUERIES and isinstance(on, _PLAIN):
            raise Skipped(f"it uses {name} of {there.label}, which the program has made its own")
        known: Collection[str] = self._names.get(there.number, ()) if self.strict else (name,)
        if name not in known:
            known = self._names[there.number] = [*map(str, self.ask("names", there.number))]
        if name not in known:
            if "*" not in known or name.startswith("__"):
                raise AttributeError(f"{type(on).__name__!r} object has no attribute {name!r}")
            if not there.meant:
                raise Skipped(f"an object of the program's may have any attribute, such as {name}")
        value = self.ask("attribute", there.number, "getattr", name)
        self.proven.add((on if isinstance(on, type) else type(on)).__name__)
        if part := original(value):
            part.label = f"{there.label}.{name}".lstrip(".")
        return value

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object over there."""
        return self.ask("call", ORIGINALS[id(on)].number, *arguments, **named)

    def _send(self, message: Callable[[Callable[[Any], Any]], dict[str, Any]]) -> None:
        """Sends a message, with what was printed and what was changed here meanwhile.

        Args:
            message: makes it, with what packs a value.
        """
        printed = {name: text.getvalue() for name, text in self.printed.items() if text.tell()}
        self.printed |= {name: StringIO() for name in printed}
        free = self.values.free()
        body = message(self.values.pack)
        self.pipe.send(body | {"printed": printed, "free": free, "contents": self.values.changes()})

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = self.pipe.receive()
        self._safely(lambda: self.values.accept(message["contents"], message["free"]))
        for name in self.printed.keys() & message["printed"]:
            getattr(sys, name).write(str(message["printed"][name]))
        return message

    def _answer(self, message: dict[str, Any]) -> None:
        """Does what is asked for, and says what came of it."""
        unpack = self.values.unpack
        try:
            given = [*map(unpack, message["args"])]
            named = {name: unpack(item) for name, item in message["named"].items()}
            on = None if message["on"] is None else self.values.mine[message["on"]]
            value = getattr(self, f"_do_{message['do']}")(on, *given, **named)
            del given, named
            self._send(lambda pack: {"value": pack(value)})
        except (Broken, Skipped):
            raise
        except BaseException as error:  # a program may raise anything, SystemExit too
            raised, trace = error, self.described(error)
            self._send(lambda pack: {"value": pack(raised), "trace": trace})

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
        return [*map(str, names)] + ["*"] * any_name

    def _do_isinstance(self, on: Any, value: Any) -> bool:
        return isinstance(value, on)

    def _do_call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        return on(*arguments, **named)

    def _do_special(self, on: Any, name: str, *arguments: Any) -> Any:
        if isinstance(on, types.GeneratorType) and name in ("send", "throw", "close"):
            return getattr(on, name)(*arguments)
        if name not in KNOWN:
            raise AttributeError(name)
        if isinstance(on, type) and name == "__getitem__" and not hasattr(type(on), name):
            return operator.getitem(on, *arguments)  # type: ignore[call-overload]
        if (method := getattr(type(on), name, None)) is None:
            raise TypeError(f"{type(on).__name__!r} object has no {name}")
        return method(on, *arguments)

    def _do_run(self, on: Any) -> Any:
        async def main() -> Any:
            return await on

        if self.strict:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop()
                raise Skipped("the program waits for what runs in the tests' own event loop")
        self._loop = self._loop or asyncio.new_event_loop()
        return self._loop.run_until_complete(main())


_CLOSED = (types.FunctionType, types.MethodType, types.GeneratorType, types.CoroutineType, *INNER)
_PLAIN = (*BASES, *MUTABLE)
_QUERIES = frozenset(
    ("count", "index", "find", "rfind", "rindex", "startswith", "endswith",
     "issubset", "issuperset", "isdisjoint")
)  # fmt: skip
"""Methods whose argument may be what is expected, as that of an operator."""
_COPIED = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})
"""What a decorator copies."""
