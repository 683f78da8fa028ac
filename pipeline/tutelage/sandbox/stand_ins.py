"""What tests use of libraries that are not where programs run: pytest, and of numpy what is near.

No more than tests of single functions need. What is not here makes a test impossible to put
(`Skipped`), not wrong.
"""

import asyncio
import collections
import contextlib
import inspect
import io
import itertools
import math
import re
import tempfile
import types
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tutelage.sandbox.proxy import Skipped, original


class _Known(types.ModuleType):
    """Has some names; a test that wants another one cannot be put."""

    def __init__(self, module: str, **names: Any) -> None:
        super().__init__(module)
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Skipped(f"a test wants {self.__name__}.{name}")


@contextlib.contextmanager
def _raising(wanted: Any, match: str) -> Iterator[Any]:
    def matches(pattern: str) -> bool:
        _CASE.assertRegex(str(info.value), pattern)  # noqa: PT009 (it is what pytest has)
        return True

    info = types.SimpleNamespace(match=matches)
    with _CASE.assertRaisesRegex(wanted, match) as caught:  # noqa: PT027
        yield info
    info.value, info.type = caught.exception, type(caught.exception)


def raises(wanted: Any, *call: Any, match: str | None = "", **named: Any) -> Any:
    """As pytest's: a context, or given a function and its arguments, what that raises."""
    context = _raising(wanted, match or "")
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

    def __init__(self, wanted: Any, rel: float | None = None, abs: float | None = None) -> None:
        self._wanted = wanted
        self._least = 1e-12 if abs is None else abs
        self._relative = 1e-6 if rel is None and abs is None else rel or 0.0

    def __repr__(self) -> str:
        return f"approx({self._wanted!r})"

    def __eq__(self, other: object) -> bool:
        return not original(other) and near(
            other, self._wanted, lambda wanted: max(self._relative * abs(wanted), self._least)
        )


