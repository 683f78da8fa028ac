"""The side of the tests: runs them where the student's program is not.

Each name of the student's is a stand-in (`remote`) here, which asks the process of the program. All
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
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tutelage import seeds
from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox import test_source
from tutelage.sandbox.endpoint import LIBRARY, SETTINGS, SHOWN, Endpoint
from tutelage.sandbox.remote import OWNERS, Skipped, owner
from tutelage.sandbox.test_source import TestSource


class Client(Endpoint):
    """The tests' end of the pipe, which counts what they find and keeps the first failure."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe, first=0, strict=True)
        self.calls = 0
        self.last = ""
        """The last call that a test made, as text."""
        self.passed = self.total = 0
        self.failure: dict[str, str] = {}

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object of the program's."""
        self.calls += 1
        words = [*map(shown, arguments), *(f"{k}={shown(v)}" for k, v in named.items())]
        self.last = f"{OWNERS[id(on)].label}({', '.join(words)})"[:SHOWN]
        return super().call(on, *arguments, **named)

    def _do_typed(self, _: Any) -> str:
        return sys.stdin.readline() if builtins.input is _INPUT else f"{builtins.input()}\n"

    def judge(
        self, source: str, sides: Sequence[Callable[[], Any]], holds: Callable[..., Any],
        mirrored: bool | None, steady: bool,
    ) -> None:  # fmt: skip
        """Stands for `assert left == right`, or with another operator, or of one side alone.

        Args:
            holds: says of the sides whether the assert does.
            mirrored: whether the left side is what is expected; None for the one without a call.
            steady: whether the right side must be the same before the left side is worked out.
        """
        self.begin()
        early = ""
        with contextlib.suppress(Exception):  # it may only be there after the call
            early = shown(sides[1]()) if steady else ""
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
        if held and early not in ("", shown(values[-1])):
            raise Skipped("what a test expects changes with the call")
        if mirrored is None:
            mirrored = calls[0] == calls[1] < calls[-1]
        texts = [*map(shown, values), "a true value"]
        wanted, got = texts[:2] if mirrored and len(sides) > 1 else texts[1::-1]
        self.count(held, source, wanted, got)

    def begin(self) -> None:
        """Forgets what the test before this one did."""
        self.last = self.trace = ""

    def fail(self, source: str, error: BaseException, expected: str = "") -> None:
        """Counts a test that an exception ended.

        Raises:
            Broken, Skipped: `error`, where it is one of these.
        """
        if isinstance(error, Broken | Skipped):
            raise error
        if isinstance(error, ModuleNotFoundError) and error is not self.raised:
            raise Skipped(f"{error}") from None
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


def examine(job: dict[str, Any], pipe: Pipe, wall_s: float) -> dict[str, Any]:
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
        names, space = _space(client, job, pieces)
        entry = job["entry_point"]
        point = names.get(entry, lambda *_, **__: eval(entry, {})) if entry else None
        space |= {"__name__": "__main__", "__report__": client}
        called = frozenset[str]().union(*(piece.calls for piece in pieces))
        for piece in pieces:
            pipe.deadline = time.monotonic() + wall_s
            if entry in names:
                space[entry] = point
            _run(piece, space, called, point, client)
            untried -= 1
    except Broken:
        pass
    except Skipped as error:
        skipped = str(error)
    except BaseException as error:  # of the program as it loaded
        client.begin()
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


def _space(
    client: Client, job: dict[str, Any], pieces: Sequence[TestSource]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program's names, and all that tests see: under the setup's, but the entry point on top."""
    setup, entry, program = job["setup"], job["entry_point"], job["program"]
    texts = [setup, *job["tests"]]
    client.meant = test_source.classes_meant(texts)
    module, defined, given = client.ask("load", None, test_source.given_to(setup, program), program)
    OWNERS[id(module)].label = ""
    wanted = {entry}.union(*map(test_source.identifiers, texts))
    wanted = {name for name in wanted if name == entry or not hasattr(builtins, name)}
    names = {name: getattr(module, name) for name in defined if name in wanted}
    random.seed(seeds.seed(*texts))
    for library, name in LIBRARY:
        function = getattr(sys.modules[library], name)
        setattr(sys.modules[library], name, _forwarded(client, library, name, function))
    space: dict[str, Any] = {"__name__": "tests", **names}
    with contextlib.suppress(Exception):  # what fails here, fails again where a test needs it
        exec(compile(setup, "setup.py", "exec"), space)
    client.values.given = {
        name: kind for name, kind in space.items()
        if name in given and isinstance(kind, type) and kind.__module__ == "tests"
    }  # fmt: skip
    if entry in names:
        space["candidate"] = names[entry]
    test_source.stand_in(pieces, module, {*names, entry} - {""})
    return names, space


def _forwarded(client: Client, module: str, name: str, own: Callable[..., Any]) -> Any:
    """A function of the library that looks into an object, or seeds chance, does so there as well."""

    def function(*arguments: Any, **named: Any) -> Any:
        there = arguments and owner(arguments[0])
        result = None if there else own(*arguments, **named)
        if there or (module, name) in SETTINGS:
            over = client.ask("library", None, module, name, *arguments, **named)
        return over if there else result

    return function


def _run(
    piece: TestSource, space: dict[str, Any], called: frozenset[str], entry: Any, client: Client
) -> None:
    """Runs one piece in `space`; it counts its own asserts, or once as a whole where it has none."""
    before, calls = client.total, client.calls
    client.begin()
    try:
        test_source.run(piece, space, called, entry)
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code or error is client.raised:
            client.fail(piece.source, error)
    own = (space.get(name) for name in piece.calls if not hasattr(builtins, name))
    can_fail = piece.guards or any(callable(one) and not owner(one) for one in own)
    if client.total == before and client.calls > calls and can_fail:
        client.count(True, piece.source, "", "")


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


_INPUT = builtins.input
