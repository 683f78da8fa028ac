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
import pkgutil
import random
import re
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pytest

from tutelage import seeds
from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox import test_session, test_source
from tutelage.sandbox.endpoint import SHOWN, Endpoint
from tutelage.sandbox.plain import Shared
from tutelage.sandbox.proxy import ORIGINALS, Skipped, original
from tutelage.sandbox.test_source import TestSource


class Client(Endpoint):
    """The tests' end of the pipe, which counts what they find and keeps the first failure."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe, strict=True)
        self.space: dict[str, Any] = {}
        """The names of the tests."""
        self.calls = 0
        self.last = ""
        """The last call that a test made, as text."""
        self.passed = self.total = 0
        self.failure: dict[str, str] = {}
        self.stopped = False
        """Whether a call of the program's raised StopIteration, which a `map` here may swallow."""
        self._alone = False

    def ask(self, do: str, on: int | None, *arguments: Any, **named: Any) -> Any:
        """As any end does, but for the moments when the tests are to work alone."""
        if self._alone:
            raise Broken("alone")
        return super().ask(do, on, *arguments, **named)

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object of the program's."""
        self.calls += 1
        words = [*map(shown, arguments), *(f"{k}={shown(v)}" for k, v in named.items())]
        self.last = f"{ORIGINALS[id(on)].label}({', '.join(words)})"[:SHOWN]
        try:
            return super().call(on, *arguments, **named)
        except StopIteration:
            self.stopped = True
            raise

    def _do_attribute(self, on: Any, how: str, name: str, *value: Any) -> Any:
        if how != "getattr" and self.values.overwritten is not None:
            with contextlib.suppress(TypeError):  # it may have no dictionary
                mine = Shared(on, None)
                self.values.overwritten.setdefault(id(on), (mine, mine.read()))
        return super()._do_attribute(on, how, name, *value)

    def _do_typed(self, _: Any) -> str:
        return sys.stdin.readline()

    def _do_warn(self, _: Any, message: Warning) -> None:
        warnings.warn(message, stacklevel=1)

    def judge(
        self, source: str, sides: Sequence[Callable[[], Any]], holds: Callable[..., Any],
        mirrored: bool | None, computed: tuple[bool, bool],
    ) -> None:  # fmt: skip
        """Stands for `assert left == right`, or with another operator, or of one side alone.

        Args:
            holds: says of the sides whether the assert does.
            mirrored: whether the left side is what is expected; None for the one without a call.
            computed: which of the sides are more than a name.
        """
        self.last = self.trace = ""
        overwritten = self.values.overwritten = {}
        values: list[Any] = []
        calls = [self.calls]
        try:
            for side in sides:
                values.append(side())
                calls.append(self.calls)
            held = bool(holds(*values))
        except BaseException as error:
            if not values and len(sides) > 1 and not isinstance(error, Broken | Skipped):
                with contextlib.suppress(Exception):  # what was expected is worth to be told
                    values += [None, sides[1]()]
            self.fail(source, error, shown(values[1]) if len(values) > 1 else "")
            return
        finally:
            self.values.overwritten = None
        if mirrored is None:
            mirrored = calls[0] == calls[1] < calls[-1]
        texts = [*map(shown, values), "a true value"]
        wanted, got = texts[:2] if mirrored and len(sides) > 1 else texts[1::-1]
        if held and len(sides) > 1 and overwritten and computed[not mirrored]:
            self._compare_before(sides[not mirrored], wanted, [*overwritten.values()])
        self.count(held, source, wanted, got)

    def _compare_before(self, side: Callable[[], Any], text: str, changed: list[Any]) -> None:
        """Sees to it that a side was the same before the program changed what it is made of.

        Raises:
            Skipped: it was not.
        """
        now = [(shared, shared.read(), shared.agreed) for shared, _ in changed]
        for shared, before in changed:
            shared.write(before)
        self._alone = True
        try:
            was = shown(side())
        except (Exception, Broken):  # it may only be there after the call, or be the program's
            was = text
        self._alone = False
        for shared, content, agreed in now:
            shared.write(content)
            shared.agreed = agreed
        if _ADDRESS.sub("", was) != _ADDRESS.sub("", text):
            raise Skipped("what a test expects changes with the call")

    @contextlib.contextmanager
    def trial(self, piece: TestSource) -> Iterator[None]:
        """Counts an exception; or, where nothing in it was counted but might have failed, once."""
        total, calls = self.total, self.calls
        self.last = self.trace = ""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, SystemExit) or error.code or self.has_raised(error):
                self.fail(piece.source, error)
        own = (self.space.get(name) for name in piece.calls if not hasattr(builtins, name))
        helped = not piece.counts and any(callable(one) and not original(one) for one in own)
        if self.total == total and self.calls > calls and (piece.guards or helped):
            self.count(True, piece.source, "", "")

    def fail(self, source: str, error: BaseException, expected: str = "") -> None:
        """Counts a test that an exception ended.

        Raises:
            Broken, Skipped: `error`, where it is one of these.
        """
        if isinstance(error, Broken | Skipped):
            raise error
        if isinstance(error, ModuleNotFoundError) and not self.has_raised(error):
            raise Skipped(f"{error}") from None
        if isinstance(error, TypeError) and not self.has_raised(error) and _is_of_library(error):
            raise Skipped(
                f"the library here cannot do this with an object of the program's: {error}"
            )
        words = _words(error)
        self.count(False, source, expected, words, self.trace or words)

    def count(self, held: bool, source: str, expected: str, actual: str, trace: str = "") -> None:
        """Counts one test; keeps the first failure."""
        self.total += 1
        self.passed += held
        if not held and not self.failure:
            self.failure = {
                "input": self.last or source[:SHOWN], "expected": expected,
                "actual": actual, "traceback": trace,
            }  # fmt: skip


