"""What stands here for an object that lives in the other process.

Each class of the other side has a class here, of the same name and with the same parents, that has
those operators that the class over there has. So `isinstance`, `except`, `with`, `for` and `+` find
what they would find there, and hand it on. An instance that is a number, a text or a container as well
(`IntEnum`, a named tuple, a `list` with methods of its own) is one here, too, and compares as one.

Where the tests' side hands an operator on, its other operand goes along. That is allowed with two
objects of the program's, and where the tests made the object themselves from a class that they use
as a class. Otherwise (`f(2) == 4`) the program would be told what is expected, or say itself that it
is right: `Skipped`, so that nothing is judged.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol


class Skipped(BaseException):
    """This side cannot put the test to any program: the test's fault, not the student's.

    No `Exception`, so that a test that catches those does not hide it.
    """

    first = ""
    """What the first one said: a test may catch even this."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        Skipped.first = Skipped.first or words


class Asks(Protocol):
    """An end of the pipe, as far as it is needed here."""

    strict: bool
    """Whether this is the tests' side."""
    meant: frozenset[str]
    """Names of classes that the tests use as classes."""

    def ask(self, do: str, on: Any, *arguments: Any, **named: Any) -> Any:
        """What comes of one operation on an object over there."""

    def attribute(self, on: Any, name: str) -> Any:
        """An attribute of an object over there."""

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """What an object over there returns."""


@dataclass(slots=True)
class Owner:
    """Where the original of a stand-in is."""

    stand_in: Any
    """Kept, so that its `id` stays its own."""
    side: Asks
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


