"""What stands here for an object that lives in the other process.

Each class of the other side has a proxy here, of the same name, line of parents and operators, which
it hands on. So `isinstance`, `except`, `with`, `for` and `+` find what they would find there. An
instance that is a number, a text or a container as well (`IntEnum`, a named tuple, a `list` with
methods of its own) is one here, too, and compares as one.

Where the tests' side hands an operator on, its other operand goes along. That is allowed with two
objects of the program's, and where the tests made the object themselves, of what is named like a
class, if they also use it as one: they take an attribute, or its text (`str(Clock(8, 0))`), or
compare what an operator makes of two objects with a third. Otherwise (`f(2) == 4`) the program would
be told what is expected, or say itself that it is right: `Skipped`, so that nothing is judged.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutelage.sandbox.plain import BASES, MUTABLE

if TYPE_CHECKING:
    from tutelage.sandbox.endpoint import Endpoint


class Skipped(BaseException):
    """This side cannot put the test to any program: the test's fault, not the student's.

    No `Exception`, so that a test that catches those does not hide it.
    """

    first = ""
    """What the first one said: a test may catch even this."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        Skipped.first = Skipped.first or words


@dataclass(slots=True)
class Original:
    """Where the original of a proxy is."""

    proxy: Any
    """Kept, so that its `id` stays its own."""
    side: "Endpoint"
    number: int
    label: str
    """What a failure calls it."""
    meant: bool = False
    """Whether the tests made it, from what has the name of a class."""
    worked_out: bool = False
    """Whether an operator on objects of the program's made it."""


ORIGINALS: dict[int, Original] = {}
"""By the `id` of the proxy, which may not be hashable."""


def original(value: Any) -> Original | None:
    """Where the original of `value` is, if it is a proxy."""
    return ORIGINALS.get(id(value))


def _get(self: Any, name: str) -> Any:
    if (there := original(self)) is None:
        raise AttributeError(name)
    return there.side.attribute(self, name)


def _ask(self: Any, do: str, *arguments: Any) -> Any:
    there = ORIGINALS[id(self)]
    return there.side.ask(do, there.number, *arguments)


def _own(self: Any) -> Any:
    """Python's own class of a proxy."""
    return type if issubclass(type(self), type) else object


def _there(name: str) -> Any:
    """An attribute that Python would have here as well, but not the right one."""
    return property(lambda self: _get(self, name))


