"""Stand-ins for the student's functions and objects, in the process of the tests.

A `Proxy` names an object of the program's. Attributes, calls, items and iteration go over to where
it is (`program_server`); what comes back is plain data, or another `Proxy`. Comparing does not go
over, nor does arithmetic with plain data: then the program would be told what is expected, or would say
itself that it is right. Two objects of the program's are compared by the program.

- An argument that the program changes in place is changed here only by a call that returns None.
- A function of the tests that is passed as an argument is called back over the same pipe.
"""

import builtins
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from tutelage.sandbox.wire import Broken, Pipe, Translator

SHOWN = 600
"""Characters of a value that a failure shows."""
_MODULES = """
    bisect cmath collections copy datetime decimal fractions functools heapq itertools json math
    operator random re statistics string sys time typing
"""


class StudentError(Exception):
    """Something that the program raised and that has no name on this side."""


class Skipped(Exception):
    """This side cannot put the test to any program: the test's fault, not the student's."""


class Client:
    """Calls into the program. Not to be given to tests: they get `Proxy` objects."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.calls = 0
        self.last = ""
        """The last call that a test made, as text."""
        self.trace = ""
        """The program's traceback of its last exception."""
        self.errors: dict[str, type[Exception]] = {}
        self._kept: list[Any] = []
        self.wire = Translator(self._keep, self._own, self._far, _number)

    def load(self, setup: str, program: str, names: list[str]) -> dict[str, Any]:
        """Runs the program; gives its names, as stand-ins or values."""
        shown = self._ask({"do": "load", "setup": setup, "program": program, "names": names})
        if not isinstance(shown, dict):
            raise Broken("garbled")
        return {str(name): self._name(str(name), value) for name, value in shown.items()}

    def ask(self, on: int, do: str, **more: Any) -> Any:
        """One operation on an object over there."""
        return self._ask({"do": do, "on": on, **more})

    def call(self, far: "Proxy", arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Calls a function over there."""
        state = _states[far]
        self.calls += 1
        words = [*map(shown, arguments), *(f"{k}={shown(v)}" for k, v in named.items())]
        self.last = f"{state.label}({', '.join(words)})"[:SHOWN]
        packed = [self.wire.pack(item) for item in arguments]
        given = {name: self.wire.pack(item) for name, item in named.items()}
        answer = self.ask(state.number, "call", args=packed, named=given)
        if not isinstance(answer, list) or len(answer) != 2:
            raise Broken("garbled")
        if isinstance(answer[1], list):
            for item, now in zip(arguments, answer[1], strict=False):
                _change(item, self.wire.unpack(now))
        return self.wire.unpack(answer[0])

    def _ask(self, message: dict[str, Any]) -> Any:
        self.pipe.send(message)
        while True:
            reply = self.pipe.receive()
            if not isinstance(reply, dict):
                raise Broken("garbled")
            if "callback" in reply:
                self.pipe.send(self._called(reply))
            elif "error" in reply:
                raise self._raised(reply["error"])
            elif "unsendable" in reply:
                raise StudentError(f"it returns {str(reply['unsendable'])[:SHOWN]}")
            elif "value" in reply:
                return reply["value"]
            else:
                raise Broken("garbled")

    def _called(self, reply: dict[str, Any]) -> dict[str, Any]:
        try:
            function = self._own(reply["callback"])
            value = function(*[self.wire.unpack(item) for item in reply["args"]])
            return {"value": self.wire.pack(value)}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:SHOWN]}

    def _raised(self, error: Any) -> Exception:
        if not isinstance(error, dict) or not isinstance(error.get("names"), list):
            return Broken("garbled")
        words, self.trace = str(error.get("words"))[:SHOWN], str(error.get("trace"))[-2000:]
        for name in map(str, error["names"]):
            known = self.errors.get(name) or _exception(name)
            if known:
                with contextlib.suppress(TypeError):
                    return known(words)
        return StudentError(f"{str(error['names'][0])[:80]}: {words}")

    def _name(self, name: str, value: Any) -> Any:
        if isinstance(value, dict) and "module" in value:
            module = str(value["module"])
            return importlib.import_module(module) if module in _MODULES.split() else None
        if isinstance(value, dict) and "exception" in value:
            parents = [_exception(str(parent)) for parent in value["exception"]]
            kind = type(name, (next(filter(None, parents), Exception),), {})
            self.errors[name] = kind
            return kind
        unpacked = self.wire.unpack(value)
        if type(unpacked) is Proxy:
            _states[unpacked].label = name
        return unpacked

    def _keep(self, value: Any) -> dict[str, Any]:
        if not callable(value):
            raise Skipped(f"a test passes an object of class {type(value).__name__}")
        self._kept.append(value)
        return {"mine": len(self._kept) - 1}

    def _own(self, number: Any) -> Any:
        return self._kept[number]

    def _far(self, data: dict[str, Any]) -> Any:
        far = Proxy()
        _states[far] = _State(self, int(data["mine"]), str(data.get("type", "object"))[:80])
        return far


class _State:
    """What a `Proxy` stands for; kept apart from it, so that the test's attributes are the object's."""

    __slots__ = ("client", "label", "number")

    def __init__(self, client: Client, number: int, label: str) -> None:
        self.client, self.number, self.label = client, number, label


class Proxy:
    """Stands for an object of the program's. Attributes, calls, items and iteration go over."""

    __slots__ = ("__weakref__",)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        state = _states[self]
        value = state.client.wire.unpack(state.client.ask(state.number, "get", name=name))
        if type(value) is Proxy:
            _states[value].label = f"{state.label}.{name}"
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        client = _states[self].client
        client.ask(_states[self].number, "set", name=name, value=client.wire.pack(value))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Calls it over there."""
        return _states[self].client.call(self, arguments, named)

    def __getitem__(self, key: Any) -> Any:
        client = _states[self].client
        return client.wire.unpack(
            client.ask(_states[self].number, "item", key=client.wire.pack(key))
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        client = _states[self].client
        packed = {"key": client.wire.pack(key), "value": client.wire.pack(value)}
        client.ask(_states[self].number, "put", **packed)

    def __iter__(self) -> Iterator[Any]:
        client = _states[self].client
        walker = client.wire.unpack(client.ask(_states[self].number, "iter"))
        if type(walker) is not Proxy:
            raise TypeError("it does not iterate")
        while found := client.ask(_states[walker].number, "next"):
            yield client.wire.unpack(found[0])

    def __next__(self) -> Any:
        client = _states[self].client
        found = client.ask(_states[self].number, "next")
        if not found:
            raise StopIteration
        return client.wire.unpack(found[0])

    def __len__(self) -> int:
        size = _states[self].client.ask(_states[self].number, "len")
        if type(size) is not int:
            raise TypeError("its length is no number")
        return size

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return str(_states[self].client.ask(_states[self].number, "text", form="str"))

    def __repr__(self) -> str:
        return f"<{_states[self].label} of the program>"

    def __eq__(self, other: object) -> bool:
        return type(other) is Proxy and (self is other or self._pair("eq", other) is True)

    def __hash__(self) -> int:
        return hash(_states[self].number)

    def __add__(self, other: object) -> Any:
        return self._pair("add", other)

    def __sub__(self, other: object) -> Any:
        return self._pair("sub", other)

    def __mul__(self, other: object) -> Any:
        return self._pair("mul", other)

    def __lt__(self, other: object) -> Any:
        return self._pair("lt", other)

    def __le__(self, other: object) -> Any:
        return self._pair("le", other)

    def _pair(self, name: str, other: object) -> Any:
        """An operator between two objects of the program; with plain data there is none."""
        if type(other) is not Proxy:
            return NotImplemented
        state = _states[self]
        value = state.client.ask(state.number, "pair", other=_states[other].number, name=name)
        return state.client.wire.unpack(value)


class _States:
    """`Proxy` -> what it stands for, by identity."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[Proxy, _State]] = {}

    def __getitem__(self, far: Proxy) -> _State:
        return self._by_id[id(far)][1]

    def __setitem__(self, far: Proxy, state: _State) -> None:
        self._by_id[id(far)] = (far, state)


_states = _States()


def _exception(name: str) -> type[Exception] | None:
    known = getattr(builtins, name, None)
    return known if isinstance(known, type) and issubclass(known, Exception) else None


def _number(value: Any) -> int | None:
    return _states[value].number if type(value) is Proxy else None


def _change(item: Any, now: Any) -> None:
    """Gives a test's own list, dict or set the content that it has now."""
    if isinstance(item, list) and isinstance(now, list):
        item[:] = now
    elif isinstance(item, dict | set) and type(now) in (dict, set):
        item.clear()
        item.update(now)


def shown(value: Any) -> str:
    """A value as a failure shows it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(error).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 20]}... ({len(text)} long)"