class Remote:
    """What all stand-ins for objects can do."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        found = OWNERS.get(id(self))
        if found is None:
            raise AttributeError(name)
        return found.side.attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        found = OWNERS.get(id(self))
        if found is None or name.startswith("__"):
            object.__setattr__(self, name, value)
        else:
            found.side.ask("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        OWNERS[id(self)].side.ask("delete", self, name)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return OWNERS[id(self)].side.attribute(self, "__dict__")

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return OWNERS[id(self)].side.attribute(self, "__doc__")

    def __dir__(self) -> Any:
        return OWNERS[id(self)].side.ask("names", self)

    def __repr__(self) -> str:
        return str(OWNERS[id(self)].side.ask("special", self, "__repr__"))

    def __copy__(self) -> Any:
        return OWNERS[id(self)].side.ask("copy", self, False)

    def __deepcopy__(self, memo: Any) -> Any:
        return OWNERS[id(self)].side.ask("copy", self, True)


class RemoteType(type):
    """Class of the classes that stand for one over there, made by `stand_in_class`."""

    def __new__(cls, name: str, bases: Any, namespace: Any, **_: Any) -> "RemoteType":
        """Refuses what a `class` statement of the tests wants."""
        raise Skipped(f"it derives {name} from a class of the program's")

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """An instance, made over there."""
        mine = OWNERS[id(cls)]
        made = mine.side.call(cls, *arguments, **named)
        if found := OWNERS.get(id(made)):
            found.meant = mine.label in mine.side.meant
        return made

    def __getattr__(cls, name: str) -> Any:
        found = OWNERS.get(id(cls))
        if found is None:
            raise AttributeError(name)
        return found.side.attribute(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        found = OWNERS.get(id(cls))
        if found is None or name.startswith("__"):
            type.__setattr__(cls, name, value)
        else:
            found.side.ask("set", cls, name, value)

    def __iter__(cls) -> Any:
        return OWNERS[id(cls)].side.ask("special", cls, "__iter__")

    def __len__(cls) -> int:
        return int(OWNERS[id(cls)].side.ask("special", cls, "__len__"))

    def __bool__(cls) -> bool:
        return True

    def __getitem__(cls, key: Any) -> Any:
        return OWNERS[id(cls)].side.ask("special", cls, "__getitem__", key)

    def __contains__(cls, item: Any) -> bool:
        return bool(_handed(cls, "__contains__", item))


def stand_in_class(name: str, bases: tuple[type, ...], dunders: list[str]) -> RemoteType:
    """A class that hands on `dunders`, and other names that would hide those of the other side."""
    namespace: dict[str, Any] = {"__module__": "solution", "__slots__": ()}
    namespace["__doc__"] = vars(Remote)["__doc__"]
    for word in dunders:
        if word == "__await__":
            namespace[word] = lambda self: _awaited(self).__await__()
        elif word == ALIKE:
            namespace["__eq__"] = _alike
        elif word in _OPERATORS:
            namespace[word] = _operator(word)
        elif word in _SPECIAL:
            namespace[word] = _special(word)
        elif not word.startswith("__"):
            namespace[word] = property(partial(_attribute, name=word))
    if not any(issubclass(base, Remote) for base in bases):
        bases = (*(base for base in bases if base is not object), Remote)
        namespace.setdefault("__repr__", Remote.__repr__)
    if any(issubclass(base, BaseException) for base in bases):
        namespace.pop("__repr__")
    try:
        return type.__new__(RemoteType, name, bases, namespace)
    except TypeError:  # a layout that cannot be had here
        return type.__new__(RemoteType, name, (Remote,), namespace)


def generator(side: Asks, number: int) -> Generator[Any, Any, Any]:
    """A generator that stands for one over there."""
    how, value = "send", None
    while True:
        try:
            item = side.ask("step", None, number, how, value)
        except StopIteration as end:
            return end.value
        try:
            how, value = "send", (yield item)
        except GeneratorExit:
            raise  # perhaps in the midst of another message
        except BaseException as error:
            how, value = "throw", error


async def awaited(side: Asks, number: int) -> Any:
    """A coroutine that stands for one over there, which runs there to its end."""
    return side.ask("run", None, number)


async def _awaited(waits: Any) -> Any:
    found = OWNERS[id(waits)]
    return await awaited(found.side, found.number)


def _handed(self: Any, name: str, *arguments: Any) -> Any:
    """What an operator gives over there."""
    mine = OWNERS[id(self)]
    mixed = not all(owner(other) for other in arguments)
    if mine.side.strict and mixed and not mine.meant:
        if name in ("__eq__", "__ne__") and arguments[0] is None:
            return NotImplemented
        raise Skipped(f"it uses {name} of {mine.label}, an object of the program's, on other data")
    result = mine.side.ask("special", self, name, *arguments)
    if found := OWNERS.get(id(result)):
        found.meant = mine.meant
    return result


def _attribute(self: Any, name: str) -> Any:
    return OWNERS[id(self)].side.attribute(self, name)


def _alike(self: Any, other: object) -> Any:
    return _handed(self, "__eq__", other) if owner(other) else NotImplemented


def _operator(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: _handed(self, name, *arguments)


def _special(name: str) -> Callable[..., Any]:
    if name == "__call__":
        return lambda self, *given, **named: OWNERS[id(self)].side.call(self, *given, **named)
    return lambda self, *given: OWNERS[id(self)].side.ask("special", self, name, *given)


def _words(text: str) -> frozenset[str]:
    return frozenset(f"__{word}__" for word in text.split())


_ARITHMETIC = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift"
_OPERATORS = _words(
    f"eq ne lt le gt ge contains {_ARITHMETIC} r{_ARITHMETIC.replace(' ', ' r')}"
    f" i{_ARITHMETIC.replace(' ', ' i')}"
)
"""Operators whose other operand may be what is expected."""
_SPECIAL = _words(
    "call len length_hint bool int float complex index abs neg pos invert round trunc floor ceil hash"
    " repr str bytes format iter next reversed getitem setitem delitem enter exit"
    " aenter aexit aiter anext fspath"
)
"""Other operators: what they are given are arguments, as of a call."""
ALIKE = "__eq__ with its own kind"
"""Stands for an `__eq__` that says of all other data that it is not equal, as a data class has it."""
KNOWN = _SPECIAL | _OPERATORS | {"__await__"}
"""All that a stand-in may hand on."""
ATTRIBUTES = _words(
    "name qualname doc module annotations wrapped dict self defaults kwdefaults members"
    " dataclass_fields dataclass_params match_args slots cause context notes code func closure"
)
"""Attributes in double underscores that may be asked for."""
