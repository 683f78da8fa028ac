"""Asserts of a test, made to be counted: each becomes a call of `__report__`, which goes on after it.

So does a comparison that stands alone or is printed (`f(2) == 4`), and an assert in a `try` that would
swallow its failure. An assert whose failure something waits for is left as it is.
"""

import ast
import re


def counted(tree: ast.Module, source: str) -> ast.Module:
    """`tree`, changed, with its asserts counted."""
    code: ast.Module = _Asserts(source).visit(tree)
    code.body = [_judged(node, source) for node in code.body]
    return code


class _Asserts(ast.NodeTransformer):
    """Turns asserts into calls of `__report__`, but for those whose failure something may want."""

    def __init__(self, source: str) -> None:
        self._source = source

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """`from .solution import f` has no package here."""
        if node.level:
            node.module, node.level = node.module or "solution", 0
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """Left alone where a failure is wanted: `with pytest.raises(AssertionError)`."""
        wanted = any("aises" in ast.unparse(item.context_expr) for item in node.items)
        return node if wanted else self.generic_visit(node)

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
        return _counted(test, node, self._source)


def _judged(node: ast.stmt, source: str) -> ast.stmt:
    """A comparison that stands alone, or is all that is printed, as an assert."""
    if not isinstance(node, ast.Expr):
        return node
    test = node.value
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "print":
        test = test.args[0] if len(test.args) == 1 else test
    return _counted(test, node, source) if isinstance(test, ast.Compare) else node


def _counted(test: ast.expr, node: ast.stmt, source: str) -> ast.stmt:
    """The call that stands for `assert test`; `node` itself where that cannot be in a function."""
    if any(isinstance(part, _ODD) for part in ast.walk(test)):
        return node
    call = ast.parse("__report__.judge('', [], lambda left, right: left == right, None, False)")
    words, sides, holds, mirrored, steady = call.body[0].value.args  # type: ignore[attr-defined]
    words.value = ast.get_source_segment(source, node) or "assert"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        sides.elts = [_function(left), _function(right)]
        holds.body.ops = test.ops
        mirrored.value, steady.value = _mirrored(left, right), _steady(right)
    else:
        sides.elts, holds.body = [_function(test)], holds.body.left
        del holds.args.args[1]
    return ast.fix_missing_locations(ast.copy_location(call.body[0], node))


def _function(body: ast.expr) -> ast.expr:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)


def _mirrored(left: ast.expr, right: ast.expr) -> bool | None:
    """Whether the left side is what is expected; None where it is the one that calls nothing."""
    if _is_literal(left) or _is_literal(right):
        return not _is_literal(right)
    named = [isinstance(s, ast.Name) and bool(_EXPECTED.match(s.id)) for s in (left, right)]
    return named[0] if named[0] != named[1] else None


def _is_literal(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call | ast.Await) for part in ast.walk(node))


def _steady(right: ast.expr) -> bool:
    """Whether a side works out the expected value from names, and may be worked out twice."""
    parts = list(ast.walk(right))
    calls = [part.func for part in parts if isinstance(part, ast.Call)]
    return (
        any(isinstance(part, ast.Call | ast.Subscript) for part in parts)
        and all(isinstance(call, ast.Name) and call.id in _PURE for call in calls)
        and not any(isinstance(part, ast.Attribute | ast.Lambda) for part in parts)
    )


_ODD = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_EXPECTED = re.compile(r"(?:exp|want|correct|gold|right|truth|target)", re.I)
_PURE_NAMES = "sorted len sum max min list set tuple str abs dict reversed range"
_PURE = frozenset(_PURE_NAMES.split())
_SWALLOWS = re.compile(r"^except(?::|.*\b(?:AssertionError|(?:Base)?Exception)\b)", re.M)
_ENDS = re.compile(r"^\s+(?:(?:raise|assert)\b|(?:\w+\.)*(?:exit|fail)\()", re.M)
"""What makes a failure of an `except` branch again."""
