"""The side of the tests: runs them where the student's program is not.

A test is Python that names the student's functions. Here each such name is a stand-in (`remote`)
that sends its arguments to the process of the program (`program_server`) and gives back what comes.
All that the tests compare, they compare in this process, so the program can neither patch nor skip
nor read them: `sys.exit(0)`, a printed "passed", a changed `assert`, an object that equals
everything, all come to nothing. What the program may do is to answer a call, rightly or wrongly.

- An assert that stands in no `try` is counted, and the tests go on after it fails.
- A piece without such an assert counts as one test, which an exception fails, if it calls the
  program and does more than that. One that defines or imports counts as none.
- What a piece defines, the pieces after it have, and have it before the program's names.
- What cannot be put to a program here (a module that is not there, an operator between an object of
  the program's and what is expected) makes the whole of the tests *skipped*: nothing is judged.

What of a piece is run, and how its asserts are found, is in `test_source`.
"""

import builtins
import contextlib
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from tutelage import seeds
from tutelage.sandbox.acts import LIBRARY, SETTINGS
from tutelage.sandbox.endpoint import SHOWN, Endpoint
from tutelage.sandbox.remote import OWNERS, Skipped, owner
from tutelage.sandbox.test_source import (
    TestSource,
    classes_meant,
    given_to,
    identifiers,
    parsed,
    run_tests,
    stand_in,
)
from tutelage.sandbox.wire import Broken, Pipe


class Client(Endpoint):
    """The tests' end of the pipe, which knows what was called last."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe, first=0, strict=True)
        self.acts.more = {"typed": _typed}
        self.calls = 0
        self.last = ""
        """The last call that a test made, as text."""

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object of the program's."""
        self.calls += 1
        words = [*map(shown, arguments), *(f"{k}={shown(v)}" for k, v in named.items())]
        self.last = f"{OWNERS[id(on)].label}({', '.join(words)})"[:SHOWN]
        return super().call(on, *arguments, **named)


class Report:
    """Counts what the tests found, and keeps the first failure."""

    def __init__(self, client: Client) -> None:
        self.passed = self.total = 0
        self.failure: dict[str, str] = {}
        self._client = client

    @property
    def calls(self) -> int:
        """Calls into the program so far."""
        return self._client.calls

    def is_of_program(self, error: BaseException) -> bool:
        """Whether the program raised it."""
        return error is self._client.raised

    def compare(
        self,
        source: str,
        left: Callable[[], Any],
        right: Callable[[], Any],
        holds: Callable[[Any, Any], Any],
        mirrored: bool | None,
        steady: bool,
    ) -> None:
        """Stands for `assert left == right`, or with another operator.

        Args:
            source: the assert.
            left: gives the left side.
            right: gives the right side.
            holds: whether they are what the operator says.
            mirrored: whether the left side is what is expected; None for the one without a call.
            steady: whether the right side must be the same before the left side is worked out.
        """
        self.begin()
        sides: list[Any] = []
        calls = [self.calls]
        try:
            early = shown(right()) if steady else ""
            try:
                for side in (left, right):
                    sides.append(side())
                    calls.append(self.calls)
            finally:
                if len(sides) == 0:  # what was expected is worth to be told
                    sides += [None, right()]
            held = bool(holds(*sides))
        except BaseException as error:
            self.fail(source, error, shown(sides[-1]) if len(sides) == 2 else "")
            return
        if mirrored is None:
            mirrored = calls[0] == calls[1] < calls[2]
        wanted, got = sides if mirrored else sides[::-1]
        if held and steady and shown(wanted) != early:
            raise Skipped("what a test expects changes with the call")
        self.count(held, source, shown(wanted), shown(got))

    def check(self, source: str, test: Callable[[], Any]) -> None:
        """Stands for any other `assert`."""
        self.begin()
        try:
            value = test()
            held = bool(value)
        except BaseException as error:
            self.fail(source, error)
            return
        self.count(held, source, "a true value", shown(value))

    def fail(self, source: str, error: BaseException, expected: str = "") -> None:
        """Counts a test that an exception ended.

        Raises:
            Broken, Skipped: `error`, where it is one of these.
        """
        if isinstance(error, Broken | Skipped | KeyboardInterrupt):
            raise error
        if isinstance(error, ModuleNotFoundError) and error is not self._client.raised:
            raise Skipped(f"{error}") from None
        words = f"{type(error).__name__}: {error}"[:SHOWN]
        self.count(False, source, expected, words, self._client.trace or words)

    def begin(self) -> None:
        """Forgets what the test before this one did."""
        self._client.last = self._client.trace = ""

    def count(self, held: bool, source: str, expected: str, actual: str, trace: str = "") -> None:
        """Counts one test; keeps the first failure."""
        self.total += 1
        self.passed += held
        if not held and not self.failure:
            self.failure = {
                "input": self._client.last or source[:SHOWN],
                "expected": expected,
                "actual": actual,
                "traceback": trace,
            }


