"""The side of the student's program: runs it, answers calls to it, knows no test.

Its process holds no expected value and no test source: it is told which function to call with
which arguments, and says what came out. Whatever the program does to this process (patch builtins,
find the pipe, end it) changes what its own functions seem to return, and nothing else.
"""

import builtins
import contextlib
import io
import linecache
import operator
import os
import random
import sys
import traceback
import types
from typing import Any

from tutelage.sandbox.wire import Broken, Pipe, Translator, Unsendable

PROGRAM = "solution.py"
_TEXT = 1500


class ProgramServer:
    """Serves one program to the tests at the other end of a pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._wire = Translator(self._keep, self._objects.__getitem__, self._far, self._number)
        self._space: dict[str, Any] = {}

    def serve(self) -> None:
        """Answers until the tests are over."""
        while True:
            try:
                message = self._pipe.receive()
            except Broken:
                return
            self._pipe.send(self._answer(message))

    def _answer(self, message: dict[str, Any]) -> Any:
        try:
            act = getattr(self, f"_do_{message['do']}")
            return {"value": act(message)}
        except Unsendable as error:
            return {"unsendable": str(error)}
        except BaseException as error:  # the program may raise anything, SystemExit too
            return {"error": _described(error)}

    def _do_load(self, message: dict[str, Any]) -> Any:
        """Runs setup and program; gives what the program defines, by name."""
        _settle()
        module = types.ModuleType("solution")
        sys.modules["solution"] = module
        self._space = vars(module)
        with contextlib.suppress(Exception):  # a setup may want what the program defines
            run(message["setup"], "setup.py", self._space)
        classes = {n: c for n, c in self._space.items() if _made_here(c)}
        given = dict(self._space)
        run(message["program"], PROGRAM, self._space)
        self._wire.classes = classes
        names = message["names"]
        return {
            name: self._shown(value)
            for name, value in list(self._space.items())
            if name in names and (name not in given or value is not given[name])
        }

    def _do_call(self, message: dict[str, Any]) -> Any:
        """Calls; arguments that were changed in place go back where nothing is returned."""
        function = self._objects[message["on"]]
        arguments = [self._wire.unpack(item) for item in message["args"]]
        named = {name: self._wire.unpack(item) for name, item in message["named"].items()}
        result = function(*arguments, **named)
        changed = None
        if result is None:
            with contextlib.suppress(Unsendable):
                changed = [
                    self._wire.pack(item) if isinstance(item, list | dict | set) else None
                    for item in arguments
                ]
        return [self._wire.pack(result), changed]

    def _do_get(self, message: dict[str, Any]) -> Any:
        return self._wire.pack(getattr(self._objects[message["on"]], message["name"]))

    def _do_set(self, message: dict[str, Any]) -> Any:
        value = self._wire.unpack(message["value"])
        setattr(self._objects[message["on"]], message["name"], value)

    def _do_item(self, message: dict[str, Any]) -> Any:
        return self._wire.pack(self._objects[message["on"]][self._wire.unpack(message["key"])])

    def _do_put(self, message: dict[str, Any]) -> Any:
        key, value = self._wire.unpack(message["key"]), self._wire.unpack(message["value"])
        self._objects[message["on"]][key] = value

    def _do_iter(self, message: dict[str, Any]) -> Any:
        return self._wire.pack(iter(self._objects[message["on"]]))

    def _do_next(self, message: dict[str, Any]) -> Any:
        for item in self._objects[message["on"]]:
            return [self._wire.pack(item)]
        return []

    def _do_len(self, message: dict[str, Any]) -> Any:
        return len(self._objects[message["on"]])

    def _do_text(self, message: dict[str, Any]) -> Any:
        form = repr if message["form"] == "repr" else str
        return str(form(self._objects[message["on"]]))

    def _do_pair(self, message: dict[str, Any]) -> Any:
        """An operator between two objects of the program."""
        left, right = self._objects[message["on"]], self._objects[message["other"]]
        return self._wire.pack(getattr(operator, message["name"])(left, right))

    def _shown(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        if isinstance(value, type) and issubclass(value, Exception):
            return {"exception": [parent.__name__ for parent in value.__mro__]}
        try:
            return self._wire.pack(value)
        except Unsendable:
            return self._keep(value)

    def _keep(self, value: Any) -> dict[str, Any]:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return {"mine": number, "type": type(value).__name__}

    def _far(self, data: dict[str, Any]) -> Any:
        """A function of the tests', to be called here."""

        def callback(*arguments: Any) -> Any:
            packed = [self._wire.pack(item) for item in arguments]
            self._pipe.send({"callback": data["mine"], "args": packed})
            while "value" not in (message := self._pipe.receive()):
                if "error" in message:
                    raise RuntimeError(message["error"])
                self._pipe.send(self._answer(message))
            return self._wire.unpack(message["value"])

        callback.number = data["mine"]  # type: ignore[attr-defined]
        return callback

    def _number(self, value: Any) -> int | None:
        number: int | None = getattr(value, "number", None) if callable(value) else None
        return number if isinstance(number, int) else None


def run(source: str, name: str, space: dict[str, Any]) -> None:
    """Compiles and runs `source`, so that a traceback shows its lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), space)


def play(setup: str, program: str) -> None:
    """Runs a whole program on the standard input, as `python solution.py` would; does not return."""
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb"), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), encoding="utf-8", errors="surrogateescape")
    status = 0
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    _settle()
    try:
        run(setup, "setup.py", vars(module))
        run(program, PROGRAM, vars(module))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException as error:
        os.write(2, _described(error)["trace"].encode("utf-8", "replace"))
        status = 1
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    os._exit(status & 0xFF)


def _settle() -> None:
    """What a program finds as it starts, the same for each."""
    random.seed(1)
    sys.argv = [PROGRAM]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]


def _made_here(value: Any) -> bool:
    return isinstance(value, type) and value.__module__ == "solution"


def _described(error: BaseException) -> dict[str, Any]:
    """An exception as data: its class and that of its parents, its words, its traceback."""
    try:
        words = str(error)[:_TEXT]
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == PROGRAM]
        head = ["Traceback (most recent call last):\n"] if frames else []
        frames = frames if len(frames) <= 8 else [*frames[:3], *frames[-5:]]
        last = traceback.format_exception_only(error)
        trace = "".join([*head, *traceback.format_list(frames), *last])[-_TEXT:]
    except BaseException:
        words, trace = "", "an exception that cannot be shown"
    return {"names": [c.__name__ for c in type(error).__mro__], "words": words, "trace": trace}