class _Shown:
    """Attributes of a proxy, be it of an object or of a class: those of the original, but for those
    that Python itself looks at."""

    __slots__ = ()
    __local__: frozenset[str] = frozenset()
    """Others that are had here, as those of a list."""
    __getattr__ = _get

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") or id(self) not in ORIGINALS or name in type(self).__local__:
            return _own(self).__getattribute__(self, name)
        return _get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__") or id(self) not in ORIGINALS:
            _own(self).__setattr__(self, name, value)
        else:
            _ask(self, "attribute", "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "attribute", "delattr", name)

    def __dir__(self) -> Any:
        return _ask(self, "names")


class Proxy(_Shown):
    """What all proxies of objects can do."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """What a parent of the library would do here, it has done over there."""

    def __repr__(self) -> str:
        return str(_ask(self, "special", "__repr__")) if original(self) else super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        if ORIGINALS[id(self)].side.strict:
            raise Skipped("a test copies or pickles an object of the program's")
        raise TypeError("not for programs")


class ProxyType(_Shown, type):
    """Class of the proxies of classes, made by `proxy_class`."""

    line: list[type] | None = None
    """Parents of the class that is being made, as they stand over there."""
    __bases__ = _there("__bases__")
    __doc__ = _there("__doc__")
    __annotations__ = _there("__annotations__")

    def __new__(cls, name: str, bases: Any, namespace: Any, **_: Any) -> "ProxyType":
        """Refuses what a `class` statement of the tests wants."""
        raise Skipped(f"it derives {name} from a class of the program's")

    def mro(cls) -> list[type]:
        """Its line of parents, which need not be Python's own reckoning."""
        return super().mro() if ProxyType.line is None else [cls, *ProxyType.line]

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """An instance, made over there."""
        mine = ORIGINALS[id(cls)]
        instance = mine.side.call(cls, *arguments, **named)
        if there := original(instance):
            there.meant = bool(_CLASS_NAME.fullmatch(mine.label))
        return instance

    def __instancecheck__(cls, instance: Any) -> bool:
        """Of its objects, its own class may say so otherwise than by their line of parents."""
        if mine := original(cls):
            mine.side.proven.add(cls.__name__)
        own = super().__instancecheck__(instance)
        return own or bool(mine and original(instance) and _ask(cls, "isinstance", instance))

    @property
    def __mro__(cls) -> tuple[type, ...]:
        line = type.__dict__["__mro__"].__get__(cls)
        return tuple(kind for kind in line if kind not in (Proxy, _Shown))

    def __bool__(cls) -> bool:
        return True


def proxy_class(name: str, line: list[type], words: list[str]) -> ProxyType:
    """A class that hands `words` on.

    Args:
        name: of the class over there.
        line: its parents over there, near ones first: proxies, and classes of the library.
        words: names of what it does otherwise than its parents of the library.
    """
    library = [kind for kind in line if not isinstance(kind, ProxyType)]
    plain = next((kind for kind in library if is_plain(kind)), object)
    local = frozenset(dir(plain) if plain is not object else ()) - {*words}
    namespace: dict[str, Any] = {"__module__": "solution", "__local__": local}
    namespace |= {word: _there(word) for word in ("__dict__", "__doc__", "__annotations__")}
    namespace |= {word: _method(word) for word in words if word in KNOWN}
    if {"__iter__", "__len__"} <= {*words}:
        namespace["__iter__"] = _iterated
    for parent in library:  # what the original does not do, though a parent would
        if parent not in plain.__mro__:
            silent = KNOWN.intersection(vars(parent)).difference(namespace)
            namespace |= {word: getattr(plain, word, None) for word in silent}
    ours = [kind for kind in line if isinstance(kind, ProxyType)]
    near = next(kind for kind in (*ours, *library, object) if issubclass(kind, plain))
    bases = (Proxy,) if plain is object else (near,) if near in ours else (near, Proxy)
    of: Any = type(bases[0])
    if not issubclass(of, ProxyType):  # such as that of enums
        of = ProxyType if of is type else type("ProxyType", (ProxyType, of), {})
    for parents in (library, plain.__mro__):
        inherited = [kind for kind in parents if kind is not object]
        ProxyType.line = [*ours, Proxy, _Shown, *inherited, object]
        try:
            kind: ProxyType = type.__new__(of, name, bases, dict(namespace))
            return kind
        except TypeError:  # a layout that cannot be had here: it only says that it is one
            if library:
                namespace["__class__"] = property(lambda _: library[0])
            bases = (Proxy,) if plain is object else (plain, Proxy)
        finally:
            ProxyType.line = None
    return type.__new__(ProxyType, name, (Proxy,), namespace)


def is_plain(kind: Any) -> bool:
    """Whether a class of the library is what an instance can be here as well."""
    return kind in (*BASES, *MUTABLE) or (
        isinstance(kind, type) and issubclass(kind, BaseException)
    )


def generator(side: "Endpoint", number: int) -> Generator[Any, Any, Any]:
    """A generator that stands for one over there."""
    how, value = "send", None
    while True:
        try:
            item = side.ask("special", number, how, value)
        except StopIteration as end:
            return end.value
        try:
            how, value = "send", (yield item)
        except GeneratorExit:
            side.ask("special", number, "close")
            raise
        except BaseException as error:
            how, value = "throw", error


async def awaited(side: "Endpoint", number: int) -> Any:
    """A coroutine that stands for one over there, which runs there to its end."""
    return side.ask("run", number)


def _method(name: str) -> Callable[..., Any]:
    """What hands one operator on."""
    if name == "__await__":
        return lambda self: awaited(
            ORIGINALS[id(self)].side, ORIGINALS[id(self)].number
        ).__await__()
    if name == "__call__":
        return lambda self, *given, **named: ORIGINALS[id(self)].side.call(self, *given, **named)
    if name in _OPERATORS:
        return lambda self, *given: _handed(self, name, *given)
    return lambda self, *given: _ask(self, "special", name, *given)


def _handed(self: Any, name: str, *arguments: Any) -> Any:
    """What an operator gives over there."""
    mine = ORIGINALS[id(self)]
    foreign = mine.side.strict and not all(map(original, arguments))
    if foreign and not mine.meant:
        if name in ("__eq__", "__ne__") and arguments[0] is None:
            return NotImplemented
        raise Skipped(f"it uses {name} of {mine.label}, an object of the program's, on other data")
    result = _ask(self, "special", name, *arguments)
    if there := original(result):
        there.meant, there.worked_out = mine.meant, not foreign
    if foreign:
        mine.side.trusted.add(type(self).__name__)
    elif name == "__eq__" and any(ORIGINALS[id(one)].worked_out for one in (self, *arguments)):
        mine.side.proven.add(type(self).__name__)
    return result


def _iterated(self: Any) -> Any:
    """Its iterator. One that ends before its length says might pass a test of item by item."""
    mine, items = ORIGINALS[id(self)], _ask(self, "special", "__iter__")

    def counted() -> Iterator[Any]:
        number = 0
        for item in items:
            number += 1
            yield item
        if number != len(self):
            raise Skipped(f"{mine.label} has not as many items as it says")

    return counted() if mine.side.strict and not mine.meant else items


def _dunders(text: str) -> frozenset[str]:
    return frozenset(f"__{word}__" for word in text.split())


_CLASS_NAME = re.compile(r"[A-Z][\w.]*")
_BINARY = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift"
_OPERATORS = _dunders(
    f"eq ne lt le gt ge contains {_BINARY} {_BINARY} r{_BINARY.replace(' ', ' r')}"
    f" i{_BINARY.replace(' ', ' i')}"
)
"""Operators whose other operand may be what is expected."""
KNOWN = _OPERATORS | _dunders(
    "call len length_hint bool int float complex index abs neg pos invert round trunc floor ceil hash"
    " repr str bytes format iter next reversed getitem setitem delitem enter exit"
    " aenter aexit aiter anext fspath await missing"
)
"""All that a proxy may hand on; what the others are given are arguments, as of a call."""
for _name in ("__iter__", "__len__", "__getitem__", "__contains__"):
    setattr(ProxyType, _name, _method(_name))  # such as enums have
