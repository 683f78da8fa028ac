"""The side of the student's program: runs it, does what is asked of it, knows no test.

Its process holds no expected value, no test source and no name out of one: it is told to call this
object with those arguments, and says what came out. Whatever the program does to this process (patch
builtins, find the pipe, end it) changes what its own functions seem to return, and nothing else.
"""

import atexit
import builtins
import contextlib
import importlib
import io
import linecache
import os
import random
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from tutelage.processes.pipe import Pipe
from tutelage.sandbox.endpoint import Endpoint

PROGRAM = "solution.py"
_TEXT = 1500
_PRINTED = 1 << 20


def run(source: str, name: str, space: dict[str, Any]) -> None:
    """Compiles and runs `source`, so that a traceback shows its lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), space)


def described(error: BaseException) -> str:
    """The traceback of an exception, as far as it is in the program."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == PROGRAM]
    head = ["Traceback (most recent call last):\n"] if frames else []
    frames = frames if len(frames) <= 8 else [*frames[:3], *frames[-5:]]
    last = traceback.format_exception_only(error)
    return "".join([*head, *traceback.format_list(frames), *last])[-_TEXT:]


def _started(name: str) -> types.ModuleType:
    """A new module, and all else that a program finds as it starts, the same for each."""
    random.seed(1)
    sys.argv = [PROGRAM]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    module = sys.modules[name] = types.ModuleType(name)
    return module


class ProgramServer(Endpoint):
    """Serves one program to the tests at the other end of a pipe."""

    described = staticmethod(described)

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe, strict=False)
        self._replaced: dict[tuple[str, str], Any] = {}

    def serve(self) -> None:
        """Answers until the tests are over."""
        sys.stdin = io.StringIO()
        sys.stdout, sys.stderr = _Console(self, "stdout"), _Console(self, "stderr")
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: self.ask("warn", None, message)
        super().serve()

    def _do_load(self, _: Any, setup: str, program: str) -> list[Any]:
        """Runs setup and program; gives the module, what it defines, and the setup's classes."""
        module = _started("solution")
        space = vars(module)
        with contextlib.suppress(Exception):  # a setup may want what the program defines
            run(setup, "setup.py", space)
        given = dict(space)
        self.values.given = {name: kind for name, kind in given.items() if _is_container(kind)}
        run(program, PROGRAM, space)
        names = [name for name, v in space.items() if name not in given or v is not given[name]]
        return [module, names, list(self.values.given)]

    def _do_library(self, _: Any, module: str, name: str, *given: Any, **named: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*given, **named)

    def _do_replace(self, _: Any, module: str, name: str, *new: Any) -> None:
        """Puts something in place of a part of the library, or what was there in place of that."""
        library = importlib.import_module(module)
        before = self._replaced.setdefault((module, name), getattr(library, name, None))
        setattr(library, name, *(new or (before,)))


class _Console(io.TextIOBase):
    """What a program prints goes to the tests with the next message."""

    def __init__(self, end: Endpoint, name: str) -> None:
        self._end, self._name = end, name

    def write(self, text: str) -> int:
        """Keeps the text, up to a size."""
        printed = self._end.printed[self._name]
        if printed.tell() < _PRINTED:
            printed.write(str(text)[:_PRINTED])
        return len(text)


def _is_container(value: Any) -> bool:
    """Whether both sides can have instances of this class, each its own: it holds only attributes."""
    return (
        type(value) is type
        and value.__module__ == "solution"
        and not issubclass(value, BaseException)
        and all("__dict__" in vars(kind) or kind is object for kind in value.__mro__[-2:])
    )


def _opened(opener: Callable[..., Any], file: Any, *how: Any, **named: Any) -> Any:
    """A file; the standard input has no name where programs run."""
    return opener(0 if file == "/dev/stdin" else file, *how, **named)


def play(setup: str, program: str) -> None:
    """Runs a whole program on the standard input, as `python solution.py` would; does not return."""
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb"), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), encoding="utf-8", errors="surrogateescape")
    builtins.open = partial(_opened, open)
    status = 0
    space = vars(_started("__main__"))
    try:
        run(setup, "setup.py", space)
        run(program, PROGRAM, space)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException as error:
        os.write(2, described(error).encode("utf-8", "replace"))
        status = 1
    with contextlib.suppress(BaseException):  # what Python itself does at the end
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    os._exit(status & 0xFF)
