"""Values as they cross between a program and its tests, on either side.

- plain values (`plain`), tuples and the like: by value;
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
from typing import TYPE_CHECKING, Any

from tutelage.sandbox import remote
from tutelage.sandbox.containers import BASES, KIND_OF, KINDS, MUTABLE, PARTS, Shared
from tutelage.sandbox.plain import NotPlain, plain, scalar
from tutelage.sandbox.remote import OWNERS, Owner, RemoteType, Skipped, is_plain, owner

if TYPE_CHECKING:
    from tutelage.sandbox.endpoint import Endpoint

INNER = (types.FrameType, types.CodeType, types.TracebackType, types.ModuleType)
"""What shows more than itself by its attributes, and is never passed to a program."""


class Values:
    """What one side knows of the values that have crossed.

    Args:
        side: whom stand-ins ask.
        first: 0 or 1, another one on each side.
    """

    def __init__(self, side: "Endpoint", first: int) -> None:
        self.given: dict[str, type] = {}
        """Classes of the setup, which both sides have: their instances are containers."""
        self.mine: dict[int, Any] = {}
        """Objects of this side that the other side knows, by number."""
        self._side = side
        self._numbers = itertools.count(first, 2)
        self._mine_by_id: dict[int, int] = {}
        self._theirs: dict[int, Any] = {}
        self._shared: dict[int, Shared] = {}
        self._shared_by_id: dict[int, int] = {}
        self._fresh: list[int] = []

    def pack(self, value: Any) -> Any:
        """`value` as JSON."""
        if id(value) in self._shared_by_id:
            return {"shared": self._shared_by_id[id(value)]}
        if original := owner(value):
            return {"yours": original.number}
        if isinstance(value, types.TracebackType):
            return None
        kind = type(value)
        by_name = self._side.strict or kind is not types.BuiltinFunctionType
        if by_name and (data := scalar(value)) is not NotPlain:
            return data
        for name, (type_, _) in PARTS.items():
            if kind is type_:
                return {name: [self.pack(item) for item in value]}
        if name := KIND_OF.get(kind, ""):
            return {"shared": self._share_new(name, self.pack(KINDS[name].head(value)), value)}
        if self.given.get(kind.__name__) is kind:
            return {"shared": self._share_new("instance", kind.__name__, value)}
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BaseException):
            return {"exception": self.exception(value)}
        data = self._reference(value)
        for base, put in BASES.items():
            if isinstance(value, base):
                return {**data, "base": self.pack(put(value))}
        for base, name in KIND_OF.items():
            if isinstance(value, base):
                return {"shared": self._share_new(name, {"of": data}, value)}
        return data

    def unpack(self, data: Any) -> Any:
        """The value that `data`, from the other side, stands for.

        Raises:
            ValueError, TypeError, LookupError, ArithmeticError, AttributeError, ImportError:
                `data` is malformed.
        """
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
            return self.mine[body]
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
        waiting = [number for number, shared in self._shared.items() if shared.changed()]
        done: set[int] = set()
        while waiting := [n for n in dict.fromkeys([*waiting, *self._fresh]) if n not in done]:
            self._fresh = []
            for number in waiting:
                shared = self._shared[number]
                shared.agreed = KINDS[shared.kind].read(shared.value)
                packed = [self.pack(item) for item in shared.agreed]
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
                self._share(number, kind, head, self._empty(kind, head))
        for number, _, _, items in contents:
            shared = self._shared[number]
            KINDS[shared.kind].write(shared.value, [self.unpack(item) for item in items])
            shared.agreed = KINDS[shared.kind].read(shared.value)

    def free(self) -> list[int]:
        """Containers that only this class holds any more here: the other side forgets them."""
        gone = []
        for number, shared in list(self._shared.items()):
            if sys.getrefcount(shared.value) == 2 and not shared.changed():
                gone.append(number)
                del self._shared[number], self._shared_by_id[id(shared.value)]
        return gone

    def _empty(self, kind: str, head: Any) -> Any:
        """A container without content."""
        if isinstance(head, dict) and "of" in head:
            return self._stand_in(head["of"])
        if kind == "instance":
            return object.__new__(self.given[head])
        return KINDS[kind].empty(self.unpack(head))

    def _share_new(self, kind: str, head: Any, value: Any) -> int:
        number = next(self._numbers)
        self._share(number, kind, head, value)
        self._fresh.append(number)
        return number

    def _share(self, number: int, kind: str, head: Any, value: Any) -> None:
        self._shared[number] = Shared(value, kind, head, [])
        self._shared_by_id[id(value)] = number

    def _number(self, value: Any) -> tuple[int, bool]:
        """The number by which the other side knows an object of this one, and whether it is new."""
        number = self._mine_by_id.get(id(value))
        if number is not None:
            return number, False
        number = self._mine_by_id[id(value)] = next(self._numbers)
        self.mine[number] = value
        return number, True

    def _reference(self, value: Any) -> dict[str, Any]:
        """How the other side is told of an object that stays here.

        Raises:
            Skipped: it must not get there.
        """
        if self._side.strict and isinstance(value, INNER):
            raise Skipped(f"a test passes a {type(value).__name__}")
        number, _ = self._number(value)
        for name, kind in (("generator", types.GeneratorType), ("coroutine", types.CoroutineType)):
            if isinstance(value, kind):
                return {"mine": number, "as": name}
        return {"mine": number, "as": self._class(type(value))}

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
        """A class, as data; the first time with its parents and what it does otherwise than these."""
        if original := owner(kind):
            return {"yours": original.number}
        if self.given.get(kind.__name__) is kind:
            return {"given": kind.__name__}
        if is_plain(kind) and (data := scalar(kind)) is not NotPlain:
            return dict(data)
        number, new = self._number(kind)
        if not new:
            return {"class": [number]}
        line = []
        for parent in kind.__mro__[:-1]:
            if (data := scalar(parent)) is not NotPlain:
                line.append(data)
            elif parent is not kind:
                line.append(self._class(parent))
        return {"class": [number, kind.__name__, line, _words(kind)]}

    def _class_from(self, body: list[Any]) -> Any:
        number = int(body[0])
        if number not in self._theirs:
            _, name, line, words = body
            parents = [self.unpack(parent) for parent in line]
            if not all(isinstance(parent, type) for parent in parents):
                raise ValueError("a class that has no such parent")
            kind = remote.stand_in_class(str(name), parents, [str(word) for word in words])
            self._own(kind, number, str(name))
        return self._theirs[number]

    def exception(self, error: BaseException) -> dict[str, Any]:
        """An exception, as data. A failed assert of the tests says no more to a program than that."""
        if original := owner(error):
            return {"yours": original.number}
        kind = self._class(type(error))
        if self._side.strict and isinstance(error, AssertionError):
            return {"class": kind, "args": []}
        data: dict[str, Any] = {"class": kind, "args": [self.pack(item) for item in error.args]}
        if "builtin" in kind:
            data["state"] = {name: self.pack(value) for name, value in vars(error).items()}
        else:
            data["number"] = self._number(error)[0]
        if error.__cause__ is not None:
            data["cause"] = self.exception(error.__cause__)
        return data

    def exception_from(self, data: dict[str, Any]) -> BaseException:
        """The exception that `data` stands for."""
        error: Any
        if "yours" in data:
            error = self.mine[data["yours"]]
        elif data.get("number") in self._theirs:
            error = self._theirs[data["number"]]
        else:
            kind: Any = self.unpack(data["class"])
            arguments = [self.unpack(item) for item in data["args"]]
            error = kind.__new__(kind, *arguments)
            if not isinstance(kind, RemoteType):
                with contextlib.suppress(TypeError):  # it may want more than it keeps
                    error.__init__(*arguments)
            for name, value in data.get("state", {}).items():
                if not name.startswith("_"):
                    setattr(error, name, self.unpack(value))
            if "number" in data:
                self._own(error, int(data["number"]), kind.__name__)
            if "cause" in data:
                error.__cause__ = self.exception_from(data["cause"])
        if not isinstance(error, BaseException):
            raise ValueError("no exception")
        return error


def _words(kind: type) -> list[str]:
    """What a class does otherwise than its first parent of Python's own: operators, and overrides."""
    library = (parent for parent in kind.__mro__ if scalar(parent) is not NotPlain)
    base = next(filter(is_plain, library), object)
    names = remote.KNOWN | ({*dir(base)} if base is not object else set())
    words = [
        name
        for name in sorted(names)
        if (name in remote.KNOWN or not name.startswith("__"))
        and (method := getattr(kind, name, None)) is not None
        and method is not getattr(base, name, None)
        and any(name in vars(parent) for parent in kind.__mro__)
    ]
    if "<string>" in str(getattr(getattr(kind, "__eq__", None), "__code__", "")):
        words[words.index("__eq__")] = remote.ALIKE
    return words
