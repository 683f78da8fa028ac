"""One piece of tests, and the setup: what of them is to be run, and what of them is the program's.

All of this is read off their own source, never off the names that are there when it runs: those may
be the program's, and a program that defines `check` would switch the tests off.

- Asserts are counted (`asserts`).
- Run are, besides the text itself: functions called `test...`, methods `test...` of classes called
  `Test...` and of `unittest` cases, and `check`, which gets the entry point; but no function that
  any piece calls itself.
- `from solution import f`, or from another module that is not here, is the program's `f`.
"""

import ast
import contextlib
import importlib.util
import re
import sys
import unittest
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tutelage.sandbox.asserts import counted
from tutelage.sandbox.remote import Skipped
from tutelage.sandbox.stand_ins import MODULES, Fixtures


@dataclass(frozen=True, slots=True)
class TestSource:
    """A piece of tests, parsed."""

    source: str
    code: ast.Module
    """With its asserts counted."""
    defines: tuple[str, ...]
    """Names of its functions and classes; of inner ones, too."""
    calls: frozenset[str]
    """Names of functions that it calls."""
    guards: bool
    """Whether it may fail without an assert that is counted: it raises, tries, or calls `assert...`."""


def parsed(source: str) -> TestSource:
    """`source` as a piece.

    Raises:
        Skipped: it is no Python, or patches the library here, where the program would not see it.
    """
    try:
        tree = ast.parse(source)
    except _UNREADABLE as error:
        raise Skipped(f"a test does not parse: {error}") from None
    for root, rest in _PATCHED.findall(source):
        if root != "solution" and _is_here(root) and rest not in _OF_THE_TESTS:
            raise Skipped(f"a test patches {root}.{rest}")
    nodes = list(ast.walk(tree))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    guards = any(isinstance(node, _GUARDS) for node in nodes)
    guards = guards or any(getattr(f, "attr", "").startswith("assert") for f in called)
    names = frozenset(function.id for function in called if isinstance(function, ast.Name))
    defines = tuple(node.name for node in nodes if isinstance(node, _DEFINING))
    return TestSource(source, counted(tree, source), defines, names, guards)


def identifiers(text: str) -> set[str]:
    """All that may be a name in a text of Python."""
    return set(re.findall(r"[^\W\d]\w*", text))


def given_to(setup: str, program: str) -> str:
    """What of the setup the program gets: imports, and what it names, or what that names.

    >>> given_to("import math\\nEXPECTED = 4\\ndef half(x): return x / 2", "def f(x): return half(x)")
    'import math\\ndef half(x): return x / 2'
    """
    try:
        body = ast.parse(setup).body
    except _UNREADABLE:
        return ""
    words, kept = identifiers(program), set[int]()
    for _ in body:
        for at, node in enumerate(body):
            wanted = isinstance(node, ast.Import | ast.ImportFrom) or words & _defined(node)
            if at not in kept and wanted:
                kept.add(at)
                words |= identifiers(ast.unparse(node))
    return "\n".join(ast.unparse(body[at]) for at in sorted(kept))


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, _DEFINING):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {part.id for target in targets if target for part in ast.walk(target)
            if isinstance(part, ast.Name)}  # fmt: skip


def classes_meant(texts: Sequence[str]) -> frozenset[str]:
    """Names that the tests use as classes: they are called, and attributes are taken of the result.

    >>> classes_meant(["b = Bag()\\nb.add(3)", "assert Sum(1, 2) == 3"])
    frozenset({'Bag'})
    """
    meant: set[str] = set()
    for text in texts:
        with contextlib.suppress(*_UNREADABLE):
            nodes = list(ast.walk(ast.parse(text)))
            origin = {
                target.id: _called(node.value)
                for node in nodes if isinstance(node, ast.Assign)
                for target in node.targets if isinstance(target, ast.Name)
            }  # fmt: skip
            for node in nodes:
                if isinstance(node, ast.Attribute):
                    whole = node.value
                    name = whole.id if isinstance(whole, ast.Name) else _called(whole)
                    meant.add(origin.get(name, name))
    return frozenset(name for name in meant if re.fullmatch(r"[A-Z][A-Za-z0-9]*", name))


def _called(node: ast.expr) -> str:
    """The name that is called; empty where none is."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def stand_in(pieces: Sequence[TestSource], program: Any, names: Collection[str]) -> None:
    """Puts the `program`, which has `names`, where pieces import it from, in this process.

    That is `solution`, and any module that is not here but of which only names of the program are
    wanted. Other modules that are not here stay away: `ModuleNotFoundError`. `unittest.main` does
    nothing any more, since cases are run without it.
    """
    sys.modules |= {**MODULES, "solution": program}
    unittest.main = lambda *_, **__: None  # type: ignore[assignment]
    nodes = [node for piece in pieces for node in ast.walk(piece.code)]
    for node in nodes:
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if sys.modules.get(node.module) is program or not _is_here(node.module):
            wanted = {alias.name for alias in node.names}
            if wanted <= {"*", *names}:
                sys.modules[node.module] = program
            if wanted == {"*"} and names:  # its own names are not to be asked for
                node.names = [ast.copy_location(ast.alias(name), node) for name in names]


def _is_here(module: str) -> bool:
    root = module.partition(".")[0]
    try:
        return root in sys.modules or (
            root != "tutelage" and importlib.util.find_spec(root) is not None
        )
    except (ImportError, ValueError):
        return False


def run(piece: TestSource, space: dict[str, Any], called: Collection[str], entry: Any) -> None:
    """Runs the piece in `space`, and what it defines as tests but no piece calls itself.

    Args:
        called: what any piece calls.
        entry: what `check` is given.

    Raises:
        Skipped: a test wants arguments that nobody knows.
    """
    before = dict(space)
    exec(compile(piece.code, "tests.py", "exec"), space)
    fixtures = Fixtures(space)
    for name in piece.defines:
        value: Any = space.get(name)
        if value is before.get(name):
            continue
        if isinstance(value, type):
            if issubclass(value, unittest.TestCase):
                unittest.defaultTestLoader.loadTestsFromTestCase(value).run(_Raising())
            elif name.startswith("Test"):
                fixtures.call_methods(value)
        elif name not in called and (name == "check" or name.startswith("test")):
            needs = fixtures.needs(value)
            if len(needs) == 1 and entry is not None and not fixtures.knows(value):
                value(entry)
            elif name != "check" or len(needs) == 1:
                fixtures.call(value)


class _Raising(unittest.TestResult):
    """Lets the exception of a test go on, so that it is counted as any other."""

    def addError(self, test: Any, err: Any) -> None:
        raise err[1]

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            raise err[1]

    def addUnexpectedSuccess(self, test: Any) -> None:
        raise AssertionError("a test that should fail passes")


_UNREADABLE = (SyntaxError, ValueError, RecursionError)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_GUARDS = (ast.Raise, ast.Try, ast.With, ast.Assert, ast.ClassDef)
_PATCHED = re.compile(r"(?:patch|setattr)\(\s*['\"](\w+)\.([\w.]+)['\"]")
_OF_THE_TESTS = frozenset({"input", "print", "stdin", "stdout", "stderr"})
"""What a test may patch, because the program uses that of the tests."""
