"""Values as they cross between a program and its tests, on either side.

- plain values, tuples and the like: by value;
- lists, dicts, sets and so on, and instances of the setup's classes: by value, once; each side then
  has one of its own, and before control passes over, what was changed in it is sent along. So a
  change in place is seen on the other side whatever a call returns, and `a is b` holds where it held;
- anything else stays where it is, and a proxy (`proxy`) hands on what is done to it.

All of it is JSON: `["shared", 4]`, `["tuple", 1, 2]`, `["mine", 6, ["class", 8, ...]]`.
"""

import contextlib
import itertools
import sys
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tutelage.sandbox import plain, proxy
from tutelage.sandbox.plain import BASES, MAKERS, MUTABLE, PARTS, Shared, library_name
from tutelage.sandbox.proxy import ORIGINALS, Original, ProxyType, Skipped, is_plain, original

if TYPE_CHECKING:
    from tutelage.sandbox.endpoint import Endpoint

INNER = (types.FrameType, types.CodeType, types.TracebackType, types.ModuleType)
"""What shows more than itself by its attributes, and is never passed to a program."""
_LOCAL = {types.GeneratorType: proxy.generator, types.CoroutineType: proxy.awaited}
"""What is of Python's own class on the other side as well."""


class Values:
    """What one side knows of the values that have crossed.

    Args:
        side: whom proxies ask.
    """

    def __init__(self, side: "Endpoint") -> None:
        self.given: dict[str, type] = {}
        """Classes of the setup, which both sides have: their instances are containers."""
        self.mine: dict[int, Any] = {}
        """Objects of this side that the other side knows, by number."""
        self.overwritten: dict[int, tuple[Shared, list[Any]]] | None = None
        """If it is kept: containers that the other side has changed, with what was in them before."""
        self._side = side
        self._numbers = itertools.count(0 if side.strict else 1, 2)
        self._mine_by_id: dict[int, int] = {}
        self._theirs: dict[int, Any] = {}
        self._shared: dict[int, Shared] = {}
        self._shared_by_id: dict[int, int] = {}
        self._readers: dict[str, Callable[..., Any]] = {
            "shared": lambda number: self._shared[number].value,
            "yours": lambda number: self.mine[number],
            "mine": self._proxy,
            "given": lambda name: self.given[name],
            "new": lambda name: object.__new__(self.given[name]),
            "class": self._class_from,
            "raised": self._exception_from,
            "library": self._library,
        }

    def pack(self, value: Any) -> Any:
        """`value` as JSON.

        Raises:
            Skipped: it must not get there.
        """
        kind = type(value)
        if kind is types.TracebackType or plain.is_json(value):
            return None if kind is types.TracebackType else value
        if id(value) in self._shared_by_id:
            return ["shared", self._shared_by_id[id(value)]]
        if there := original(value):
            return ["yours", there.number]
        if kind in PARTS:
            return [kind.__name__, *map(self.pack, PARTS[kind](value))]
        if kind in MUTABLE:
            return self._share(value, [kind.__name__, *map(self.pack, plain.empty_of(value))])
        if self.given.get(kind.__name__) is kind:
            return self._share(value, ["new", kind.__name__])
        by_name = self._side.strict or kind is not types.BuiltinFunctionType
        if by_name and (name := library_name(value)):
            return ["library", *name]
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BaseException):
            return self._exception(value)
        data = self._reference(value)
        for base in BASES:
            if isinstance(value, base):
                return [*data, [*map(self.pack, plain.exact(value, base))]]
        return self._share(value, data) if isinstance(value, MUTABLE) else data

    def unpack(self, data: Any) -> Any:
        """The value that `data`, from the other side, stands for.

        Raises:
            ValueError, TypeError, LookupError, ArithmeticError, AttributeError, ImportError:
                `data` is malformed.
        """
        if not isinstance(data, list):
            return data
        name, *body = data
        if name in MAKERS:
            return MAKERS[name](*map(self.unpack, body))
        return self._readers[name](*body)

    def changes(self) -> list[Any]:
        """What was changed in the containers that both sides have, and those that are new."""
        contents = []
        waiting = [number for number, shared in self._shared.items() if shared.changed()]
        while waiting:
            for number in waiting:
                shared = self._shared[number]
                shared.agreed = shared.read()
                packed = [self.pack(item) for item in shared.agreed]
                contents.append([number, shared.empty, packed])
            waiting = [number for number, shared in self._shared.items() if shared.agreed is None]
        return contents

    def accept(self, contents: list[Any], free: list[int]) -> None:
        """Takes over what the other side has changed, and forgets what it has let go."""
        for number in free:
            if shared := self._shared.pop(number, None):
                del self._shared_by_id[id(shared.value)]
        for number, empty, _ in contents:
            if number not in self._shared:
                value = self.unpack(empty)
                if not isinstance(value, (*MUTABLE, *self.given.values())):
                    raise ValueError("no container")
                self._share(value, empty, number)
        for number, _, items in contents:
            shared = self._shared[number]
            if self.overwritten is not None and shared.agreed is not None:
                self.overwritten.setdefault(number, (shared, shared.agreed))
            shared.write([self.unpack(item) for item in items])

    def free(self) -> list[int]:
        """Containers that only this class holds any more here: the other side forgets them."""
        gone = []
        for number, shared in list(self._shared.items()):
            if sys.getrefcount(shared.value) == 2 and not shared.changed():
                gone.append(number)
                del self._shared[number], self._shared_by_id[id(shared.value)]
        return gone

    def _share(self, value: Any, empty: Any, number: int | None = None) -> list[Any]:
        number = next(self._numbers) if number is None else number
        self._shared[number] = Shared(value, empty)
        self._shared_by_id[id(value)] = number
        return ["shared", number]

    def _library(self, module: str, name: str) -> Any:
        value = plain.library(module, name)
        if self._side.strict and isinstance(value, types.BuiltinFunctionType):
            raise ValueError("a function that would run here")
        return value

    def _number(self, value: Any) -> int:
        """The number by which the other side knows an object of this one."""
        if id(value) not in self._mine_by_id:
            number = self._mine_by_id[id(value)] = next(self._numbers)
            self.mine[number] = value
        return self._mine_by_id[id(value)]

    def _reference(self, value: Any) -> list[Any]:
        """How the other side is told of an object that stays here."""
        kind = type(value)
        if self._side.strict and isinstance(value, INNER):
            raise Skipped(f"a test passes a {kind.__name__}")
        of = kind.__name__ if kind in _LOCAL else self._class(kind)
        return ["mine", self._number(value), of]

    def _proxy(self, number: int, of: Any, exact: Sequence[Any] = ()) -> Any:
        if number in self._theirs:
            return self._theirs[number]
        for local, make in _LOCAL.items():
            if of == local.__name__:
                return self._own(make(self._side, number), number, f"a {of}")
        kind = self.unpack(of)
        if not isinstance(kind, ProxyType):
            raise ValueError("no class of the other side's")
        base: Any = next((one for one in kind.__mro__ if one in BASES or one in MUTABLE), object)
        value = base.__new__(kind, *map(self.unpack, exact))
        return self._own(value, number, kind.__name__)

    def _own(self, value: Any, number: int, label: str) -> Any:
        self._theirs[number] = value
        ORIGINALS[id(value)] = Original(value, self._side, number, label[:80])
        return value

    def _class(self, kind: type) -> list[Any]:
        """A class, as data; the first time with its parents and what it does otherwise than these."""
        if there := original(kind):
            return ["yours", there.number]
        if self.given.get(kind.__name__) is kind:
            return ["given", kind.__name__]
        if is_plain(kind) and (name := library_name(kind)):
            return ["library", *name]
        if id(kind) in self._mine_by_id:
            return ["class", self._number(kind)]
        number, line = self._number(kind), []
        for parent in kind.__mro__[:-1]:
            if name := library_name(parent):
                line.append(["library", *name])
            elif parent is not kind:
                line.append(self._class(parent))
        return ["class", number, kind.__name__, line, _words(kind)]

    def _class_from(self, number: int, *described: Any) -> Any:
        if number not in self._theirs:
            name, line, words = described
            parents = [self.unpack(parent) for parent in line]
            if not all(isinstance(parent, type) for parent in parents):
                raise ValueError("a class that has no such parent")
            kind = proxy.proxy_class(str(name), parents, [str(word) for word in words])
            self._own(kind, number, str(name))
        return self._theirs[number]

    def _exception(self, error: BaseException) -> list[Any]:
        """An exception, as data: one of the library by value, one of this side's also by number.

        A failed assert of the tests says no more to a program than that.
        """
        error = (
            AssertionError() if self._side.strict and isinstance(error, AssertionError) else error
        )
        own = not library_name(type(error))
        return [
            "raised", self._number(error) if own else None, self._class(type(error)),
            [self.pack(item) for item in error.args],
            {} if own else {word: self.pack(value) for word, value in vars(error).items()},
            error.__cause__ and self.pack(error.__cause__),
        ]  # fmt: skip

    def _exception_from(
        self, number: Any, of: Any, arguments: list[Any], state: dict[str, Any], cause: Any
    ) -> Any:
        if number in self._theirs:
            return self._theirs[number]
        kind, given = self.unpack(of), [self.unpack(item) for item in arguments]
        own = isinstance(kind, ProxyType)
        right = bool(library_name(kind)) if number is None else own
        if not right or not issubclass(kind, BaseException):
            raise ValueError("no exception of the library or of the other side")
        error: Any = kind.__new__(kind, *given)
        if own:
            self._own(error, number, kind.__name__)
        else:
            with contextlib.suppress(TypeError):  # it may want more than it keeps
                error.__init__(*given)
        for word, value in state.items():
            if not word.startswith("_"):
                setattr(error, word, self.unpack(value))
        error.__cause__ = self.unpack(cause)
        return error


def _words(kind: type) -> list[str]:
    """What a class does otherwise than its first parent of Python's own: operators, and overrides."""
    base = next(filter(is_plain, filter(library_name, kind.__mro__)), object)
    names = proxy.KNOWN | ({*dir(base)} if base is not object else set())
    return [
        name
        for name in sorted(names)
        if (name in proxy.KNOWN or not name.startswith("__"))
        and (method := _defined(kind, name)) is not None
        and method is not _defined(base, name)
    ]


def _defined(kind: type, name: str) -> Any:
    """What a class has under a name; a mock's class makes it only when it is got."""
    return next((vars(parent)[name] for parent in kind.__mro__ if name in vars(parent)), None)
