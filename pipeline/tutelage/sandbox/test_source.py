"""One piece of tests: what it defines, what it imports, and what of it is to be run.

All of this is read off the piece's own source, never off the names that are there when it runs:
those may be the program's, and a program that defines `check` would switch the tests off.

- Its asserts are counted (`asserts`).
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
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tutelage.sandbox import numpy_stand_in, pytest_stand_in
from tutelage.sandbox.asserts import counted
from tutelage.sandbox.remote import Skipped


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
        Skipped: it is no Python.
    """
    try:
        tree = ast.parse(source)
    except _UNREADABLE as error:
        raise Skipped(f"a test does not parse: {error}") from None
    top = [*_top(tree.body)]
    functions = {
        node.name: len(node.args.args) - len(node.args.defaults)
        for node in top if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }  # fmt: skip
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    guards = any(isinstance(n, ast.Raise | ast.Try | ast.With | ast.Assert) for n in ast.walk(tree))
    return TestSource(
        source,
        counted(tree, source),
        functions,
        tuple(node.name for node in top if isinstance(node, ast.ClassDef)),
        frozenset(function.id for function in called if isinstance(function, ast.Name)),
        guards or any(getattr(f, "attr", "").startswith("assert") for f in called),
    )


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
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
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
    nothing any more, since cases are run without it; `pytest` and `numpy` are stand-ins.
    """
    sys.modules |= {"pytest": pytest_stand_in.module(), "numpy": numpy_stand_in.module()}
    sys.modules["solution"] = program
    unittest.main = lambda *_, **__: None  # type: ignore[assignment]
    for piece in pieces:
        for node in ast.walk(piece.code):
            if isinstance(node, ast.Call):
                _refuse_patches(node)
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            is_program = sys.modules.get(node.module) is program
            if is_program or not _is_here(node.module):
                wanted = {alias.name for alias in node.names}
                if wanted <= {"*", *names}:
                    sys.modules[node.module] = program
                if wanted == {"*"} and names:  # its own names are not to be asked for
                    node.names = [ast.copy_location(ast.alias(name), node) for name in names]


def _refuse_patches(call: ast.Call) -> None:
    """A test that patches the library patches it here, where the program would not see it.

    Raises:
        Skipped
    """
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    first = call.args[0] if call.args else None
    target = first.value if isinstance(first, ast.Constant) else None
    if name in ("patch", "setattr") and isinstance(target, str) and "." in target:
        root, _, rest = target.partition(".")
        here = root != "solution" and _is_here(root)
        if here and rest not in ("input", "print", "stdin", "stdout", "stderr"):
            raise Skipped(f"a test patches {target}")


def _is_here(module: str) -> bool:
    root = module.partition(".")[0]
    try:
        return root in sys.modules or (
            root != "tutelage" and importlib.util.find_spec(root) is not None
        )
    except (ImportError, ValueError):
        return False


def run_tests(
    piece: TestSource, space: dict[str, Any], called: Collection[str], entry: Any
) -> None:
    """Calls what the piece, which has run in `space`, defines as tests; `called` by any piece.

    Raises:
        Skipped: a test wants arguments that nobody knows.
    """
    fixtures = pytest_stand_in.Fixtures(space)
    for name, needs in piece.functions.items():
        if name in called or not (name.startswith("test") or (name == "check" and needs == 1)):
            continue
        if needs == 1 and entry is not None and not fixtures.knows(space[name]):
            space[name](entry)
        else:
            fixtures.call(space[name])
    for name in piece.classes:
        kind = space[name]
        if isinstance(kind, type) and issubclass(kind, unittest.TestCase):
            unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(_Raising())
        elif isinstance(kind, type) and name.startswith("Test"):
            fixtures.call_methods(kind)


class _Raising(unittest.TestResult):
    """Lets the exception of a test go on, so that it is counted as any other."""

    def addError(self, test: Any, err: Any) -> None:
        """Of a test or of what is set up for it."""
        raise err[1]

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """Of a part of a test."""
        if err is not None:
            raise err[1]

    def addUnexpectedSuccess(self, test: Any) -> None:
        """Of a test that was to fail."""
        raise AssertionError("a test that should fail passes")


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _top([*node.body, *node.orelse])


_UNREADABLE = (SyntaxError, ValueError, RecursionError)
