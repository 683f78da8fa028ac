"""Plain values as JSON: numbers, texts, dates and the like, of Python's own types.

Whoever reads gets a new object of that type and nothing else; classes, functions and modules of the
library cross by name. What has parts or behaviour of its own is `values`' work.

    7, "a", None   as in JSON         2**80   {"int": "0x..."}
    len            {"builtin": ["builtins", "len"]}
"""

import datetime
import decimal
import fractions
import importlib
import types
import uuid
from collections.abc import Callable
from typing import Any

NotPlain = object()
"""Stands for the lack of a plain value."""


def scalar(value: Any) -> Any:
    """A plain value as JSON; `NotPlain` where it is none."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if (kind is int and abs(value) < 2**53) or (kind is float and value - value == 0):
        return value
    if kind in _NAMES:
        return {_NAMES[kind]: _TYPES[_NAMES[kind]][1](value)}
    if value is Ellipsis or value is NotImplemented:
        return {"constant": repr(value)}
    if kind is types.ModuleType:
        return {"module": value.__name__} if value.__name__ in MODULES else NotPlain
    if isinstance(value, type | types.BuiltinFunctionType):
        module, name = getattr(value, "__module__", None), value.__qualname__
        if module in MODULES and _named(str(module), name) is value:
            return {"builtin": [module, name]}
    return NotPlain


def plain(name: str, body: Any) -> Any:
    """The plain value that `{name: body}` stands for; `NotPlain` where it stands for none.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, ArithmeticError: it is malformed.
    """
    if name in _TYPES:
        return _TYPES[name][2](body)
    if name == "constant":
        return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[body]
    if name in ("module", "builtin"):
        module, path = (body, "") if name == "module" else body
        value = _named(str(module), str(path)) if module in MODULES else None
        if not isinstance(
            value, types.ModuleType if not path else type | types.BuiltinFunctionType
        ):
            raise ValueError("not of the library")
        return value
    return NotPlain


def _named(module: str, path: str) -> Any:
    """What a module of the library calls by that name; the module itself where the name is empty."""
    value: Any = importlib.import_module(module)
    for part in path.split(".") if path else ():
        value = getattr(value, part, None)
    return value


_LIBRARY = """
    abc array asyncio asyncio.exceptions binascii bisect builtins calendar cmath collections
    collections.abc configparser copy csv dataclasses datetime decimal enum fractions functools
    heapq io ipaddress itertools json json.decoder math numbers operator pathlib queue random re
    shlex statistics string struct textwrap threading time types typing uuid zlib
"""
MODULES = frozenset(_LIBRARY.split())
"""Modules whose classes and functions are the same on both sides, and cross by name."""
_TYPES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "int": (int, hex, lambda text: int(text, 16)),
    "float": (float, repr, float),
    "complex": (complex, lambda v: [repr(v.real), repr(v.imag)], lambda b: complex(*map(float, b))),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "range": (range, lambda v: [hex(n) for n in (v.start, v.stop, v.step)],
              lambda b: range(*[int(n, 16) for n in b])),
    "slice": (slice, lambda v: [v.start, v.stop, v.step], lambda b: slice(*b)),
    "Decimal": (decimal.Decimal, str, decimal.Decimal),
    "Fraction": (fractions.Fraction, lambda v: [hex(v.numerator), hex(v.denominator)],
                 lambda b: fractions.Fraction(int(b[0], 16), int(b[1], 16))),
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "timedelta": (datetime.timedelta, lambda v: [v.days, v.seconds, v.microseconds],
                  lambda b: datetime.timedelta(*b)),
    "timezone": (datetime.timezone, lambda v: v.utcoffset(None).total_seconds(),
                 lambda b: datetime.timezone(datetime.timedelta(seconds=b))),
    "UUID": (uuid.UUID, str, uuid.UUID),
}  # fmt: skip
"""Name, type, how one is written as JSON, how it is read."""
_NAMES = {kind: name for name, (kind, _, _) in _TYPES.items()}
