"""Containers that both sides of the pipe have: how each is made, read and written.

They are read and written by the methods of Python's own types, whatever a subclass makes of these.
"""

import array
import collections
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A container that both sides have: how one is read as a list, filled from one, and made."""

    type: type
    read: Callable[[Any], list[Any]]
    fill: Callable[[Any, list[Any]], object]
    clear: Callable[[Any], object]
    head: Callable[[Any], Any] = lambda value: None
    """What `make` needs to know."""
    make: Callable[[Any], Any] | None = None

    def empty(self, head: Any) -> Any:
        """One without content."""
        return self.make(head) if self.make else self.type()

    def write(self, value: Any, items: list[Any]) -> None:
        """Puts `items` in place of what is in it."""
        self.clear(value)
        self.fill(value, items)


@dataclass(slots=True)
class Shared:
    """A container that both sides have."""

    value: Any
    kind: str
    head: Any
    agreed: list[Any]
    """Its content when both sides last agreed."""

    def changed(self) -> bool:
        """Whether it is no longer what both sides agreed on."""
        now = KINDS[self.kind].read(self.value)
        same = operator.eq if self.kind in ("bytearray", "array") else operator.is_
        return len(now) != len(self.agreed) or not all(map(same, now, self.agreed))


def _flat(items: Any) -> list[Any]:
    return [part for pair in items for part in pair]


def _mapping(kind: Any, **more: Any) -> Kind:
    def fill(value: Any, items: list[Any]) -> None:
        for key, item in zip(items[::2], items[1::2], strict=True):
            kind.__setitem__(value, key, item)

    return Kind(kind, lambda v: _flat(kind.items(v)), fill, kind.clear, **more)


KINDS: dict[str, Kind] = {
    "list": Kind(list, lambda v: [*list.__iter__(v)], list.extend, list.clear),
    "Counter": _mapping(collections.Counter),
    "OrderedDict": _mapping(collections.OrderedDict),
    "defaultdict": _mapping(
        collections.defaultdict, head=lambda v: v.default_factory, make=collections.defaultdict
    ),
    "dict": _mapping(dict),
    "set": Kind(set, lambda v: [*set.__iter__(v)], set.update, set.clear),
    "deque": Kind(
        collections.deque, lambda v: [*collections.deque.__iter__(v)], collections.deque.extend,
        collections.deque.clear, lambda v: v.maxlen, lambda n: collections.deque(maxlen=n),
    ),
    "bytearray": Kind(
        bytearray, list, lambda v, items: bytearray.extend(v, items), bytearray.clear
    ),
    "array": Kind(
        array.array, array.array.tolist, array.array.fromlist, lambda v: v.__delitem__(slice(None)),
        lambda v: v.typecode, array.array,
    ),
    "instance": Kind(
        object, lambda v: _flat(vars(v).items()),
        lambda v, items: vars(v).update(zip(items[::2], items[1::2], strict=True)),
        lambda v: vars(v).clear(),
    ),
}  # fmt: skip
"""`instance` is an object of a class that the setup defines on both sides."""
KIND_OF = {kind.type: name for name, kind in KINDS.items() if name != "instance"}
MUTABLE = tuple(KIND_OF)
PARTS: dict[str, tuple[type, Callable[[list[Any]], Any]]] = {
    "tuple": (tuple, tuple),
    "frozenset": (frozenset, frozenset),
    "keys": (type({}.keys()), lambda items: dict.fromkeys(items).keys()),
    "values": (type({}.values()), lambda items: dict(enumerate(items)).values()),
    "items": (type({}.items()), lambda items: dict(items).items()),
}
"""What crosses by its parts, and is made of a list of them."""
BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__pos__,
    float: float.__pos__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda v: bytes.__getitem__(v, slice(None)),
    tuple: lambda v: tuple.__getitem__(v, slice(None)),
    frozenset: lambda v: frozenset.__or__(v, frozenset()),
}
"""Immutable types of which there may be subclasses, and how the plain value is had."""
