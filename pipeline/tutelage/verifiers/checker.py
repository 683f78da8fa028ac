"""The side of the tests: runs them where the student's program is not.

A test is Python that names the student's functions. Here each such name is a stand-in (`Far`) that
sends its arguments to the process of the program (`host`) and gives back plain data. All that the
tests compare, they compare in this process, so the program can neither patch nor skip nor read
them: `sys.exit(0)`, a printed "passed", a changed `assert`, an object that equals everything, all
come to nothing. What the program may do is to answer a call, rightly or wrongly.

- An assert that stands in no `try` is counted, and the tests go on after it fails.
- A piece of tests without such an assert counts as one test, which an exception fails.
"""

import ast
import builtins
import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from tutelage import seeds
from tutelage.verifiers.far import SHOWN, Client, Skipped, shown
from tutelage.verifiers.wire import Broken, Pipe, Unsendable


class Report:
    """Counts what the tests found, and keeps the first failure."""

    def __init__(self, client: Client) -> None:
        self.passed = self.total = 0
        self.failure: dict[str, str] = {}
        self._client = client

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


class _Asserts(ast.NodeTransformer):
    """Turns asserts into calls of `__report__`, but for those whose failure a `try` may want."""

    def __init__(self, source: str) -> None:
        self._source = source

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """Left alone."""
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert a == b` becomes `__report__.compare(..., lambda: a, lambda: b, ...)`."""
        odd = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
        if any(isinstance(part, odd) for part in ast.walk(node.test)):
            return node
        source = ast.Constant(ast.get_source_segment(self._source, node) or "assert")
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            name = "compare"
            names = ("__left__", "__right__")
            a, b = (ast.Name(n, ast.Load()) for n in names)
            holds = _function(ast.Compare(a, test.ops, [b]), *names)
            arguments = [source, _function(test.left), _function(test.comparators[0]), holds]
        else:
            name, arguments = "check", [source, _function(test)]
        report = ast.Attribute(ast.Name("__report__", ast.Load()), name, ast.Load())
        call = ast.Expr(ast.Call(report, arguments, []))
        return ast.fix_missing_locations(ast.copy_location(call, node))


def _function(body: ast.expr, *names: str) -> ast.expr:
    arguments = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
    return ast.Lambda(arguments, body)


def examine(job: dict[str, Any], pipe: Pipe, wall_s: float) -> dict[str, Any]:
    """Runs the tests of `job` (setup, program, tests, entry_point) on the program behind `pipe`.

    Gives `passed`, `total`, `first_failure`, `fate` (how the program ended, where it did), and
    `skipped`, where the tests cannot be put.
    """
    client = Client(pipe)
    report = Report(client)
    found: dict[str, Any] = {"fate": "", "skipped": ""}
    pieces = [(source, _parsed(source)) for source in job["tests"]]
    broken = [str(tree) for _, tree in pieces if isinstance(tree, Exception)]
    if broken:
        skipped = f"a test does not parse: {broken[0]}"
        return {"passed": 0, "total": 0, "first_failure": {}, "fate": "", "skipped": skipped}
    untried = len(pieces)
    try:
        pipe.deadline = time.monotonic() + wall_s
        space = _space(client, job)
        for source, tree in pieces:
            pipe.deadline = time.monotonic() + wall_s
            fresh = dict(space, __report__=report)
            _run(source, tree, fresh, job["entry_point"], report)
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


def _space(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    """The names that tests see: the program's, under the setup's, but the entry point on top."""
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
        space[entry] = names[entry]
    return space


def _identifiers(text: str) -> Iterator[str]:
    word = ""
    for char in text + " ":
        if char.isalnum() or char == "_":
            word += char
        elif word:
            if not word[0].isdigit():
                yield word
            word = ""


def _parsed(source: str) -> ast.Module | Exception:
    try:
        tree: ast.Module = _Asserts(source).visit(ast.parse(source))
        return tree
    except (SyntaxError, ValueError, RecursionError) as error:
        return error


def _run(source: str, tree: Any, space: dict[str, Any], entry: str, report: Report) -> None:
    """Runs one piece; it counts its own asserts, or once as a whole where it has none."""
    before, given = report.total, set(space)
    report.begin()
    try:
        exec(compile(tree, "tests.py", "exec"), space)
        for name in [n for n in space if n not in given and n not in _called(tree)]:
            if name.startswith("test_") and callable(space[name]):
                space[name]()
            elif name == "check" and entry:
                space[name](space[entry])
    except Exception as error:
        report.fail(source, error)
    if report.total == before:
        report.count(True, source, "", "")


def _called(tree: ast.Module) -> set[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}
