"""Values as they cross between a program and its tests, on either side.

- plain values (`wire`), tuples and the like: by value;
- lists, dicts, sets and so on, and instances of the setup's classes: by value, once; each side then
  has one of its own, and before control passes over, what was changed in it is sent along. So a
  change in place is seen on the other side whatever a call returns, and `a is b` holds where it held;
- anything else stays where it is, and a stand-in (`remote`) hands on what is done to it.
"""

import contextlib
import itertools
import sys
import types
from collections.abc import Callable
from typing import Any

from tutelage.sandbox import remote
from tutelage.sandbox.acts import INNER
from tutelage.sandbox.containers import BASES, KIND_OF, KINDS, MUTABLE, PARTS, Shared, changed
from tutelage.sandbox.remote import OWNERS, Asks, Owner, RemoteType, Skipped, owner
from tutelage.sandbox.wire import NotPlain, plain, scalar


class Values:
    """What one side knows of the values that have crossed.

    Args:
        side: whom stand-ins ask.
        first: 0 or 1, another one on each side.
        mine: where objects of this side are kept that the other side knows, by number.
    """

    def __init__(self, side: Asks, first: int, mine: dict[int, Any]) -> None:
        self.given: dict[str, type] = {}
        """Classes of the setup, which both sides have: their instances are containers."""
        self._side = side
        self._numbers = itertools.count(first, 2)
        self._mine = mine
        self._mine_by_id: dict[int, int] = {}
        self._theirs: dict[int, Any] = {}
        self._shared: dict[int, Shared] = {}
        self._shared_by_id: dict[int, int] = {}
        self._fresh: list[int] = []

    def pack(self, value: Any) -> Any:
        """`value` as JSON."""
        if id(value) in self._shared_by_id:
            return {"shared": self._shared_by_id[id(value)]}
        if found := owner(value):
            return {"yours": found.number}
        if isinstance(value, types.TracebackType):
            return None
        kind = type(value)
        by_name = self._side.strict or kind is not types.BuiltinFunctionType
        data = scalar(value) if by_name else NotPlain
        if data is not NotPlain:
            return data
        for name, (type_, _) in PARTS.items():
            if kind is type_:
                return {name: [self.pack(item) for item in value]}
        if name := KIND_OF.get(kind, ""):
            head = KINDS[name].head(value)
            return {"shared": self._share_new(name, self.pack(head), value)}
        if self.given.get(kind.__name__) is kind:
            return {"shared": self._share_new("instance", kind.__name__, value)}
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BaseException):
            return {"exception": self.exception(value)}
        return self._kept(value)

    def _kept(self, value: Any) -> dict[str, Any]:
        """An object that stays here; what it has of a number, a text or a container goes along."""
        data = self.reference(value)
        for base, put in BASES.items():
            if isinstance(value, base):
                return {**data, "base": self.pack(put(value))}
        for name, kind in KINDS.items():
            if name != "instance" and isinstance(value, kind.type):
                return {"shared": self._share_new(name, {"of": data}, value)}
        return data

    def unpack(self, data: Any) -> Any:
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
            return self.exception_from(body)
        if name in PARTS:
            return PARTS[name][1]([self.unpack(item) for item in body])
        value = plain(name, body)
        if value is NotPlain or (
            self._side.strict and isinstance(value, types.BuiltinFunctionType)
        ):
            raise ValueError(f"nothing known: {name}")
        return value

    def changes(self) -> list[Any]:
        """What was changed in the containers that both sides have, and those that are new."""
        contents = []
        waiting = [n for n, shared in self._shared.items() if changed(shared)]
        done: set[int] = set()
        while waiting := [n for n in dict.fromkeys([*waiting, *self._fresh]) if n not in done]:
            self._fresh = []
            for number in waiting:
                shared = self._shared[number]
                shared.seen = KINDS[shared.kind].read(shared.value)
                packed = [self.pack(item) for item in shared.seen]
                contents.append([number, shared.kind, shared.head, packed])
            done |= set(waiting)
        return contents

    def accept(self, contents: list[Any], free: list[int]) -> None:
        """Takes over what the other side has changed, and forgets what it has let go."""
        for number in free:
            if shared := self._shared.pop(number, None):
                del self._shared_by_id[id(shared.value)]
        for number, kind, head, _ in contents:
            if number not in self._shared:
                self._share(number, kind, head, self._made(kind, head))
        for number, _, _, items in contents:
            shared = self._shared[number]
            KINDS[shared.kind].write(shared.value, [self.unpack(item) for item in items])
            shared.seen = KINDS[shared.kind].read(shared.value)

    def _made(self, kind: str, head: Any) -> Any:
        """A container without content."""
        if isinstance(head, dict) and "of" in head:
            return self._stand_in(head["of"])
        if kind == "instance":
            return object.__new__(self.given[head])
        return KINDS[kind].make(self.unpack(head))

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
            return self._own(remote.generator(self._side, number), number, "a generator")
        if data["as"] == "coroutine":
            return self._own(remote.awaited(self._side, number), number, "a coroutine")
        kind = self.unpack(data["as"])
        if not isinstance(kind, RemoteType):
            raise ValueError("no class of the other side's")
        base = next((base for base in kind.__mro__ if base in (*BASES, *MUTABLE)), object)
        content = [self.unpack(data["base"])] if "base" in data else []
        new: Callable[..., Any] = base.__new__
        return self._own(new(kind, *content), number, kind.__name__)

    def _own(self, stand_in: Any, number: int, label: str) -> Any:
        self._theirs[number] = stand_in
        OWNERS[id(stand_in)] = Owner(stand_in, self._side, number, label[:80])
        return stand_in

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
            bases = [self.unpack(parent) for parent in parents]
            if not all(
                isinstance(b, RemoteType) or _crosses(b) or b in self.given.values() for b in bases
            ):
                raise ValueError("a class that has no such parent")
            kind = remote.stand_in_class(str(name), tuple(bases), [str(word) for word in words])
            self._own(kind, number, str(name))
        return self._theirs[number]

    def exception(self, error: BaseException) -> dict[str, Any]:
        """An exception, as data. One of a test's own says no more to a program than its class."""
        if found := owner(error):
            return {"yours": found.number}
        told = not (self._side.strict and isinstance(error, AssertionError))
        arguments = [self.pack(item) for item in error.args] if told else []
        kind = self._class(type(error))
        data: dict[str, Any] = {"class": kind, "args": arguments}
        if "builtin" not in kind and not self._side.strict:
            data["ref"] = self.reference(error)["mine"]
        elif told:
            data["state"] = {name: self.pack(value) for name, value in vars(error).items()}
        if error.__cause__ is not None and told:
            data["cause"] = self.exception(error.__cause__)
        return data

    def exception_from(self, data: dict[str, Any]) -> BaseException:
        """The exception that `data` stands for."""
        if "yours" in data:
            return self._mine[data["yours"]]  # type: ignore[no-any-return]
        if data.get("ref") in self._theirs:
            return self._theirs[data["ref"]]  # type: ignore[no-any-return]
        kind: Any = self.unpack(data["class"])
        if not _is_error(kind):
            raise ValueError("no exception")
        arguments = [self.unpack(item) for item in data["args"]]
        error = kind.__new__(kind, *arguments)
        if not isinstance(kind, RemoteType):
            with contextlib.suppress(TypeError):  # it may want more than it keeps
                error.__init__(*arguments)
        error.args = tuple(arguments)
        for name, value in data.get("state", {}).items():
            if not name.startswith("_"):
                setattr(error, name, self.unpack(value))
        if "ref" in data:
            self._own(error, int(data["ref"]), kind.__name__)
        if "cause" in data:
            error.__cause__ = self.exception_from(data["cause"])
        return error  # type: ignore[no-any-return]

    def reference(self, value: Any) -> dict[str, Any]:
        """How the other side is told of an object that stays here."""
        if self._side.strict and isinstance(value, INNER):
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

    def free(self) -> list[int]:
        """Containers that nothing here holds any more but this table: the other side forgets them."""
        gone = []
        for number, shared in list(self._shared.items()):
            if sys.getrefcount(shared.value) == 2 and not changed(shared):
                gone.append(number)
                del self._shared[number], self._shared_by_id[id(shared.value)]
        return gone


def _crosses(kind: Any) -> bool:
    """Whether a class of the library may be a parent of a stand-in."""
    return kind in BASES or kind in MUTABLE or _is_error(kind)


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
