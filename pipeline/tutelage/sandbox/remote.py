"""What stands here for an object that lives in the other process.

Each class of the other side has one here, of the same name, line of parents and operators, which it
hands on. So `isinstance`, `except`, `with`, `for` and `+` find what they would find there. An instance
that is a number, a text or a container as well (`IntEnum`, a named tuple, a `list` with methods of its
own) is one here, too, and compares as one.

Where the tests' side hands an operator on, its other operand goes along. That is allowed with two
objects of the program's, and where the tests made the object themselves from a class that they use
as a class. Otherwise (`f(2) == 4`) the program would be told what is expected, or say itself that it
is right: `Skipped`, so that nothing is judged.
"""

from collections.abc import Callable, Generator
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
class Owner:
    """Where the original of a stand-in is."""

    stand_in: Any
    """Kept, so that its `id` stays its own."""
    side: "Endpoint"
    number: int
    label: str
    """What a failure calls it."""
    meant: bool = False
    """Whether the tests made it, from a class that they use as one."""


OWNERS: dict[int, Owner] = {}
"""By the `id` of the stand-in, which may not be hashable."""


def owner(value: Any) -> Owner | None:
    """Where the original of `value` is, if it is a stand-in."""
    return OWNERS.get(id(value))


def _get(self: Any, name: str) -> Any:
    if (original := OWNERS.get(id(self))) is None:
        raise AttributeError(name)
    return original.side.attribute(self, name)


def _ask(self: Any, do: str, *arguments: Any) -> Any:
    return OWNERS[id(self)].side.ask(do, self, *arguments)


def _own(self: Any) -> Any:
    """Python's own class of a stand-in."""
    return type if issubclass(type(self), type) else object


def _there(name: str) -> Any:
    """An attribute that Python would have here as well, but not the right one."""
    return property(lambda self: _get(self, name))


class _Shown:
    """Attributes of a stand-in, be it for an object or for a class: of the original, but for those
    that Python itself looks at."""

    __slots__ = ()
    __local__: frozenset[str] = frozenset()
    """Others that are had here, as those of a list."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") or id(self) not in OWNERS or name in type(self).__local__:
            return _own(self).__getattribute__(self, name)
        return _get(self, name)

    def __getattr__(self, name: str) -> Any:
        return _get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__") or id(self) not in OWNERS:
            _own(self).__setattr__(self, name, value)
        else:
            _ask(self, "attribute", "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "attribute", "delattr", name)

    def __dir__(self) -> Any:
        return _ask(self, "names")


class Remote(_Shown):
    """What all stand-ins for objects can do."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """What a parent of the library would do here, it has done over there."""

    def __repr__(self) -> str:
        return str(_ask(self, "special", "__repr__")) if owner(self) else super().__repr__()

    def __copy__(self) -> Any:
        return OWNERS[id(self)].side.ask("library", None, "copy", "copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return OWNERS[id(self)].side.ask("library", None, "copy", "deepcopy", self)


class RemoteType(_Shown, type):
    """Class of the classes that stand for one over there, made by `stand_in_class`."""

    line: list[type] | None = None
    """Parents of the class that is being made, as they stand over there."""
    __bases__ = _there("__bases__")
    __doc__ = _there("__doc__")

    def __new__(cls, name: str, bases: Any, namespace: Any, **_: Any) -> "RemoteType":
        """Refuses what a `class` statement of the tests wants."""
        raise Skipped(f"it derives {name} from a class of the program's")

    def mro(cls) -> list[type]:
        """Its line of parents, which need not be Python's own reckoning."""
        return super().mro() if RemoteType.line is None else [cls, *RemoteType.line]

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """An instance, made over there."""
        mine = OWNERS[id(cls)]
        instance = mine.side.call(cls, *arguments, **named)
        if original := owner(instance):
            original.meant = mine.label in mine.side.meant
        return instance

    @property
    def __mro__(cls) -> tuple[type, ...]:
        line = type.__dict__["__mro__"].__get__(cls)
        return tuple(kind for kind in line if kind not in (Remote, _Shown))

    def __bool__(cls) -> bool:
        return True


