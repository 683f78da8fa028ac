"""The side of the tests: runs them where the student's program is not.

A test is Python that names the student's functions. Here each such name is a stand-in (`Proxy`)
that sends its arguments to the process of the program (`program_server`) and gives back plain data.
All that the tests compare, they compare in this process, so the program can neither patch nor skip nor
read them: `sys.exit(0)`, a printed "passed", a changed `assert`, an object that equals everything, all
come to nothing. What the program may do is to answer a call, rightly or wrongly.

- An assert that stands in no `try` is counted, and the tests go on after it fails.
- A piece without such an assert counts as one test, which an exception fails, if it calls the
  program and does more than that. One that defines or imports counts as none.
- What a piece defines, the pieces after it have, and have it before the program's names.
- A test that imports what is not here cannot be put.

What of a piece is run, and how its asserts are found, is in `test_source`.
"""

import builtins
import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from tutelage import seeds
from tutelage.sandbox.proxy import SHOWN, Client, Proxy, Skipped, shown
from tutelage.sandbox.test_source import TestSource, parsed, run_tests, stand_in
from tutelage.sandbox.wire import Broken, Pipe, Unsendable


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

    def compare(
        self,
        source: str,
        left: Callable[[], Any],
        right: Callable[[], Any],
        holds: Callable[[Any, Any], Any],
    ) -> None:
        """Stands for `assert left == right`, or with another operator."""
        self.begin()
        before, expected = self._client.calls, ""
        try:
            try:
                first = left()
                answers = self._client.calls > before
            finally:
                second = right()
                expected = shown(second)
            held = bool(holds(first, second))
        except Exception as error:
            self.fail(source, error, expected)
            return
        got, wanted = (first, second) if answers else (second, first)
        self.count(held, source, shown(wanted), shown(got))

    def check(self, source: str, test: Callable[[], Any]) -> None:
        """Stands for any other `assert`."""
        self.begin()
        try:
            value = test()
            held = bool(value)
        except Exception as error:
            self.fail(source, error)
            return
        self.count(held, source, "a true value", shown(value))

    def fail(self, source: str, error: Exception, expected: str = "") -> None:
        """Counts a test that an exception ended.

        Raises:
            Broken, Skipped: `error`, where it is one of these.
        """
        if isinstance(error, Broken | Skipped):
            raise error
        if isinstance(error, ModuleNotFoundError) and not self._client.trace:
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
    called = frozenset[str]().union(*(piece.calls for piece in pieces))
    try:
        pipe.deadline = time.monotonic() + wall_s
        names, space = _space(client, job)
        stand_in(pieces, names, job["entry_point"])
        space |= {"__name__": "__main__", "__report__": report}
        point = _entry(job["entry_point"], names)
        for piece in pieces:
            pipe.deadline = time.monotonic() + wall_s
            if job["entry_point"] in names:
                space[job["entry_point"]] = point
            _run(piece, space, called, point, report)
            untried -= 1
    except Broken as error:
        found["fate"] = error.fate
        report.total += untried
        report.failure = report.failure or {
            "input": client.last, "expected": "", "actual": error.fate, "traceback": client.trace
        }  # fmt: skip
    except (Skipped, Unsendable) as error:
        found["skipped"] = str(error)
    except Exception as error:  # of the program as it loaded
        report.total += len(pieces)
        words = f"{type(error).__name__}: {error}"[:SHOWN]
        report.failure = {"input": "", "expected": "", "actual": words, "traceback": client.trace}
    return {
        **found, "passed": report.passed, "total": report.total, "first_failure": report.failure,
    }  # fmt: skip


def _space(client: Client, job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program's names, and all that tests see: under the setup's, but the entry point on top."""
    setup, entry = job["setup"], job["entry_point"]
    texts = [setup, *job["tests"]]
    wanted = {entry} if entry else set()
    for text in texts:
        wanted |= {name for name in _identifiers(text) if not hasattr(builtins, name)}
    names = client.load(setup, job["program"], sorted(wanted))
    random.seed(seeds.seed(*texts))
    space: dict[str, Any] = {"__name__": "tests", **names}
    with contextlib.suppress(Exception):  # what fails here, fails again where a test needs it
        exec(compile(setup, "setup.py", "exec"), space)
    made = {n: v for n, v in space.items() if isinstance(v, type) and v.__module__ == "tests"}
    client.wire.classes = {n: c for n, c in made.items() if n not in client.errors}
    if entry in names:
        space["candidate"] = names[entry]
    return names, space


def _entry(name: str, names: dict[str, Any]) -> Any:
    """What `check` is given: the entry point, or what fails as a name does that is not defined."""

    def missing(*_: Any, **__: Any) -> Any:
        raise NameError(f"name {name!r} is not defined")

    return names.get(name, missing) if name else None


def _identifiers(text: str) -> Iterator[str]:
    word = ""
    for char in text + " ":
        if char.isalnum() or char == "_":
            word += char
        elif word:
            if not word[0].isdigit():
                yield word
            word = ""


def _run(
    piece: TestSource, space: dict[str, Any], called: frozenset[str], entry: Any, report: Report
) -> None:
    """Runs one piece in `space`; it counts its own asserts, or once as a whole where it has none."""
    before, calls = report.total, report.calls
    report.begin()
    try:
        exec(compile(piece.code, "tests.py", "exec"), space)
        run_tests(piece, space, called, entry)
    except SystemExit as end:
        if end.code:
            report.fail(piece.source, RuntimeError(f"the test exits with {end.code}"))
    except Exception as error:
        report.fail(piece.source, error)
    if report.total == before and report.calls > calls and _can_fail(piece, space):
        report.count(True, piece.source, "", "")


def _can_fail(piece: TestSource, space: dict[str, Any]) -> bool:
    """Whether a piece without a counted assert checks anything: `print(f(2))` does not."""
    if piece.guards or piece.classes:
        return True
    own = (space.get(name) for name in piece.calls if not hasattr(builtins, name))
    return any(callable(found) and type(found) is not Proxy for found in own)
