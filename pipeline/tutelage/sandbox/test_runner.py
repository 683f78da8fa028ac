"""The side of the tests: runs them where the student's program is not.

Each name of the student's is a proxy (`proxy`) here, which asks the process of the program. All
that the tests compare, they compare in this process, so the program can neither patch nor skip nor
read them: `sys.exit(0)`, a changed `assert`, an object that equals everything, all come to nothing.
What the program may do is to answer a call, rightly or wrongly.

- An assert that stands in no `try` is counted, and the tests go on after it fails.
- A piece without such an assert counts as one test, which an exception fails, if it calls the
  program and does more than that. One that defines or imports counts as none.
- What a piece defines, the pieces after it have, and have it before the program's names.
- What cannot be put to a program here (a module that is not there, an operator between an object of
  the program's and what is expected) makes the whole of the tests *skipped*: nothing is judged.
"""

import builtins
import contextlib
import importlib
import inspect
import pkgutil
import random
import re
import sys
import time
import types
import unittest
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from tutelage import seeds
from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox import test_source
from tutelage.sandbox.client import Client, error_words
from tutelage.sandbox.proxy import ORIGINALS, Skipped, original
from tutelage.sandbox.test_source import TestSource

if TYPE_CHECKING:
    from tutelage.sandbox.test_session import Run


def examine(run_tests: "Run", job: dict[str, Any], pipe: Pipe, wall_s: float) -> dict[str, Any]:
    """Runs the tests of `job` (setup, program, tests, entry_point) on the program behind `pipe`.

    Gives `passed`, `total`, `first_failure`, `fate` (how the program ended, where it did), and
    `skipped`, where the tests cannot be put.
    """
    client, skipped = Client(pipe), ""
    pieces: list[TestSource] = []
    untried = 0
    try:
        pieces += map(test_source.parsed, job["tests"])
        untried = len(pieces)
        pipe.deadline = time.monotonic() + wall_s
        fixed = _prepare(client, job, pieces)
        called = frozenset[str]().union(*(piece.calls for piece in pieces))
        for piece in pieces:
            pipe.deadline = time.monotonic() + wall_s
            client.space |= fixed
            _run(run_tests, client, piece, called)
            untried -= 1
        if not client.failure:
            skipped = _doubts(client, pieces)
    except Broken:
        pass
    except Skipped as error:
        skipped = str(error)
    except BaseException as error:  # of the program as it loaded
        client.last = ""
        client.count(False, "", "", error_words(error), client.trace)
        client.total = len(pieces)
    if pipe.fate:  # even where a test has caught it
        client.total += untried or not client.failure
        client.failure = client.failure or {
            "input": client.last, "expected": "", "actual": pipe.fate, "traceback": client.trace
        }  # fmt: skip
    return {
        "passed": client.passed, "total": client.total, "first_failure": client.failure,
        "fate": pipe.fate, "skipped": skipped or Skipped.first,
    }  # fmt: skip


def _doubts(client: Client, pieces: Sequence[TestSource]) -> str:
    """Why tests that all pass may say nothing of the program; empty where there is no reason."""
    if client.stopped and not any("StopIteration" in piece.source for piece in pieces):
        return "a call of the program's ends an iteration of the tests"
    if unproven := client.trusted - client.proven:
        return f"they use objects of {', '.join(sorted(unproven))} as nothing but other data"
    return ""


