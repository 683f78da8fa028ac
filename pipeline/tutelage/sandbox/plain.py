"""Values of Python's own types: what both sides of the pipe can have, each its own.

Whoever reads gets a new object of that type and nothing else; classes, functions and modules of the
library cross by name. Containers that can be changed are read and written by the methods of Python's
own types, whatever a subclass makes of these. What has behaviour of its own is `values`' work.
"""

import collections
import contextlib
import datetime
import decimal
import fractions
import ipaddress
import operator
import pathlib
import pkgutil
import types
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_LIBRARY = """
    abc array asyncio asyncio.exceptions binascii bisect builtins calendar cmath collections
    collections.abc configparser copy csv dataclasses datetime decimal enum fractions functools
    heapq io ipaddress itertools json json.decoder math numbers operator pathlib queue random re
    shlex statistics string struct textwrap threading time types typing uuid zlib
"""
MODULES = frozenset(_LIBRARY.split())
"""Modules whose classes and functions are the same on both sides, and cross by name."""


def library_name(value: Any) -> list[str] | None:
    """Module and name of what is of the library, and is called by a name there; else None."""
    if isinstance(value, types.ModuleType):
        return [value.__name__, ""] if value.__name__ in MODULES else None
    if not isinstance(value, _NAMED):
        return None
    module = getattr(value, "__module__", None) or "builtins"
    name = getattr(value, "__qualname__", repr(value))
    return [module, name] if module in MODULES and _called(module, name) is value else None


def library(module: str, name: str) -> Any:
    """What `library_name` names.

    Raises:
        ValueError, AttributeError: there is nothing that may be named.
    """
    value = _called(module, name) if module in MODULES else None
    if not isinstance(value, _NAMED if name else types.ModuleType):
        raise ValueError("not of the library")
    return value


def _called(module: str, name: str) -> Any:
    with contextlib.suppress(AttributeError, ValueError):
        return pkgutil.resolve_name(f"{module}:{name}")


def is_json(value: Any) -> bool:
    """Whether a value crosses as it is."""
    kind = type(value)
    return kind in (str, float, bool, types.NoneType) or (kind is int and abs(value) < 2**53)


_NAMED = (type, types.BuiltinFunctionType, types.EllipsisType, types.NotImplementedType)
_REDUCED = (
    range, slice, decimal.Decimal, fractions.Fraction, datetime.date, datetime.time,
    datetime.datetime, datetime.timedelta, datetime.timezone, pathlib.PosixPath,
    ipaddress.IPv4Address, ipaddress.IPv6Address,
)  # fmt: skip
_FIXED: dict[type, tuple[Callable[[Any], Iterable[Any]], Callable[..., Any]]] = {
    int: (lambda value: (hex(value),), lambda text: int(text, 16)),
    bytes: (lambda value: (value.hex(),), bytes.fromhex),
    tuple: (iter, lambda *items: items),
    frozenset: (iter, lambda *items: frozenset(items)),
    type({}.keys()): (iter, lambda *items: dict.fromkeys(items).keys()),
    type({}.values()): (iter, lambda *items: dict(enumerate(items)).values()),
    type({}.items()): (iter, lambda *items: dict(items).items()),
    complex: (lambda value: (value.real, value.imag), complex),
    uuid.UUID: (lambda value: (value.hex,), uuid.UUID),
    **{kind: (lambda value: value.__reduce__()[1], kind) for kind in _REDUCED},
}
PARTS = {kind: parts for kind, (parts, _) in _FIXED.items()}
"""What says of a value that cannot be changed what it is made of."""
MUTABLE: tuple[type, ...] = (
    list, collections.Counter, collections.OrderedDict, collections.defaultdict, dict, set,
    collections.deque, bytearray,
)  # fmt: skip
_EMPTY: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    collections.defaultdict: lambda value: (value.default_factory,),
    collections.deque: lambda value: ((), value.maxlen),
}
MAKERS = {kind.__name__: make for kind, (_, make) in _FIXED.items()}
MAKERS |= {kind.__name__: kind for kind in MUTABLE}
"""What makes a value of its parts, and an empty container of what it needs, by the type's name."""
BASES: tuple[Any, ...] = (int, float, complex, str, bytes, tuple, frozenset)
"""Immutable types of which there may be subclasses."""


def exact(value: Any, base: Any) -> tuple[Any, ...]:
    """What `base.__new__` makes an instance of a subclass of `base` of."""
    arguments = base.__reduce__(value)[1] if base is frozenset else base.__getnewargs__(value)
    return tuple(arguments)


def empty_of(value: Any) -> tuple[Any, ...]:
    """What an empty container like `value` needs."""
    return _EMPTY.get(type(value), lambda _: ())(value)


@dataclass(slots=True)
class Shared:
    """A container that both sides have, or an object of a class that the setup defines on both."""

    value: Any
    empty: Any
    """How the other side makes an empty one, as data."""
    agreed: list[Any] | None = None
    """Its content when both sides last agreed; None for one that the other side has not got yet."""

    def read(self) -> list[Any]:
        """Its items; keys and values in turn."""
        kind, inner = self._inner()
        if issubclass(kind, dict):
            return [part for pair in kind.items(inner) for part in pair]
        return [*kind.__iter__(inner)]

    def write(self, items: list[Any]) -> None:
        """Puts `items` in place of what is in it, and agrees on them."""
        kind, inner = self._inner()
        kind.clear(inner)
        if issubclass(kind, dict):
            for key, item in zip(items[::2], items[1::2], strict=True):
                kind.__setitem__(inner, key, item)
        else:
            getattr(kind, "update" if kind is set else "extend")(inner, items)
        self.agreed = self.read()

    def changed(self) -> bool:
        """Whether it is no longer what both sides agreed on."""
        if self.agreed is None:
            return True
        now = self.read()
        same = operator.eq if isinstance(self.value, bytearray) else operator.is_
        return len(now) != len(self.agreed) or not all(map(same, now, self.agreed))

    def _inner(self) -> tuple[Any, Any]:
        """Python's own type of it, and itself; of an object its dictionary."""
        kind = next((kind for kind in MUTABLE if isinstance(self.value, kind)), None)
        return (kind, self.value) if kind else (dict, vars(self.value))