def stand_in_class(name: str, line: list[type], words: list[str]) -> RemoteType:
    """A class that hands `words` on.

    Args:
        name: of the class over there.
        line: its parents over there, near ones first: stand-ins, and classes of the library.
        words: names of what it does otherwise than its parents of the library.
    """
    library = [kind for kind in line if not isinstance(kind, RemoteType)]
    plain = next((kind for kind in library if is_plain(kind)), object)
    local = frozenset(dir(plain) if plain is not object else ()) - {*words}
    namespace: dict[str, Any] = {"__module__": "solution", "__local__": local}
    namespace |= {word: _there(word) for word in ("__dict__", "__doc__")}
    for word in words:
        if word == ALIKE:
            namespace["__eq__"] = _alike
        elif word in KNOWN:
            namespace[word] = _method(word)
    ours = [kind for kind in line if isinstance(kind, RemoteType)]
    near = next(kind for kind in (*ours, *library, object) if issubclass(kind, plain))
    bases = (Remote,) if plain is object else (near,) if near in ours else (near, Remote)
    of: Any = type(bases[0])
    if not issubclass(of, RemoteType):  # such as that of enums
        of = RemoteType if of is type else type("RemoteType", (RemoteType, of), {})
    for parents in (library, plain.__mro__):
        inherited = [kind for kind in parents if kind is not object]
        RemoteType.line = [*ours, Remote, _Shown, *inherited, object]
        try:
            kind: RemoteType = type.__new__(of, name, bases, dict(namespace))
            return kind
        except TypeError:  # a layout that cannot be had here
            bases = (Remote,) if plain is object else (plain, Remote)
        finally:
            RemoteType.line = None
    return type.__new__(RemoteType, name, (Remote,), namespace)


def is_plain(kind: Any) -> bool:
    """Whether a class of the library is what an instance can be here as well."""
    return kind in BASES or kind in MUTABLE or (
        isinstance(kind, type) and issubclass(kind, BaseException)
    )  # fmt: skip


def generator(side: "Endpoint", number: int) -> Generator[Any, Any, Any]:
    """A generator that stands for one over there."""
    how, value = "send", None
    while True:
        try:
            item = side.ask("step", None, number, how, value)
        except StopIteration as end:
            return end.value
        try:
            how, value = "send", (yield item)
        except GeneratorExit as error:
            side.ask("step", None, number, "throw", error)
            raise
        except BaseException as error:
            how, value = "throw", error


async def awaited(side: "Endpoint", number: int) -> Any:
    """A coroutine that stands for one over there, which runs there to its end."""
    return side.ask("run", None, number)


def _method(name: str) -> Callable[..., Any]:
    """What hands one operator on."""
    if name == "__await__":
        return lambda self: awaited(OWNERS[id(self)].side, OWNERS[id(self)].number).__await__()
    if name == "__call__":
        return lambda self, *given, **named: OWNERS[id(self)].side.call(self, *given, **named)
    if name in _OPERATORS:
        return lambda self, *given: _handed(self, name, *given)
    return lambda self, *given: _ask(self, "special", name, *given)


def _handed(self: Any, name: str, *arguments: Any) -> Any:
    """What an operator gives over there."""
    mine = OWNERS[id(self)]
    if mine.side.strict and not mine.meant and not all(map(owner, arguments)):
        if name in ("__eq__", "__ne__") and arguments[0] is None:
            return NotImplemented
        raise Skipped(f"it uses {name} of {mine.label}, an object of the program's, on other data")
    result = mine.side.ask("special", self, name, *arguments)
    if original := owner(result):
        original.meant = mine.meant
    return result


def _alike(self: Any, other: object) -> Any:
    return _handed(self, "__eq__", other) if owner(other) else NotImplemented


def _dunders(text: str) -> frozenset[str]:
    return frozenset(f"__{word}__" for word in text.split())


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
"""All that a stand-in may hand on; what the others are given are arguments, as of a call."""
ALIKE = "__eq__ with its own kind"
"""Stands for an `__eq__` that says of all other data that it is not equal, as a data class has it."""
ATTRIBUTES = _dunders(
    "name qualname doc module annotations wrapped dict self defaults kwdefaults members bases"
    " dataclass_fields dataclass_params match_args slots cause context notes code func closure"
)
"""Attributes in double underscores that may be asked for."""
for _name in ("__iter__", "__len__", "__getitem__", "__contains__"):
    setattr(RemoteType, _name, _method(_name))  # such as enums have
