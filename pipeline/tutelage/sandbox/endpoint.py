"""One end of the pipe between a program and its tests, the same on both sides.

How values cross is said in `values`, what may be done to objects over there in `acts`.

So a program can lie about a value, as any program can, but brings no `__eq__` and no code to the
side that compares; and no word of the tests goes to the program but arguments of its calls, and of
attributes only those names that the program has itself.
"""

import io
import sys
import threading
from collections.abc import Callable
from typing import Any

from tutelage.sandbox import remote
from tutelage.sandbox.acts import Acts
from tutelage.sandbox.remote import OWNERS, Skipped, owner
from tutelage.sandbox.values import Values
from tutelage.sandbox.wire import Broken, Pipe

SHOWN = 600
"""Characters of a value that a failure shows."""


class Endpoint:
    """One end. `acts` are what the other side may ask for, beyond what is done to objects.

    Args:
        pipe: to the other end.
        first: 0 or 1, another one on each side.
        strict: whether this is the side of the tests.
    """

    def __init__(self, pipe: Pipe, first: int, strict: bool) -> None:
        self.pipe, self.strict = pipe, strict
        self.meant: frozenset[str] = frozenset()
        self.acts = Acts(strict)
        self.values = Values(self, first, self.acts.objects)
        self.describe: Callable[[BaseException], str] = str
        """A traceback as text."""
        self.printed = io.StringIO()
        """What was printed here since the last message."""
        self.trace = ""
        """The traceback of the last exception over there."""
        self.raised: BaseException | None = None
        """The last exception over there, as it is here."""
        self._attributes: dict[int, set[str]] = {}
        self._turn = threading.RLock()

    def ask(self, do: str, on: Any, *arguments: Any, **named: Any) -> Any:
        """Has something done over there, to an object of theirs or to none; gives what comes of it.

        Raises:
            Broken: the other side is gone.
            BaseException: what was raised over there.
        """
        with self._turn:
            found = owner(on)
            pack = self.values.pack
            self._send(
                lambda: {
                    "do": do,
                    "on": found.number if found else None,
                    "args": [pack(item) for item in arguments],
                    "named": {name: pack(item) for name, item in named.items()},
                }
            )
            while "do" in (message := self._receive()):
                self._answer(message)
            if "error" in message:
                self.trace = str(message.get("trace", ""))[-2000:]
                self.raised = self._safely(self.values.exception_from, message["error"])
                raise self.raised
            return self._safely(self.values.unpack, message.get("value"))

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
        found = OWNERS[id(on)]
        missing = f"{type(on).__name__!r} object has no attribute {name!r}"
        if name.startswith("__") and name.endswith("__"):
            if name not in remote.ATTRIBUTES:
                raise AttributeError(missing)
        elif self.strict:
            known = self._attributes.setdefault(found.number, set())
            if name not in known:
                known |= {str(word) for word in self.ask("names", on)}
            if name not in known and "*" not in known:
                raise AttributeError(missing)
            if name not in known and not found.meant:
                raise Skipped(
                    f"an object of the program's is asked for any attribute, such as {name}"
                )
        value = self.ask("get", on, name)
        if got := owner(value):
            got.label = f"{found.label}.{name}"
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
        self._safely(self._accept, message)
        return message

    def _accept(self, message: dict[str, Any]) -> None:
        self.values.accept(message["contents"], message["free"])
        if message["printed"]:
            sys.stdout.write(str(message["printed"]))

    def _answer(self, message: dict[str, Any]) -> None:
        """Does what is asked for, and says what came of it."""
        values = self.values
        try:
            given = [values.unpack(item) for item in message["args"]]
            named = {name: values.unpack(item) for name, item in message["named"].items()}
            value = self.acts.act(message["do"], message["on"], given, named)
            del given, named
            self._send(lambda: {"value": values.pack(value)})
        except (Broken, Skipped):
            raise
        except BaseException as error:  # a program may raise anything, SystemExit too
            raised, trace = error, "" if self.strict else self.describe(error)
            self._send(lambda: {"error": values.exception(raised), "trace": trace})

    def _safely(self, read: Callable[[Any], Any], data: Any) -> Any:
        """What `read` makes of what the other side sent.

        Raises:
            Broken: it makes nothing of it.
        """
        try:
            return read(data)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, ImportError):
            raise self.pipe.broken("garbled") from None
        except (RecursionError, MemoryError):
            raise self.pipe.broken("output") from None
