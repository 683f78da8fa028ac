"""Containers that both sides of the pipe have: how each is made, read and written.

They are read and written by the methods of Python's own types, whatever a subclass makes of these.
"""

import array
import collections
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A container that both sides have: how one is made, read as a list, and written from one."""

    type: type
    make: Callable[[Any], Any]
    read: Callable[[Any], list[Any]]
    write: Callable[[Any, list[Any]], None]
    head: Callable[[Any], Any] = lambda value: None
    """What `make` needs to know."""


@dataclass(slots=True)
class Shared:
    """A container that both sides have."""

    value: Any
    kind: str
    head: Any
    seen: list[Any]
    """Its content when both sides last agreed."""


def changed(shared: Shared) -> bool:
    """Whether a container is no longer what both sides agreed on."""
    now = KINDS[shared.kind].read(shared.value)
    if shared.kind in ("bytearray", "array"):
        return now != shared.seen
    return len(now) != len(shared.seen) or not all(map(operator.is_, now, shared.seen))


def _flat(items: Iterable[tuple[Any, Any]]) -> list[Any]:
    return [part for pair in items for part in pair]


def _mapping(kind: Any, make: Callable[[Any], Any] | None = None) -> Kind:
    def write(value: Any, items: list[Any]) -> None:
        kind.clear(value)
        for key, item in zip(items[::2], items[1::2], strict=True):
            kind.__setitem__(value, key, item)

    return Kind(kind, make or (lambda _: kind()), lambda v: _flat(kind.items(v)), write)


def _written(value: Any, items: list[Any]) -> None:
    vars(value).clear()
    vars(value).update(zip(items[::2], items[1::2], strict=True))


def _filled(kind: Any, add: str) -> Callable[[Any, list[Any]], None]:
    def write(value: Any, items: list[Any]) -> None:
        kind.clear(value)
        getattr(kind, add)(value, items)

    return write


KINDS: dict[str, Kind] = {
    "list": Kind(list, lambda _: [], lambda v: [*list.__iter__(v)], _filled(list, "extend")),
    "Counter": _mapping(collections.Counter),
    "OrderedDict": _mapping(collections.OrderedDict),
    "defaultdict": _mapping(collections.defaultdict, collections.defaultdict),
    "dict": _mapping(dict),
    "set": Kind(set, lambda _: set(), lambda v: [*set.__iter__(v)], _filled(set, "update")),
    "deque": Kind(collections.deque, lambda n: collections.deque(maxlen=n),
                  lambda v: [*collections.deque.__iter__(v)], _filled(collections.deque, "extend"),
                  lambda v: v.maxlen),
    "bytearray": Kind(bytearray, lambda _: bytearray(), lambda v: [bytes(v)],
                      lambda v, items: bytearray.__setitem__(v, slice(None), items[0])),
    "array": Kind(array.array, lambda code: array.array(code), lambda v: v.tolist(),
                  lambda v, items: v.__setitem__(slice(None), array.array(v.typecode, items)),
                  lambda v: v.typecode),
    "instance": Kind(object, lambda _: object(), lambda v: _flat(vars(v).items()), _written),
}  # fmt: skip
KINDS["defaultdict"] = replace(KINDS["defaultdict"], head=lambda v: v.default_factory)
KIND_OF = {kind.type: name for name, kind in KINDS.items() if name != "instance"}
MUTABLE = tuple(KIND_OF)
PARTS: dict[str, tuple[type, Callable[[list[Any]], Any]]] = {
    "tuple": (tuple, tuple),
    "frozenset": (frozenset, frozenset),
    "keys": (type({}.keys()), lambda items: dict.fromkeys(items).keys()),
    "values": (type({}.values()), lambda items: dict(enumerate(items)).values()),
    "items": (type({}.items()), lambda items: dict(items).items()),
}
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
