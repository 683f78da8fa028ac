"""Carries plain data between the process of a program and the process of its tests.

Whoever reads gets new objects of Python's own types and nothing else: numbers, texts, containers,
dates, decimals, instances of classes that both sides were given. Anything else stays where it is
and is named by a number (`Proxy`). So an answer can lie about its value, as any answer can, but it
brings no `__eq__`, no `__class__` and no code of its own to the side that compares.

    7, "a", None   as in JSON         (1, 2)   {"tuple": [1, 2]}
    2**80          {"int": "0x..."}   an object that stays   {"mine": 3}
"""

import array
import collections
import datetime
import decimal
import fractions
import json
import os
import select
import time
from collections.abc import Callable
from typing import Any

DEEPEST = 60
"""Levels of containers in one value."""


class Broken(Exception):
    """The other side is gone, or sends what cannot be read. `fate` says which, in a word or two."""

    def __init__(self, fate: str) -> None:
        super().__init__(fate)
        self.fate = fate


class Unsendable(Exception):
    """A value that this side cannot send."""


class Pipe:
    """Messages, each a JSON text after its length in four bytes, over two file descriptors."""

    def __init__(self, source: int, sink: int, largest: int) -> None:
        self._source, self._sink, self._largest = source, sink, largest
        os.set_blocking(sink, False)
        self.deadline = 0.0
        """`time.monotonic()` at which waiting ends; 0 for never."""

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
                raise Broken("ended") from None

    def receive(self) -> Any:
        """The next message.

        Raises:
            Broken: `ended`, `timeout`, `output` (too long) or `garbled`.
        """
        size = int.from_bytes(self._read(4), "big")
        if size > self._largest:
            raise Broken("output")
        try:
            return json.loads(self._read(size))
        except (ValueError, RecursionError, MemoryError):
            raise Broken("garbled") from None

    def _read(self, size: int) -> bytes:
        blocks = bytearray()
        while len(blocks) < size:
            self._wait(self._source, select.POLLIN)
            block = os.read(self._source, min(size - len(blocks), 1 << 20))
            if not block:
                raise Broken("ended")
            blocks += block
        return bytes(blocks)

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = max(0.0, self.deadline - time.monotonic()) * 1000 if self.deadline else None
        if not poll.poll(left):
            raise Broken("timeout")


class Translator:
    """Turns values into JSON and back.

    `keep` is asked for the number of an object that stays here, `find` for what a number of this
    side's stands for, `far` for what is to stand here for an object that stays over there, and
    `number` for the number of such a stand-in, or None.
    """

    def __init__(
        self,
        keep: Callable[[Any], dict[str, Any]],
        find: Callable[[int], Any],
        far: Callable[[dict[str, Any]], Any],
        number: Callable[[Any], int | None],
    ) -> None:
        self._keep, self._find, self._far, self._number = keep, find, far, number
        self.classes: dict[str, type] = {}
        """Classes of the setup, which both sides were given: their instances travel by value."""

    def pack(self, value: Any, depth: int = 0) -> Any:
        """`value` as JSON."""
        kind = type(value)
        if depth > DEEPEST:
            raise Unsendable(f"containers nested deeper than {DEEPEST}")
        if value is None or kind in (bool, str):
            return value
        if kind is int:
            return value if abs(value) < 2**53 else {"int": hex(value)}
        if kind is float:
            return value if value - value == 0 else {"float": repr(value)}
        number = self._number(value)
        if number is not None:
            return {"yours": number}
        for name, type_ in _SEQUENCES.items():
            if kind is type_:
                return {name: [self.pack(item, depth + 1) for item in value]}
        if isinstance(value, dict) and kind.__module__ in ("builtins", "collections"):
            pairs = [[self.pack(k, depth + 1), self.pack(v, depth + 1)] for k, v in value.items()]
            return {"dict": pairs}
        for name, (type_, put, _) in _SCALARS.items():
            if kind is type_:
                return {name: put(value)}
        if isinstance(value, tuple) and kind is not tuple:
            return self.pack(tuple(value), depth)
        if self.classes.get(kind.__name__) is kind and hasattr(value, "__dict__"):
            fields = {k: self.pack(v, depth + 1) for k, v in vars(value).items()}
            return {"instance": [kind.__name__, fields]}
        if kind is type and value in _BUILTINS.values():
            return {"type": value.__name__}
        return self._keep(value)

    def unpack(self, data: Any) -> Any:
        """The value that `data`, from the other side, stands for.

        Raises:
            Broken: it stands for none.
        """
        try:
            return self._unpack(data)
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, AttributeError):
            raise Broken("garbled") from None
        except (RecursionError, MemoryError):
            raise Broken("output") from None

    def _unpack(self, data: Any) -> Any:
        if not isinstance(data, dict):
            if isinstance(data, list):
                raise ValueError("a bare list")
            return data
        if "mine" in data:
            return self._far(data)
        ((name, body),) = data.items()
        if name == "yours":
            return self._find(body)
        if name in _SEQUENCES:
            return _SEQUENCES[name](self._unpack(item) for item in body)
        if name == "dict":
            return {self._unpack(key): self._unpack(value) for key, value in body}
        if name == "instance":
            made: Any = object.__new__(self.classes[body[0]])
            vars(made).update({str(k): self._unpack(v) for k, v in body[1].items()})
            return made
        if name == "type":
            return _BUILTINS[body]
        return _SCALARS[name][2](body)


def _integer(text: str) -> int:
    if len(text) > 200_000:
        raise ValueError("a number that long")
    return int(text, 16)


_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_SCALARS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "int": (int, hex, _integer),
    "float": (float, repr, float),
    "complex": (complex, lambda v: [v.real, v.imag], lambda b: complex(*b)),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "bytearray": (bytearray, bytearray.hex, bytearray.fromhex),
    "range": (range, lambda v: [v.start, v.stop, v.step], lambda b: range(*b)),
    "Decimal": (decimal.Decimal, str, decimal.Decimal),
    "Fraction": (
        fractions.Fraction,
        lambda v: [hex(v.numerator), hex(v.denominator)],
        lambda b: fractions.Fraction(_integer(b[0]), _integer(b[1])),
    ),
    "datetime": (
        datetime.datetime,
        datetime.datetime.isoformat,
        datetime.datetime.fromisoformat,
    ),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "timedelta": (
        datetime.timedelta,
        lambda v: [v.days, v.seconds, v.microseconds],
        lambda b: datetime.timedelta(*b),
    ),
    "array": (
        array.array,
        lambda v: [v.typecode, v.tolist()],
        lambda b: array.array(str(b[0]), b[1]),
    ),
}
_BUILTINS: dict[str, type] = {
    kind.__name__: kind
    for kind in (int, float, str, bool, list, tuple, set, dict, bytes, complex, frozenset, object)
}
