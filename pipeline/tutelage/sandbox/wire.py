"""Messages between the process of a program and the process of its tests, and plain values in them.

A plain value is a number, a text, a date and the like, of Python's own types: it crosses as JSON, and
whoever reads gets a new object of that type and nothing else. What has parts or behaviour is
`endpoint`'s.

    7, "a", None   as in JSON         2**80   {"int": "0x..."}
    len            {"builtin": ["builtins", "len"]}
"""

import datetime
import decimal
import fractions
import importlib
import json
import os
import select
import time
import types
import uuid
from collections.abc import Callable
from typing import Any


class Broken(BaseException):
    """The other side is gone, or sends what cannot be read. `fate` says which, in a word or two.

    No `Exception`, so that a test that catches those does not hide it.
    """


class Pipe:
    """Messages, each a JSON text after its length in four bytes, over two file descriptors."""

    def __init__(self, source: int, sink: int, largest: int) -> None:
        self._source, self._sink, self._largest = source, sink, largest
        os.set_blocking(sink, False)
        self.deadline = 0.0
        """`time.monotonic()` at which waiting ends; 0 for never."""
        self.fate = ""
        """How it came to be broken, if it is."""

    def broken(self, fate: str) -> Broken:
        """What to raise."""
        self.fate = self.fate or fate
        return Broken(fate)

    def send(self, message: object) -> None:
        """Sends one message.

        Raises:
            Broken: nobody reads any more.
        """
        data = json.dumps(message).encode()
        view = memoryview(len(data).to_bytes(4, "big") + data)
        while view:
            self._wait(self._sink, select.POLLOUT)
            try:
                view = view[os.write(self._sink, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self.broken("ended") from None

    def receive(self) -> Any:
        """The next message.

        Raises:
            Broken: `ended`, `timeout`, `output` (too long) or `garbled`.
        """
        size = int.from_bytes(self._read(4), "big")
        if size > self._largest:
            raise self.broken("output")
        try:
            return json.loads(self._read(size))
        except (ValueError, RecursionError, MemoryError):
            raise self.broken("garbled") from None

    def _read(self, size: int) -> bytes:
        blocks = bytearray()
        while len(blocks) < size:
            self._wait(self._source, select.POLLIN)
            block = os.read(self._source, min(size - len(blocks), 1 << 20))
            if not block:
                raise self.broken("ended")
            blocks += block
        return bytes(blocks)

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = max(0.0, self.deadline - time.monotonic()) * 1000 if self.deadline else None
        if not poll.poll(left):
            raise self.broken("timeout")


def scalar(value: Any) -> Any:
    """A plain value as JSON; `NotPlain` where it is none."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if abs(value) < 2**53 else {"int": hex(value)}
    if kind is float and value - value == 0:
        return value
    for name, (type_, put, _) in _SCALARS.items():
        if kind is type_:
            return {name: put(value)} if name != "module" or put(value) in MODULES else NotPlain
    if id(value) in _CONSTANTS:
        return {"constant": _CONSTANTS[id(value)]}
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
    if name in _SCALARS:
        return _SCALARS[name][2](body)
    if name == "constant":
        return {word: value for value, word in _NAMED}[body]
    if name == "builtin":
        value = _named(str(body[0]), str(body[1])) if body[0] in MODULES else None
        if not isinstance(value, type | types.BuiltinFunctionType):
            raise ValueError("no class or function of the library")
        return value
    return NotPlain


def _named(module: str, name: str) -> Any:
    """What a module of the library calls by that name."""
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


NotPlain = object()
"""Stands for the lack of a plain value."""
_LIBRARY = """
    abc array asyncio asyncio.exceptions binascii bisect builtins calendar cmath collections
    collections.abc configparser copy csv dataclasses datetime decimal enum fractions functools
    heapq io ipaddress itertools json json.decoder math numbers operator pathlib queue random re
    shlex statistics string struct textwrap threading time types typing uuid zlib
"""
MODULES = frozenset(_LIBRARY.split())
"""Modules whose classes and functions are the same on both sides, and cross by name."""
_NAMED = ((Ellipsis, "Ellipsis"), (NotImplemented, "NotImplemented"))
_CONSTANTS = {id(value): name for value, name in _NAMED}
_SCALARS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
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
    "module": (types.ModuleType, lambda v: v.__name__, lambda b: _module(str(b))),
}  # fmt: skip


def _module(name: str) -> Any:
    if name not in MODULES:
        raise ValueError("no module of the library")
    return importlib.import_module(name)
