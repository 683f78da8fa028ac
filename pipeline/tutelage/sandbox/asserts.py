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
        swallowed = [_caught(handler) & _ASSERTION for handler in node.handlers]
        if any(swallowed) and not any(map(_raises, node.handlers)):
            node.body = [self.visit(child) for child in node.body]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert a == b` becomes `__report__.compare(..., lambda: a, lambda: b, ...)`."""
        test = node.test
        if isinstance(test, ast.Constant):
            return node  # says that this line should not be reached
        if isinstance(test, ast.Tuple) and len(test.elts) == 2:
            test = test.elts[0]  # `assert (a == b, "words")` means its first half
        return _counted(test, node, self._source)


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
    return _counted(test, node, source) if isinstance(test, ast.Compare) else node


def _counted(test: ast.expr, node: ast.stmt, source: str) -> ast.stmt:
    """The call that stands for `assert test`; `node` itself where that cannot be in a function."""
    if any(isinstance(part, _ODD) for part in ast.walk(test)):
        return node
    words = ast.Constant(ast.get_source_segment(source, node) or "assert")
    arguments: list[ast.expr] = [words, _function(test)]
    name = "check"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        name, left, right = "compare", test.left, test.comparators[0]
        a, b = (ast.Name(n, ast.Load()) for n in ("__left__", "__right__"))
        holds = _function(ast.Compare(a, test.ops, [b]), a.id, b.id)
        arguments = [words, _function(left), _function(right), holds]
        arguments += [ast.Constant(_mirrored(left, right)), ast.Constant(_steady(right))]
    report = ast.Attribute(ast.Name("__report__", ast.Load()), name, ast.Load())
    call = ast.Expr(ast.Call(report, arguments, []))
    return ast.fix_missing_locations(ast.copy_location(call, node))


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
    calls = [part for part in parts if isinstance(part, ast.Call)]
    return (
        any(isinstance(part, ast.Call | ast.Subscript) for part in parts)
        and all(isinstance(call.func, ast.Name) and call.func.id in _PURE for call in calls)
        and all(isinstance(part, _WORKED_OUT) for part in parts)
    )


def _function(body: ast.expr, *names: str) -> ast.expr:
    return ast.Lambda(ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, []), body)


_ODD = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_WORKED_OUT = (
    ast.Name, ast.Call, ast.Constant, ast.Load, ast.keyword, ast.BinOp, ast.operator, ast.List,
    ast.Tuple, ast.Subscript, ast.Slice, ast.UnaryOp, ast.unaryop,
)  # fmt: skip
_EXPECTED = re.compile(r"(?:exp|want|correct|gold|right|truth|target)", re.I)
_PURE_NAMES = "sorted len sum max min list set tuple str abs dict reversed range"
_PURE = frozenset(_PURE_NAMES.split())
_ASSERTION = {"AssertionError", "Exception", "BaseException"}
