"""One piece of tests: what it defines, what it imports, and what of it is to be run.

All of this is read off the piece's own source, never off the names that are there when it runs:
those may be the program's, and a program that defines `check` would switch the tests off.

- An `assert` becomes a call of `__report__`, which counts it and goes on. So does a comparison that
  stands alone or is printed (`f(2) == 4`), and an assert in a `try` that would swallow its failure.
- Run are, besides the text itself: functions called `test...`, methods `test...` of classes called
  `Test...` and of `unittest` cases, and `check`, which gets the entry point; but no function that
  any piece calls itself.
- `from solution import f`, or from another module that is not here, is the program's `f`.
"""

import ast
import importlib.util
import inspect
import sys
import unittest
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from tutelage.sandbox.proxy import Skipped


@dataclass(frozen=True, slots=True)
class TestSource:
    """A piece of tests, parsed."""

    source: str
    code: ast.Module
    """With its asserts counted."""
    functions: dict[str, int]
    """Functions that it defines at its top, and how many arguments they need."""
    classes: tuple[str, ...]
    calls: frozenset[str]
    """Names of functions that it calls."""
    guards: bool
    """Whether it may fail without an assert that is counted: it raises, tries, or calls `assert...`."""


def parsed(source: str) -> TestSource:
    """`source` as a piece.

    Raises:
        SyntaxError, ValueError, RecursionError: it is no Python.
    """
    tree = ast.parse(source)
    functions: dict[str, int] = {}
    classes: list[str] = []
    for node in _top(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = len(node.args.args) - len(node.args.defaults)
        elif isinstance(node, ast.ClassDef):
            classes.append(node.name)
    called = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
    calls = frozenset(f.id for f in called if isinstance(f, ast.Name))
    guards = any(isinstance(n, ast.Raise | ast.Try | ast.With | ast.Assert) for n in ast.walk(tree))
    guards = guards or any(getattr(f, "attr", "").startswith("assert") for f in called)
    code: ast.Module = _Asserts(source).visit(tree)
    code.body = [_judged(node, source) for node in code.body]
    return TestSource(source, code, functions, tuple(classes), calls, guards)


def stand_in(pieces: Sequence[TestSource], names: dict[str, Any], entry: str) -> None:
    """Puts the program's `names` where pieces import them from, in this process.

    That is `solution`, and any module that is not here but of which only names of the program are
    wanted. Other modules that are not here stay away: `ModuleNotFoundError`. `unittest.main` does
    nothing any more, since cases are run without it.
    """
    program = SimpleNamespace(**names)
    modules = {"solution"}
    for piece in pieces:
        for node in ast.walk(piece.code):
            if not isinstance(node, ast.ImportFrom) or _is_here(node.module or ""):
                continue
            wanted = {alias.name for alias in node.names}
            if entry in wanted or wanted <= {"*", *names}:
                modules.add(node.module or "")
    sys.modules.update(dict.fromkeys(modules, program))  # type: ignore[arg-type]
    unittest.main = lambda *_, **__: None  # type: ignore[assignment]


def _is_here(module: str) -> bool:
    root = module.partition(".")[0]
    try:
        return root != "tutelage" and importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        return False


def run_tests(
    piece: TestSource, space: dict[str, Any], called: Collection[str], entry: Any
) -> None:
    """Calls what the piece, which has run in `space`, defines as tests; `called` by any piece.

    Raises:
        Skipped: a test wants arguments that nobody knows.
    """
    for name, needs in piece.functions.items():
        is_test = name.startswith("test_" if needs else "test") or (name == "check" and needs == 1)
        if name in called or not is_test:
            continue
        if needs > 1 or (needs and entry is None):
            raise Skipped(f"{name} wants arguments")
        result = space[name](*[entry] * needs)
        if inspect.iscoroutine(result):
            result.close()
            raise Skipped(f"{name} is asynchronous")
    for name in piece.classes:
        made = space[name]
        if not isinstance(made, type):
            continue
        if issubclass(made, unittest.TestCase):
            _run_case(made)
        elif name.startswith("Test"):
            _run_methods(made)


def _run_methods(made: type) -> None:
    """As pytest does: a new object for each test."""
    for name in [name for name in dir(made) if name.startswith("test")]:
        one = made()
        _if_any(one, "setup_method")()
        getattr(one, name)()
        _if_any(one, "teardown_method")()


def _if_any(one: Any, name: str) -> Callable[[], Any]:
    method = getattr(one, name, None)
    if method is None:
        return lambda: None
    return lambda: method(*[None] * len(inspect.signature(method).parameters))


def _run_case(made: type[unittest.TestCase]) -> None:
    """Runs all tests of a unittest case; raises what the first one that failed raised."""
    found = _Found()
    unittest.defaultTestLoader.loadTestsFromTestCase(made).run(found)
    for error in sorted(found.raised, key=lambda error: isinstance(error, AssertionError)):
        raise error


class _Found(unittest.TestResult):
    """Keeps the exceptions themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.raised: list[Exception] = []

    def addError(self, test: Any, err: Any) -> None:
        """Of a test or of what is set up for it."""
        self.raised.append(err[1] if isinstance(err[1], Exception) else RuntimeError(str(err[1])))

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """Of a part of a test."""
        if err is not None:
            self.addError(test, err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        """Of a test that was to fail."""
        self.raised.append(AssertionError("a test that should fail passes"))


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under its `if` and `try` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _top([*node.body, *node.orelse])


class _Asserts(ast.NodeTransformer):
    """Turns asserts into calls of `__report__`, but for those whose failure a `try` may want."""

    def __init__(self, source: str) -> None:
        self._source = source

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """`from .solution import f` has no package here."""
        if node.level:
            node.module, node.level = node.module or "solution", 0
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """Left alone, but where its failures would come to nothing: `except AssertionError`."""
        swallowed = [_caught(handler) & _ASSERTION for handler in node.handlers]
        if any(swallowed) and not any(_raises(handler) for handler in node.handlers):
            node.body = [self.visit(child) for child in node.body]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert a == b` becomes `__report__.compare(..., lambda: a, lambda: b, ...)`."""
        test = node.test
        if isinstance(test, ast.Constant):
            return node  # says that this line should not be reached
        if isinstance(test, ast.Tuple) and len(test.elts) == 2:
            test = test.elts[0]  # `assert (a == b, "words")` means its first half
        return _counted(test, node, self._source) or node


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"Exception"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(
        isinstance(node, ast.Raise | ast.Assert)
        or (isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("exit", "fail"))
        for node in ast.walk(handler)
    )


def _judged(node: ast.stmt, source: str) -> ast.stmt:
    """A comparison that stands alone, or is all that is printed, as an assert."""
    if not isinstance(node, ast.Expr):
        return node
    test = node.value
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "print":
        test = test.args[0] if len(test.args) == 1 else test
    if isinstance(test, ast.Compare):
        return _counted(test, node, source) or node
    return node


def _counted(test: ast.expr, node: ast.stmt, source: str) -> ast.stmt | None:
    """The call that stands for `assert test`; None where it cannot be put into a function."""
    odd = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    if any(isinstance(part, odd) for part in ast.walk(test)):
        return None
    words = ast.Constant(ast.get_source_segment(source, node) or "assert")
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        name = "compare"
        names = ("__left__", "__right__")
        a, b = (ast.Name(n, ast.Load()) for n in names)
        holds = _function(ast.Compare(a, test.ops, [b]), *names)
        arguments = [words, _function(test.left), _function(test.comparators[0]), holds]
    else:
        name, arguments = "check", [words, _function(test)]
    report = ast.Attribute(ast.Name("__report__", ast.Load()), name, ast.Load())
    call = ast.Expr(ast.Call(report, arguments, []))
    return ast.fix_missing_locations(ast.copy_location(call, node))


def _function(body: ast.expr, *names: str) -> ast.expr:
    arguments = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
    return ast.Lambda(arguments, body)


_ASSERTION = {"AssertionError", "Exception", "BaseException"}
