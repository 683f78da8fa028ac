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
import importlib.util
import re
import sys
import unittest
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
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
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Skipped(f"a test does not parse: {error}") from None
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
    return TestSource(source, counted(tree, source), functions, tuple(classes), calls, guards)


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
    except (SyntaxError, ValueError, RecursionError):
        return ""
    words, kept = identifiers(program), set[int]()
    for _ in body:
        for at, node in enumerate(body):
            if at not in kept and (isinstance(node, _IMPORT) or words & _defined(node)):
                kept.add(at)
                words |= identifiers(ast.unparse(node))
    return "\n".join(ast.unparse(body[at]) for at in sorted(kept))


def classes_meant(texts: Sequence[str]) -> frozenset[str]:
    """Names that the tests use as classes: they are called, and attributes are taken of the result.

    >>> classes_meant(["b = Bag()\\nb.add(3)", "assert Sum(1, 2) == 3"])
    frozenset({'Bag'})
    """
    meant: set[str] = set()
    for text in texts:
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError):
            continue
        made = {
            target.id: _class_of(node.value)
            for node in nodes if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name)
        }  # fmt: skip
        for node in nodes:
            if isinstance(node, ast.Attribute):
                inner = node.value
                meant.add(
                    made.get(inner.id, inner.id)
                    if isinstance(inner, ast.Name)
                    else _class_of(inner)
                )
    return frozenset(name for name in meant if re.fullmatch(r"[A-Z][A-Za-z0-9]*", name))


def _class_of(node: ast.expr) -> str:
    """The name that is called; empty where none is."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {part.id for target in targets if target for part in ast.walk(target)
            if isinstance(part, ast.Name)}  # fmt: skip


class _Program(SimpleNamespace):
    """The program as a module: what a test puts into it, is put into the program."""

    def __init__(self, module: Any, names: dict[str, Any]) -> None:
        super().__init__(**names)
        vars(self)["__module_over_there__"] = module

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        setattr(vars(self)["__module_over_there__"], name, value)


def stand_in(pieces: Sequence[TestSource], module: Any, names: dict[str, Any], entry: str) -> None:
    """Puts the program's `names` where pieces import them from, in this process.

    That is `solution`, and any module that is not here but of which only names of the program are
    wanted. Other modules that are not here stay away: `ModuleNotFoundError`. `unittest.main` does
    nothing any more, since cases are run without it; `pytest` and `numpy` are stand-ins.
    """
    program = _Program(module, names)
    modules = {"solution"}
    sys.modules |= {"pytest": pytest_stand_in.module(), "numpy": numpy_stand_in.module()}
    for piece in pieces:
        for node in ast.walk(piece.code):
            if isinstance(node, ast.Call):
                _refuse_patches(node)
            if not isinstance(node, ast.ImportFrom) or _is_here(node.module or ""):
                continue
            wanted = {alias.name for alias in node.names}
            if entry in wanted or wanted <= {"*", *names}:
                modules.add(node.module or "")
    sys.modules.update(dict.fromkeys(modules, program))  # type: ignore[arg-type]
    unittest.main = lambda *_, **__: None  # type: ignore[assignment]


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
        if rest not in ("input", "print", "stdin", "stdout", "stderr") and _is_here(root):
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
    for name, needs in piece.functions.items():
        if name in called or not (name.startswith("test") or (name == "check" and needs == 1)):
            continue
        fixtures = pytest_stand_in.Fixtures(space)
        if needs == 1 and entry is not None and not fixtures.knows(space[name]):
            space[name](entry)
        else:
            fixtures.call(space[name])
    for name in piece.classes:
        made = space[name]
        if isinstance(made, type) and issubclass(made, unittest.TestCase):
            _run_case(made)
        elif isinstance(made, type) and name.startswith("Test"):
            pytest_stand_in.Fixtures(space).call_methods(made)


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
        self.raised: list[BaseException] = []

    def addError(self, test: Any, err: Any) -> None:
        """Of a test or of what is set up for it."""
        self.raised.append(err[1])

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """Of a part of a test."""
        if err is not None:
            self.addError(test, err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        """Of a test that was to fail."""
        self.raised.append(AssertionError("a test that should fail passes"))


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _top([*node.body, *node.orelse])


_IMPORT = (ast.Import, ast.ImportFrom)
