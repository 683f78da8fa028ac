"""One piece of tests, and the setup: what of them is to be run, and what of them is the program's.

All of this is read off their own source, never off the names that are there when it runs: those may
be the program's, and a program that defines `check` would switch the tests off.

- Asserts are counted: each becomes a call of `__report__`, also in a `try` that would swallow its
  failure. An assert whose failure something waits for is left as it is.
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

from tutelage.sandbox.proxy import Skipped
from tutelage.sandbox.stand_ins import NUMPY, wait_for_logs


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
    counts: bool
    """Whether it has an assert that is counted."""
    guards: bool
    """Whether it may fail without one: it raises, tries, or calls `assert...` or `exit`."""
    replaces: frozenset[str]
    """Dotted names of what it may replace parts of, such as `random` in `random.seed = f`."""


def parsed(source: str) -> TestSource:
    """`source` as a piece.

    Raises:
        Skipped: it is no Python, or sets the environment, which the program would not see.
    """
    try:
        tree = ast.parse(source)
    except _UNREADABLE as error:
        raise Skipped(f"a test does not parse: {error}") from None
    if _ENVIRONMENT.search(source):
        raise Skipped("a test sets the environment")
    code: ast.Module = _Asserts().visit(tree)
    nodes = list(ast.walk(code))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    guards = any(isinstance(node, _GUARDS) for node in nodes)
    guards = guards or any(_GUARDING.match(ast.unparse(function)) for function in called)
    names = frozenset(function.id for function in called if isinstance(function, ast.Name))
    defines = tuple(node.name for node in nodes if isinstance(node, _DEFINING))
    counts = any(isinstance(node, ast.Name) and node.id == "__report__" for node in nodes)
    aliases = {
        a.asname: a.name for node in nodes if isinstance(node, ast.Import) for a in node.names
    }
    replaces = frozenset(aliases.get(name, name) for node in nodes for name in _replaced(node))
    return TestSource(source, code, defines, names, counts, guards, replaces)


def _replaced(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Assign):
        return [ast.unparse(t.value) for t in node.targets if isinstance(t, ast.Attribute)]
    if isinstance(node, ast.Call) and node.args and _PATCHES.search(ast.unparse(node.func)):
        first = node.args[0]
        name = str(first.value).rpartition(".")[0] if isinstance(first, ast.Constant) else None
        return [(ast.unparse(first) if name is None else name).removeprefix("solution.")]
    return []


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
            wanted = isinstance(node, _IMPORTS) or words & _defined(node)
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


def offer(
    program: Any, defined: Collection[str], names: Collection[str], pieces: Sequence[TestSource]
) -> None:
    """Puts the `program`, which has `defined`, where pieces import it from, in this process.

    A star means only the `names` that they use, and none of Python's own.

    That is `solution`, and any module that is not here but of which only names of the program are
    wanted. Other modules that are not here stay away: `ModuleNotFoundError`. `unittest.main` and
    `pytest.main` do nothing any more: tests are run without them.
    """
    sys.modules |= {"numpy": NUMPY, "solution": program}
    for runner in filter(None, map(sys.modules.get, ("unittest", "pytest"))):
        vars(runner)["main"] = lambda *_, **__: 0
    unittest.TestCase.assertLogs = unittest.TestCase.assertNoLogs = wait_for_logs  # type: ignore
    nodes = [node for piece in pieces for node in ast.walk(piece.code)]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (module := node.module):
            wanted = {alias.name for alias in node.names}
            if wanted <= {"*", *defined} and not _is_here(module, *wanted):
                node.module = "solution"
                sys.modules.setdefault(module, program)
            if wanted == {"*"} and names and node.module == "solution":
                # its own names are not to be asked for
                node.names = [ast.copy_location(ast.alias(name), node) for name in names]
        for alias in node.names if isinstance(node, ast.Import) else ():
            called = alias.asname or alias.name
            attributes = [n for n in nodes if isinstance(n, ast.Attribute)]
            used = {n.attr for n in attributes if getattr(n.value, "id", "") == called}
            if used and used <= {*defined} and not _is_here(alias.name):
                sys.modules[alias.name] = program


def _is_here(module: str, *names: str) -> bool:
    """Whether a module can be imported here, and has these names."""
    if module in sys.stdlib_module_names and "*" not in names:
        return all(hasattr(importlib.import_module(module), name) for name in names)
    root = module.partition(".")[0]
    with contextlib.suppress(ImportError, ValueError):
        return root in sys.modules or (root != "tutelage" and bool(importlib.util.find_spec(root)))
    return False


class _Asserts(ast.NodeTransformer):
    """Turns asserts into calls of `__report__`, which goes on after one that fails.

    Not those whose failure something waits for.
    """

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """`from .solution import f` has no package here."""
        if node.level:
            node.module, node.level = node.module or "solution", 0
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """Left alone where a failure is wanted, or may be: `with pytest.raises(E)`, `with wanted`."""
        contexts = [item.context_expr for item in node.items]
        may = any("aises" in ast.unparse(one) or isinstance(one, ast.Name) for one in contexts)
        return node if may else self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """Left alone, but where its failures would come to nothing: `except AssertionError`."""
        handlers = "\n".join(map(ast.unparse, node.handlers))
        if _SWALLOWS.search(handlers) and not _ENDS.search(handlers):
            node.body = [self.visit(child) for child in node.body]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert a == b` becomes `__report__.judge("assert a == b", [lambda: a, lambda: b], ...)`."""
        test = node.test
        if isinstance(test, ast.Constant):
            return node  # says that this line should not be reached
        if isinstance(test, ast.Tuple) and len(test.elts) == 2:
            test = test.elts[0]  # `assert (a == b, "words")` means its first half
        return _counted(test, node)