def examine(job: dict[str, Any], pipe: Pipe, wall_s: float) -> dict[str, Any]:
    """Runs the tests of `job` (setup, program, tests, entry_point) on the program behind `pipe`.

    Gives `passed`, `total`, `first_failure`, `fate` (how the program ended, where it did), and
    `skipped`, where the tests cannot be put.
    """
    client = Client(pipe)
    report = Report(client)
    found: dict[str, Any] = {"fate": "", "skipped": ""}
    try:
        pieces = [parsed(source) for source in job["tests"]]
    except (SyntaxError, ValueError, RecursionError) as error:
        skipped = f"a test does not parse: {error}"
        return {"passed": 0, "total": 0, "first_failure": {}, "fate": "", "skipped": skipped}
    untried = len(pieces)
    try:
        pipe.deadline = time.monotonic() + wall_s
        names, space = _space(client, job, pieces)
        entry = job["entry_point"]
        point = names.get(entry, _missing(entry)) if entry else None
        space |= {"__name__": "__main__", "__report__": report}
        called = frozenset[str]().union(*(piece.calls for piece in pieces))
        for piece in pieces:
            pipe.deadline = time.monotonic() + wall_s
            if entry in names:
                space[entry] = point
            _run(piece, space, called, point, report)
            untried -= 1
    except Broken:
        pass
    except Skipped as error:
        found["skipped"] = str(error)
    except BaseException as error:  # of the program as it loaded
        report.total += len(pieces)
        words = f"{type(error).__name__}: {error}"[:SHOWN]
        report.failure = {"input": "", "expected": "", "actual": words, "traceback": client.trace}
    if pipe.fate:  # even where a test has caught it
        found["fate"] = pipe.fate
        report.total += untried or not report.failure
        report.failure = report.failure or {
            "input": client.last, "expected": "", "actual": pipe.fate, "traceback": client.trace
        }  # fmt: skip
    found["skipped"] = found["skipped"] or Skipped.first
    return {
        **found, "passed": report.passed, "total": report.total, "first_failure": report.failure,
    }  # fmt: skip


def _space(
    client: Client, job: dict[str, Any], pieces: list[TestSource]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program's names, and all that tests see: under the setup's, but the entry point on top."""
    setup, entry = job["setup"], job["entry_point"]
    texts = [setup, *job["tests"]]
    client.meant = classes_meant(texts)
    module, defined, given = client.ask(
        "load", None, given_to(setup, job["program"]), job["program"]
    )
    wanted = {entry}.union(*map(identifiers, texts))
    names: dict[str, Any] = {}
    for name in defined:
        if name == entry or (name in wanted and not hasattr(builtins, name)):
            names[name] = client.ask("get", module, name)
            if found := owner(names[name]):
                found.label = name
    random.seed(seeds.seed(*texts))
    _forward(client)
    space: dict[str, Any] = {"__name__": "tests", **names}
    with contextlib.suppress(Exception):  # what fails here, fails again where a test needs it
        exec(compile(setup, "setup.py", "exec"), space)
    client.values.given = {
        name: kind for name, kind in space.items()
        if name in given and isinstance(kind, type) and kind.__module__ == "tests"
    }  # fmt: skip
    if entry in names:
        space["candidate"] = names[entry]
    stand_in(pieces, module, names, entry)
    return names, space


def _missing(name: str) -> Callable[..., Any]:
    """What fails as a name does that is not defined."""

    def missing(*_: Any, **__: Any) -> Any:
        raise NameError(f"name {name!r} is not defined")

    return missing


def _forward(client: Client) -> None:
    """Functions of the library that look into an object, or seed chance, do so over there as well."""

    def forward(module: str, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def function(*arguments: Any, **named: Any) -> Any:
            there = arguments and owner(arguments[0])
            result = None if there else own(*arguments, **named)
            if there or name in SETTINGS:
                over = client.ask("library", None, module, name, *arguments, **named)
            return over if there else result

        return function

    for module, name in LIBRARY:
        setattr(
            sys.modules[module], name, forward(module, name, getattr(sys.modules[module], name))
        )


def _run(
    piece: TestSource, space: dict[str, Any], called: frozenset[str], entry: Any, report: Report
) -> None:
    """Runs one piece in `space`; it counts its own asserts, or once as a whole where it has none."""
    before, calls = report.total, report.calls
    report.begin()
    try:
        exec(compile(piece.code, "tests.py", "exec"), space)
        run_tests(piece, space, called, entry)
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code or report.is_of_program(error):
            report.fail(piece.source, error)
    if report.total == before and report.calls > calls and _can_fail(piece, space):
        report.count(True, piece.source, "", "")


def _can_fail(piece: TestSource, space: dict[str, Any]) -> bool:
    """Whether a piece without a counted assert checks anything: `print(f(2))` does not."""
    if piece.guards or piece.classes:
        return True
    own = (space.get(name) for name in piece.calls if not hasattr(builtins, name))
    return any(callable(found) and not owner(found) for found in own)


def _typed(_: Any) -> str:
    """A line of what a test has put in place of the standard input."""
    if builtins.input is not _INPUT:
        return f"{builtins.input()}\n"
    return sys.stdin.readline()


def shown(value: Any) -> str:
    """A value as a failure shows it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(error).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 20]}... ({len(text)} long)"


_INPUT = builtins.input