def examine(
    session: pytest.Session, job: dict[str, Any], pipe: Pipe, wall_s: float
) -> dict[str, Any]:
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
            _run(session, client, piece, called)
            untried -= 1
        if not client.failure:
            skipped = _doubts(client, pieces)
    except Broken:
        pass
    except Skipped as error:
        skipped = str(error)
    except BaseException as error:  # of the program as it loaded
        client.last = ""
        client.count(False, "", "", _words(error), client.trace)
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


def _prepare(
    client: Client, job: dict[str, Any], pieces: Sequence[TestSource]
) -> dict[str, Any]:
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
            if name not in ("stdin", "stdout", "stderr"):  # it has those of the tests
                new = [] if value is before.get(name) else [value]
                client.ask("replace", None, module.__name__, name, *new)

    module.__class__ = Followed


def _is_of_library(error: BaseException) -> bool:
    """Whether an error was raised in the library, not in the tests, over an object of the program's."""
    frame, _ = [*traceback.walk_tb(error.__traceback__)][-1]
    own = ("tests.py", "setup.py", "<string>")
    within = frame.f_code.co_filename not in own and "tutelage" not in frame.f_code.co_filename
    return within and any(original(value) for value in frame.f_locals.values())


def _run(
    session: pytest.Session, client: Client, piece: TestSource, called: Collection[str]
) -> None:
    """Runs one piece, and what it defines as tests that no piece calls itself."""
    space, before = client.space, dict(client.space)
    with client.trial(piece):
        exec(compile(piece.code, "tests.py", "exec"), space)
        names = [name for name in piece.defines if space.get(name) is not before.get(name)]
        names = [name for name in names if name not in called or isinstance(space[name], type)]
        if names:
            test_session.run(session, client, piece, names)


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:SHOWN]
    except (Broken, Skipped):
        raise
    except BaseException:  # a program's may be of any kind
        return type(error).__name__


def shown(value: Any) -> str:
    """A value as a failure shows it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(error).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 20]}... ({len(text)} long)"


_SHOWN_OBJECT = re.compile(r"\b(?:str|repr)\(([A-Z]\w*)\(")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_SETTINGS = {"random": "seed", "sys": "setrecursionlimit"}
_FORWARDED = _SETTINGS | {
    "dataclasses": "asdict astuple fields replace is_dataclass",
    "inspect": "signature getdoc isfunction ismethod isgeneratorfunction iscoroutinefunction getsource"
    " isabstract getmembers getfullargspec isasyncgen isasyncgenfunction isawaitable",
    "asyncio": "iscoroutinefunction",
    "typing": "get_type_hints",
}
"""Functions of the library that set what holds for a process, and such as look into objects."""