def _prepare(client: Client, job: dict[str, Any], pieces: Sequence[TestSource]) -> dict[str, Any]:
    """Loads the program, and gives the client its names, under the setup's.

    Gives the entry point, which is on top for each piece.
    """
    setup, entry, source = job["setup"], job["entry_point"], job["program"]
    texts = [setup, *job["tests"]]
    client.proven.update(name for text in texts for name in _SHOWN_OBJECT.findall(text))
    program, defined, given = client.ask("load", None, test_source.given_to(setup, source), source)
    ORIGINALS[id(program)].label = ""
    wanted = {entry}.union(*map(test_source.identifiers, texts))
    wanted = {name for name in wanted if name == entry or not hasattr(builtins, name)}
    names = {name: getattr(program, name) for name in defined if name in wanted}
    random.seed(seeds.seed(*texts))
    for library, functions in _FORWARDED.items():
        module = importlib.import_module(library)
        for name in functions.split():
            setattr(module, name, _forwarded(client, library, name, getattr(module, name)))
    for name in {name for piece in pieces for name in piece.replaces}:
        if name.partition(".")[0] in sys.stdlib_module_names:
            with contextlib.suppress(ImportError, AttributeError, ValueError):
                _follow(client, pkgutil.resolve_name(name))
    sys.modules["tests"] = types.ModuleType("tests")
    client.space = space = vars(sys.modules["tests"])
    space |= {**names, "__file__": "tests.py"}
    with contextlib.suppress(Exception):  # what fails here, fails again where a test needs it
        exec(compile(setup, "setup.py", "exec"), space)
    client.values.given = {
        name: kind for name, kind in space.items()
        if name in given and isinstance(kind, type) and kind.__module__ == "tests"
    }  # fmt: skip
    space |= {"__name__": "__main__", "__report__": client}
    if entry:
        space["candidate"] = names.get(entry, lambda *_, **__: eval(entry, {}))
    test_source.offer(program, {*defined, entry}, {*names, entry} - {""}, pieces)
    return {entry: names[entry]} if entry in names else {}


def _forwarded(client: Client, module: str, name: str, own: Callable[..., Any]) -> Any:
    """A function of the library that looks into an object, or seeds chance, does so there as well."""

    def function(*arguments: Any, **named: Any) -> Any:
        there = arguments and original(arguments[0])
        result = None if there else own(*arguments, **named)
        if there or module in _SETTINGS:
            over = client.ask("library", None, module, name, *arguments, **named)
        return over if there else result

    return function


def _follow(client: Client, module: Any) -> None:
    """Has what the tests put in place of a part of the library put there for the program as well.

    Raises:
        Skipped: it is in place of a part of a class, and the program would not see it.
    """
    if isinstance(module, type):
        raise Skipped(f"a test patches {module.__name__}")
    if not isinstance(module, types.ModuleType):
        return
    before = dict(vars(module))

    class Followed(types.ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if isinstance(value, type) and value is not before.get(name):
                raise Skipped(f"a test puts a class in place of {module.__name__}.{name}")
            if name not in ("stdout", "stderr"):  # it has those of the tests
                new = [] if value is before.get(name) else [value]
                client.ask("replace", None, module.__name__, name, *new)

    module.__class__ = Followed


def _run(run_tests: "Run", client: Client, piece: TestSource, called: frozenset[str]) -> None:
    """Runs one piece, and what it defines as tests that no piece calls itself."""
    space, before = client.space, dict(client.space)
    with client.trial(piece):
        try:
            exec(compile(piece.code, "tests.py", "exec"), space)
        except SystemExit as end:  # `sys.exit(pytest.main())`
            if end.code or client.has_raised(end):
                raise
        new = {name: space[name] for name in piece.defines if name in space}
        new = {name: one for name, one in new.items() if one is not before.get(name)}
        tests = [name for name, one in new.items() if _is_test(name, one, called)]
        if "check" in {*new} - called and len(inspect.signature(new["check"]).parameters) == 1:
            new["check"](space.get("candidate"))
        if tests:
            run_tests(client, piece, tests)


def _is_test(name: str, one: Any, called: Collection[str]) -> bool:
    """Whether pytest would run it, or what is in it, but for functions that the tests call."""
    if isinstance(one, type):
        return name.startswith("Test") or issubclass(one, unittest.TestCase)
    return name.startswith("test") and name not in called


_SHOWN_OBJECT = re.compile(r"\b(?:str|repr)\(([A-Z]\w*)\(")
_SETTINGS = {"random": "seed", "sys": "setrecursionlimit"}
_FORWARDED = _SETTINGS | {
    "dataclasses": "asdict astuple fields replace is_dataclass",
    "inspect": "signature getdoc isfunction ismethod isgeneratorfunction iscoroutinefunction getsource"
    " isabstract getmembers getfullargspec isasyncgen isasyncgenfunction isawaitable",
    "asyncio": "iscoroutinefunction",
    "typing": "get_type_hints",
}
"""Functions of the library that set what holds for a process, and such as look into objects."""
