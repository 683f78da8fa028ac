"""What tests use of libraries that are not where programs run: pytest, and of numpy what is near.

No more than tests of single functions need. What is not here makes a test impossible to put
(`Skipped`), not wrong.
"""

import contextlib
import itertools
import math
import unittest
from collections.abc import Callable, Iterator
from typing import Any

from tutelage.sandbox.fixtures import Known, Marks, fixture, param
from tutelage.sandbox.proxy import Skipped, original


@contextlib.contextmanager
def _raising(wanted: Any, match: str) -> Iterator[Any]:
    def matches(pattern: str) -> bool:
        _CASE.assertRegex(str(info.value), pattern)  # noqa: PT009 (it is what pytest has)
        return True

    info = Known("excinfo", match=matches)
    with _CASE.assertRaisesRegex(wanted, match) as caught:  # noqa: PT027
        yield info
    kind = type(caught.exception)
    vars(info).update(value=caught.exception, type=kind, typename=kind.__name__)


def raises(expected_exception: Any, *call: Any, match: Any = "", **named: Any) -> Any:
    """As pytest's: a context, or given a function and its arguments, what that raises."""
    context = _raising(expected_exception, match or "")
    if not call:
        return context
    with context as info:
        call[0](*call[1:], **named)
    return info


def near(got: Any, wanted: Any, slack: Callable[[Any], float]) -> bool:
    """Whether two numbers, or all numbers of two containers, differ by no more than `slack` says."""
    if isinstance(wanted, dict):
        same = isinstance(got, dict) and wanted.keys() == got.keys()
        return same and all(near(got[key], wanted[key], slack) for key in wanted)
    if isinstance(wanted, list | tuple):
        same = isinstance(got, list | tuple) and len(wanted) == len(got)
        return same and all(map(near, got, wanted, itertools.repeat(slack)))
    if wanted == got or isinstance(wanted, _EXACT) or isinstance(got, _EXACT):
        return bool(wanted == got)
    return bool(abs(wanted - got) <= slack(wanted) < math.inf)


class Approx:
    """A number, or numbers in a container, that another may be near to."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False
    ) -> None:
        self._wanted, self._nan_ok = expected, nan_ok
        self._least = 1e-12 if abs is None else abs
        self._relative = 1e-6 if rel is None and abs is None else rel or 0.0

    def __repr__(self) -> str:
        return f"approx({self._wanted!r})"

    def __eq__(self, other: object) -> bool:
        if self._nan_ok and self._wanted != self._wanted:
            return not original(other) and other != other
        return not original(other) and near(
            other,
            self._wanted,
            lambda wanted: max(self._relative * float(abs(wanted)), self._least),
        )


def allclose(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """As numpy's, of numbers and lists of them; one number may stand for all."""
    if isinstance(got, list | tuple) and not isinstance(wanted, list | tuple):
        wanted = [wanted] * len(got)
    elif isinstance(wanted, list | tuple) and not isinstance(got, list | tuple):
        got = [got] * len(wanted)
    return near(got, wanted, lambda number: atol + rtol * abs(number))


@contextlib.contextmanager
def _warns(expected_warning: Any = Warning, *, match: str = "") -> Iterator[Any]:
    with _CASE.assertWarnsRegex(expected_warning, match) as caught:
        yield caught.warnings


def _fail(reason: str = "", **_: Any) -> None:
    raise AssertionError(reason)


def _skip(reason: str = "", **_: Any) -> None:
    raise Skipped(f"a test skips itself: {reason}")


def wait_for_logs(*_: Any, **__: Any) -> None:
    """Stands for `assertLogs`: the program's logs are in its own process."""
    raise Skipped("a test waits for logs")


_CASE = unittest.TestCase()
_EXACT = (bool, str, type(None))
_ARRAYS = ("ndarray", "float16", "float32", "float64", "int32", "int64", "generic")
"""Types of numpy, of which nothing here is an instance."""
MODULES = {
    "pytest": Known(
        "pytest", raises=raises, warns=_warns, approx=Approx, mark=Marks(), fixture=fixture,
        param=param, fail=_fail, skip=_skip, main=lambda *_, **__: 0, importorskip=__import__,
    ),
    "numpy": Known(
        "numpy", allclose=allclose, isclose=allclose, isnan=math.isnan, inf=math.inf, nan=math.nan,
        pi=math.pi, **{name: type(name, (), {}) for name in _ARRAYS},
    ),
}  # fmt: skip
"""What `import` finds in the process of the tests."""