def _counted(test: ast.expr, node: ast.stmt) -> ast.stmt:
    """The call that stands for `assert test`; `node` itself where that cannot be in a function."""
    if any(isinstance(part, _ODD) or getattr(part, "is_async", 0) for part in ast.walk(test)):
        return node
    call: Any = ast.parse(_CALL).body[0]
    words, sides, holds, mirrored, computed = call.value.args
    words.value = ast.unparse(node)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        sides.elts[0].body, sides.elts[1].body = left, right
        holds.body.ops = test.ops
        mirrored.value = _mirrored(left, right)
        computed.value = tuple(not isinstance(side, ast.Name) for side in (left, right))
    else:
        sides.elts[0].body, holds.body = test, holds.body.left
        del sides.elts[1], holds.args.args[1]
    result: ast.stmt = ast.fix_missing_locations(ast.copy_location(call, node))
    return result


def _mirrored(left: ast.expr, right: ast.expr) -> bool | None:
    """Whether the left side is what is expected; None where it is the one that calls nothing."""
    if _is_literal(left) or _is_literal(right):
        return not _is_literal(right)
    named = [isinstance(s, ast.Name) and bool(_EXPECTED.match(s.id)) for s in (left, right)]
    return named[0] if named[0] != named[1] else None


def _is_literal(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call | ast.Await) for part in ast.walk(node))


_UNREADABLE = (SyntaxError, ValueError, RecursionError)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_GUARDS = (ast.Raise, ast.Try, ast.With, ast.Assert, ast.ClassDef)
_GUARDING = re.compile(r"(?:.*\.)?(?:assert\w+|_?exit|quit|fail)$")
_IMPORTS = (ast.Import, ast.ImportFrom)
_PATCHES = re.compile(r"\b(?:patch|patch\.object|setattr)$")
_ENVIRONMENT = re.compile(
    r"environ\b[^=\n]*\]\s*=[^=]|patch\.dict\(\s*['\"]?os\.environ|monkeypatch\.(?:setenv|delenv|chdir)"
)
_CALL = (
    "__report__.judge('', [lambda: 0, lambda: 0], lambda left, right: left == right, None, False)"
)
_ODD = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_EXPECTED = re.compile(r"(?:exp|want|correct|gold|right|truth|target)", re.I)
_SWALLOWS = re.compile(r"^except(?::|.*\b(?:AssertionError|(?:Base)?Exception)\b)", re.M)
_ENDS = re.compile(r"^\s+(?:(?:raise|assert)\b|(?:\w+\.)*(?:exit|fail)\()", re.M)
"""What makes a failure of an `except` branch again."""
