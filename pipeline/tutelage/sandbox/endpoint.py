"""One end of the pipe between a program and its tests, the same on both sides.

What crosses, and how:

- plain values (`wire`), tuples and the like: by value;
- lists, dicts, sets and so on, and instances of the setup's classes: by value, once; each side then
  has one of its own, and before control passes over, what was changed in it is sent along. So a
  change in place is seen on the other side whatever a call returns, and `a is b` holds where it held;
- anything else stays where it is, and a stand-in (`remote`) hands on what is done to it.

So a program can lie about a value, as any program can, but brings no `__eq__` and no code to the
side that compares; and no word of the tests goes to the program but arguments of its calls, and of
attributes only those names that the program has itself.
"""

import collections
import contextlib
import io
import itertools
import sys
import threading
import types
from collections.abc import Callable, Iterable
from typing import Any

from tutelage.sandbox import remote
from tutelage.sandbox.acts import INNER, Acts
from tutelage.sandbox.containers import BASES, KIND_OF, KINDS, MUTABLE, PARTS, Shared, changed
from tutelage.sandbox.remote import OWNERS, Owner, RemoteType, Skipped, owner
from tutelage.sandbox.wire import Broken, NotPlain, Pipe, plain, scalar

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
        self.given: dict[str, type] = {}
        """Classes of the setup, which both sides have: their instances are containers."""
        self.acts = Acts(strict)
        self.describe: Callable[[BaseException], str] = str
        """A traceback as text."""
        self.printed = io.StringIO()
        """What was printed here since the last message."""
        self.trace = ""
        """The traceback of the last exception over there."""
        self.raised: BaseException | None = None
        """The last exception over there, as it is here."""
        self._numbers = itertools.count(first, 2)
        self._mine = self.acts.objects
        self._mine_by_id: dict[int, int] = {}
        self._theirs: dict[int, Any] = {}
        self._attributes: dict[int, set[str]] = {}
        self._shared: dict[int, Shared] = {}
        self._shared_by_id: dict[int, int] = {}
        self._fresh: list[int] = []
        self._turn = threading.RLock()

    def ask(self, do: str, on: Any, *arguments: Any, **named: Any) -> Any:
        """Has something done over there, to an object of theirs or to none; gives what comes of it.

        Raises:
            Broken: the other side is gone.
            BaseException: what was raised over there.
        """
        with self._turn:
            found = owner(on)
            self._send({"do": do, "on": found.number if found else None}, arguments, named)
            while "do" in (message := self._receive()):
                self._answer(message)
            if "error" in message:
                self.trace = str(message.get("trace", ""))[-2000:]
                self.raised = self._safely(self._exception_from, message["error"])
                raise self.raised
            return self._safely(self._unpack, message.get("value"))

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

    def reference(self, value: Any) -> dict[str, Any]:
        """How the other side is told of an object that stays here."""
        if self.strict and isinstance(value, INNER):
            raise Skipped(f"a test passes a {type(value).__name__}")
        number = self._mine_by_id.get(id(value))
        if number is None:
            number = next(self._numbers)
            self._mine[number], self._mine_by_id[id(value)] = value, number
        data: dict[str, Any] = {"mine": number}
        for name, kind in (("generator", types.GeneratorType), ("coroutine", types.CoroutineType)):
            if isinstance(value, kind):
                return {**data, "as": name}
        return {**data, "as": self._class(type(value))}

    # Messages

    def _send(self, head: dict[str, Any], arguments: Iterable[Any], named: dict[str, Any]) -> None:
        text, self.printed = self.printed.getvalue(), io.StringIO()
        message = head | {"printed": text, "free": self._free()}
        message["args"] = [self._pack(item) for item in arguments]
        message["named"] = {name: self._pack(item) for name, item in named.items()}
        self._finish(message)

    def _finish(self, message: dict[str, Any]) -> None:
        """Sends a message, and with it what was changed in the containers that both have."""
        news = [n for n, shared in self._shared.items() if changed(shared)]
        contents = []
        waiting = collections.deque(dict.fromkeys([*news, *self._fresh]))
        done = set(waiting)
        self._fresh = []
        while waiting:
            number = waiting.popleft()
            shared = self._shared[number]
            shared.seen = KINDS[shared.kind].read(shared.value)
            packed = [self._pack(item) for item in shared.seen]
            contents.append([number, shared.kind, shared.head, packed])
            waiting.extend(n for n in self._fresh if n not in done)
            done.update(self._fresh)
            self._fresh = []
        self.pipe.send(message | {"contents": contents})

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = self.pipe.receive()
        self._safely(self._accept, message)
        return message

    def _accept(self, message: dict[str, Any]) -> None:
        for number in message["free"]:
            if shared := self._shared.pop(number, None):
                del self._shared_by_id[id(shared.value)]
        for number, kind, head, _ in message["contents"]:
            if number not in self._shared:
                self._share(number, kind, head, self._made(kind, head))
        for number, _, _, items in message["contents"]:
            shared = self._shared[number]
            KINDS[shared.kind].write(shared.value, [self._unpack(item) for item in items])
            shared.seen = KINDS[shared.kind].read(shared.value)
        if message["printed"]:
            sys.stdout.write(str(message["printed"]))

    def _answer(self, message: dict[str, Any]) -> None:
        """Does what is asked for, and says what came of it."""
        try:
            given = [self._unpack(item) for item in message["args"]]
            named = {name: self._unpack(item) for name, item in message["named"].items()}
            value = self.acts.act(message["do"], message["on"], given, named)
            del given, named
            reply: dict[str, Any] = {"value": value}
        except (Broken, Skipped):
            raise
        except BaseException as error:  # a program may raise anything, SystemExit too
            reply = {"raised": error}
            reply |= {"trace": self.describe(error)} if not self.strict else {}
        text, self.printed = self.printed.getvalue(), io.StringIO()
        base: dict[str, Any] = {"printed": text, "free": self._free()}
        try:
            if "value" in reply:
                base["value"] = self._pack(reply["value"])
            else:
                base["error"] = self._exception(reply["raised"])
        except RecursionError as error:
            base["error"] = self._exception(TypeError(f"it returns {error}"))
        self._finish(base | {key: reply[key] for key in ("trace",) if key in reply})

    def _free(self) -> list[int]:
        """Containers that nothing here holds any more but this table: the other side forgets them."""
        gone = []
        for number, shared in list(self._shared.items()):
            if sys.getrefcount(shared.value) == 2 and not changed(shared):
                gone.append(number)
                del self._shared[number], self._shared_by_id[id(shared.value)]
        return gone

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

    # Values

    def _pack(self, value: Any) -> Any:
        """`value` as JSON."""
        if id(value) in self._shared_by_id:
            return {"shared": self._shared_by_id[id(value)]}
        if found := owner(value):
            return {"yours": found.number}
        if isinstance(value, types.TracebackType):
            return None
        kind = type(value)
        by_name = self.strict or kind is not types.BuiltinFunctionType
        data = scalar(value) if by_name else NotPlain
        if data is not NotPlain:
            return data
        for name, (type_, _) in PARTS.items():
            if kind is type_:
                return {name: [self._pack(item) for item in value]}
        if name := KIND_OF.get(kind, ""):
            head = KINDS[name].head(value)
            return {"shared": self._share_new(name, self._pack(head), value)}
        if self.given.get(kind.__name__) is kind:
            return {"shared": self._share_new("instance", kind.__name__, value)}
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BaseException):
            return {"exception": self._exception(value)}
        return self._kept(value)

    def _kept(self, value: Any) -> dict[str, Any]:
        """An object that stays here; what it has of a number, a text or a container goes along."""
        data = self.reference(value)
        for base, put in BASES.items():
            if isinstance(value, base):
                return {**data, "base": self._pack(put(value))}
        for name, kind in KINDS.items():
            if name != "instance" and isinstance(value, kind.type):
                return {"shared": self._share_new(name, data, value)}
        return data

    def _unpack(self, data: Any) -> Any:
        """The value that `data`, from the other side, stands for."""
        if not isinstance(data, dict):
            if isinstance(data, list):
                raise ValueError("a bare list")
            return data
        if "mine" in data:
            return self._stand_in(data)
        ((name, body),) = data.items()
        if name == "shared":
            return self._shared[body].value
        if name == "yours":
            return self._mine[body]
        if name == "class":
            return self._class_from(body)
        if name == "given":
            return self.given[body]
        if name == "exception":
            return self._exception_from(body)
        if name in PARTS:
            return PARTS[name][1]([self._unpack(item) for item in body])
        value = plain(name, body)
        if value is NotPlain or (self.strict and isinstance(value, types.BuiltinFunctionType)):
            raise ValueError(f"nothing known: {name}")
        return value

    def _made(self, kind: str, head: Any) -> Any:
        """A container without content."""
        if isinstance(head, dict) and "mine" in head:
            return self._stand_in(head)
        if kind == "instance":
            return object.__new__(self.given[head])
        return KINDS[kind].make(self._unpack(head))

    def _share_new(self, kind: str, head: Any, value: Any) -> int:
        number = next(self._numbers)
        self._share(number, kind, head, value)
        self._fresh.append(number)
        return number

    def _share(self, number: int, kind: str, head: Any, value: Any) -> None:
        self._shared[number] = Shared(value, kind, head, [])
        self._shared_by_id[id(value)] = number

    def _stand_in(self, data: dict[str, Any]) -> Any:
        number = int(data["mine"])
        if number in self._theirs:
            return self._theirs[number]
        if data["as"] == "generator":
            return self._own(remote.generator(self, number), number, "a generator")
        if data["as"] == "coroutine":
            return self._own(remote.awaited(self, number), number, "a coroutine")
        kind = self._unpack(data["as"])
        if not isinstance(kind, RemoteType):
            raise ValueError("no class of the other side's")
        base = next((base for base in kind.__mro__ if base in (*BASES, *MUTABLE)), object)
        content = [self._unpack(data["base"])] if "base" in data else []
        new: Callable[..., Any] = base.__new__
        return self._own(new(kind, *content), number, kind.__name__)

    def _own(self, stand_in: Any, number: int, label: str) -> Any:
        self._theirs[number] = stand_in
        OWNERS[id(stand_in)] = Owner(stand_in, self, number, label[:80])
        return stand_in

    # Classes and exceptions

    def _class(self, kind: type) -> dict[str, Any]:
        """A class, as data; the first time with its parents and what it can do."""
        if found := owner(kind):
            return {"yours": found.number}
        if self.given.get(kind.__name__) is kind:
            return {"given": kind.__name__}
        data = scalar(kind)
        if data is not NotPlain and _crosses(kind):
            return dict(data)
        number = self._mine_by_id.get(id(kind))
        if number is not None:
            return {"class": [number]}
        number = next(self._numbers)
        self._mine[number], self._mine_by_id[id(kind)] = kind, number
        parents = [self._class(parent) for parent in kind.__bases__ if parent is not object]
        plain_base = next((b for b in kind.__mro__ if b in (*BASES, *MUTABLE)), object)
        words = [
            name for name, value in vars(kind).items()
            if value is not None and (name in remote.KNOWN or (
                not name.startswith("__") and hasattr(plain_base, name)))
        ]  # fmt: skip
        if "__eq__" in words and "<string>" in str(getattr(vars(kind)["__eq__"], "__code__", "")):
            words[words.index("__eq__")] = remote.ALIKE
        return {"class": [number, kind.__name__, parents, words]}

    def _class_from(self, body: list[Any]) -> Any:
        number = int(body[0])
        if number not in self._theirs:
            _, name, parents, words = body
            bases = [self._unpack(parent) for parent in parents]
            if not all(
                isinstance(b, RemoteType) or _crosses(b) or b in self.given.values() for b in bases
            ):
                raise ValueError("a class that has no such parent")
            kind = remote.stand_in_class(str(name), tuple(bases), [str(word) for word in words])
            self._own(kind, number, str(name))
        return self._theirs[number]

    def _exception(self, error: BaseException) -> dict[str, Any]:
        """An exception, as data. One of a test's own says no more to a program than its class."""
        if found := owner(error):
            return {"yours": found.number}
        told = not (self.strict and isinstance(error, AssertionError))
        arguments = [self._pack(item) for item in error.args] if told else []
        kind = self._class(type(error))
        data: dict[str, Any] = {"class": kind, "args": arguments}
        if "builtin" not in kind and not self.strict:
            data["ref"] = self.reference(error)["mine"]
        elif told:
            data["state"] = {name: self._pack(value) for name, value in vars(error).items()}
        if error.__cause__ is not None and told:
            data["cause"] = self._exception(error.__cause__)
        return data

    def _exception_from(self, data: dict[str, Any]) -> BaseException:
        if "yours" in data:
            return self._mine[data["yours"]]  # type: ignore[no-any-return]
        if data.get("ref") in self._theirs:
            return self._theirs[data["ref"]]  # type: ignore[no-any-return]
        kind: Any = self._unpack(data["class"])
        if not _is_error(kind):
            raise ValueError("no exception")
        arguments = [self._unpack(item) for item in data["args"]]
        error = kind.__new__(kind, *arguments)
        if not isinstance(kind, RemoteType):
            with contextlib.suppress(TypeError):  # it may want more than it keeps
                error.__init__(*arguments)
        error.args = tuple(arguments)
        for name, value in data.get("state", {}).items():
            if not name.startswith("_"):
                setattr(error, name, self._unpack(value))
        if "ref" in data:
            self._own(error, int(data["ref"]), kind.__name__)
        if "cause" in data:
            error.__cause__ = self._exception_from(data["cause"])
        return error  # type: ignore[no-any-return]


def _crosses(kind: Any) -> bool:
    """Whether a class of the library may be a parent of a stand-in."""
    return kind in BASES or kind in MUTABLE or _is_error(kind)


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