def allclose(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """As numpy's, of numbers and lists of them; one number may stand for all."""
    if isinstance(got, list | tuple) and not isinstance(wanted, list | tuple):
        wanted = [wanted] * len(got)
    elif isinstance(wanted, list | tuple) and not isinstance(got, list | tuple):
        got = [got] * len(wanted)
    return near(got, wanted, lambda number: atol + rtol * abs(number))


class _Marks:
    """`pytest.mark`: of all marks only `parametrize`, `skip` and `xfail` do anything."""

    def __getattr__(self, name: str) -> Any:
        def mark(*given: Any, **_: Any) -> Any:
            def put(function: Any) -> Any:
                if name == "parametrize":
                    function.cases = [*getattr(function, "cases", []), _cases(*given[:2])]
                elif name in ("skip", "xfail"):
                    function.skipped = True
                return function

            bare = name != "parametrize" and len(given) == 1 and callable(given[0])
            return put(given[0]) if bare else put

        return mark


def _cases(names: Any, rows: Any) -> list[dict[str, Any]]:
    words = re.split(r"\s*,\s*", names.strip()) if isinstance(names, str) else list(names)
    values = [row if isinstance(row, tuple | list) and len(words) > 1 else (row,) for row in rows]
    return [dict(zip(words, row, strict=True)) for row in values]


def fixture(function: Any = None, *, autouse: bool = False, params: Any = None, **_: Any) -> Any:
    """Marks a function as one that makes an argument of tests."""
    if params is not None:
        raise Skipped("a fixture with parameters")
    if function is None:
        return lambda maker: fixture(maker, autouse=autouse)
    function.is_automatic = autouse
    return function


class Fixtures:
    """Calls test functions with what their arguments name.

    Args:
        space: where fixtures are defined.
    """

    def __init__(self, space: dict[str, Any]) -> None:
        self._space = space
        self._makers = _MAKERS | {
            name: maker for name, maker in space.items()
            if isinstance(maker, types.FunctionType | types.MethodType)
            and hasattr(maker, "is_automatic")
        }  # fmt: skip

    def knows(self, function: Any) -> bool:
        """Whether all arguments of a test are fixtures or parameters."""
        rows = itertools.chain(*getattr(function, "cases", []))
        return {*self.needs(function)} <= {*self._makers}.union(*rows)

    def needs(self, function: Any) -> list[str]:
        """Arguments that a test must be given; the first ones may be for `mock.patch` to give."""
        patches = getattr(function, "patchings", ())
        parameters = inspect.signature(function).parameters.values()
        names = [one.name for one in parameters if one.default is one.empty]
        return names[sum(patch.new is mock.DEFAULT for patch in patches) :]

    def call(self, function: Any, *cases: Any) -> None:
        """Runs a test, once for each of its cases.

        Raises:
            Skipped: it wants an argument that nobody knows.
        """
        if getattr(function, "skipped", False):
            return
        for rows in itertools.product(*getattr(function, "cases", []), *cases):
            values = {name: value for row in rows for name, value in row.items()}
            with contextlib.ExitStack() as stack:
                for name, maker in self._makers.items():
                    if getattr(maker, "is_automatic", False):
                        self._value(name, values, stack)
                result = function(**self._values(function, values, stack))
                if inspect.iscoroutine(result):
                    asyncio.run(result)

    def call_methods(self, kind: type) -> None:
        """Runs the tests of a class, each on an object of its own."""
        _call_if_any(kind, "setup_class")
        for name in [name for name in dir(kind) if name.startswith("test")]:
            one = kind()
            methods = dict(inspect.getmembers(one, inspect.ismethod))
            _call_if_any(one, "setup_method")
            Fixtures(self._space | methods).call(methods[name], *getattr(kind, "cases", []))
            _call_if_any(one, "teardown_method")

    def _values(self, function: Any, values: dict[str, Any], stack: Any) -> dict[str, Any]:
        return {name: self._value(name, values, stack) for name in self.needs(function)}

    def _value(self, name: str, values: dict[str, Any], stack: contextlib.ExitStack) -> Any:
        if name not in values:
            if (maker := self._makers.get(name)) is None:
                raise Skipped(f"a test wants {name}, which nobody knows")
            value = maker(**self._values(maker, values, stack))
            if inspect.isgeneratorfunction(maker):
                stack.callback(next, value, None)
                value = next(value)
            values[name] = value
        return values[name]


def _call_if_any(one: Any, name: str) -> None:
    if method := getattr(one, name, None):
        method(*[None] * len(inspect.signature(method).parameters))


def _capsys() -> Iterator[Any]:
    out, errors = io.StringIO(), io.StringIO()

    def readouterr() -> Any:
        captured = _Captured(out.getvalue(), errors.getvalue())
        for text in (out, errors):
            text.truncate(text.seek(0))
        return captured

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        yield types.SimpleNamespace(readouterr=readouterr)


def _monkeypatch() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def put(target: Any, *name_and_value: Any) -> None:
            patch = mock.patch if isinstance(target, str) else mock.patch.object
            stack.enter_context(patch(target, *name_and_value))

        yield _Known("monkeypatch", setattr=put)


def _tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        yield Path(folder).absolute()


def _fail(reason: str = "", **_: Any) -> None:
    raise AssertionError(reason)


def _skip(reason: str = "", **_: Any) -> None:
    raise Skipped(f"a test skips itself: {reason}")


_CASE = unittest.TestCase()
_EXACT = (bool, str, type(None))
_Captured = collections.namedtuple("_Captured", "out err")
_MAKERS = {"capsys": _capsys, "monkeypatch": _monkeypatch, "tmp_path": _tmp_path}
_ARRAYS = ("ndarray", "float16", "float32", "float64", "int32", "int64", "generic")
"""Types of numpy, of which nothing here is an instance."""
MODULES = {
    "pytest": _Known(
        "pytest", raises=raises, approx=Approx, mark=_Marks(), fixture=fixture, fail=_fail,
        skip=_skip, param=lambda *values, **_: values, main=lambda *_, **__: 0,
        importorskip=__import__,
    ),
    "numpy": _Known(
        "numpy", allclose=allclose, isclose=allclose, isnan=math.isnan, inf=math.inf, nan=math.nan,
        pi=math.pi, **{name: type(name, (), {}) for name in _ARRAYS},
    ),
}  # fmt: skip
"""What `import` finds in the process of the tests."""
