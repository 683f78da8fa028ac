"""What tests use of pytest, which is not where programs run: `raises`, `approx`, marks, fixtures.

No more than tests of single functions need. What is not here makes a test impossible to put
(`Skipped`), not wrong.
"""

import asyncio
import collections
import contextlib
import inspect
import io
import itertools
import re
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tutelage.sandbox.remote import Skipped, owner


class Raises:
    """`with raises(ValueError, match="low") as info: ...`, and `info` itself."""

    def __init__(self, wanted: Any, match: str | None = None) -> None:
        self._wanted, self._match = wanted, match
        self.value: Any = None

    @property
    def type(self) -> Any:
        """Class of what was raised."""
        return type(self.value)

    def match(self, pattern: str) -> bool:
        """Whether the words of what was raised match; fails where they do not."""
        if not re.search(pattern, str(self.value)):
            raise AssertionError(f"{pattern!r} does not match {str(self.value)!r}")
        return True

    def __enter__(self) -> "Raises":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            raise AssertionError(f"DID NOT RAISE {self._wanted}")
        if not isinstance(error, self._wanted):
            return False
        self.value = error
        return self._match is None or self.match(self._match)


def raises(wanted: Any, *call: Any, match: str | None = None, **named: Any) -> Any:
    """As pytest's: a context, or given a function and its arguments, what that raises."""
    context = Raises(wanted, match)
    if call:
        with context:
            call[0](*call[1:], **named)
    return context


class Approx:
    """A number, or numbers in a container, that another may be near to."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, wanted: Any, rel: float | None = None, abs: float | None = None) -> None:
        self._wanted, self._rel, self._abs = wanted, rel, abs

    def __repr__(self) -> str:
        return f"approx({self._wanted!r})"

    def __eq__(self, other: object) -> bool:
        return not owner(other) and self._near(self._wanted, other)

    def _near(self, wanted: Any, got: Any) -> bool:
        if isinstance(wanted, dict):
            same = isinstance(got, dict) and wanted.keys() == got.keys()
            return same and all(self._near(wanted[key], got[key]) for key in wanted)
        if isinstance(wanted, list | tuple):
            same = isinstance(got, list | tuple) and len(wanted) == len(got)
            return same and all(map(self._near, wanted, got))
        if wanted == got or isinstance(wanted, _EXACT) or isinstance(got, _EXACT):
            return bool(wanted == got)
        relative = 1e-6 if self._rel is None and self._abs is None else self._rel or 0.0
        slack = max(relative * abs(wanted), 1e-12 if self._abs is None else self._abs)
        return bool(abs(wanted - got) <= slack < float("inf"))


class _Known(types.ModuleType):
    """Has some names; a test that wants another one cannot be put."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Skipped(f"a test wants {self.__name__}.{name}")


def known(module: str, names: dict[str, Any]) -> types.ModuleType:
    """A stand-in for a module, of which some names are there."""
    stand_in = _Known(module)
    vars(stand_in).update(names)
    return stand_in


class _Marks:
    """`pytest.mark`: of all marks only `parametrize`, `skip` and `xfail` do anything."""

    def __getattr__(self, name: str) -> Any:
        def mark(*given: Any, **named: Any) -> Any:
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

    def put(maker: Any) -> Any:
        maker.is_fixture, maker.is_automatic = True, autouse
        return maker

    return put(function) if function else put


class Fixtures:
    """Calls test functions with what their arguments name.

    Args:
        space: where fixtures are defined.
    """

    def __init__(self, space: dict[str, Any]) -> None:
        functions: dict[str, Any] = {
            name: f for name, f in space.items() if isinstance(f, types.FunctionType)
        }
        self._own = {name: f for name, f in functions.items() if getattr(f, "is_fixture", False)}

    def knows(self, function: Any) -> bool:
        """Whether all arguments of a test are fixtures or parameters."""
        rows = itertools.chain(*getattr(function, "cases", []))
        names = {*_BUILTIN, *self._own}.union(*rows)
        return {*inspect.signature(function).parameters} <= names

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
                for name, maker in self._own.items():
                    if maker.is_automatic:
                        self._value(name, values, stack)
                result = function(**self._values(function, values, stack))
                if inspect.iscoroutine(result):
                    asyncio.run(result)

    def call_methods(self, kind: type) -> None:
        """Runs the tests of a class, each on an object of its own."""
        _if_any(kind, "setup_class")
        for name in [name for name in dir(kind) if name.startswith("test")]:
            one = kind()
            _if_any(one, "setup_method")
            self.call(getattr(one, name), *getattr(kind, "cases", []))
            _if_any(one, "teardown_method")

    def _values(self, function: Any, values: dict[str, Any], stack: Any) -> dict[str, Any]:
        names = inspect.signature(function).parameters
        return {name: self._value(name, values, stack) for name in names}

    def _value(self, name: str, values: dict[str, Any], stack: contextlib.ExitStack) -> Any:
        if name in values:
            return values[name]
        if maker := self._own.get(name):
            value = maker(**self._values(maker, values, stack))
            if inspect.isgenerator(value):
                stack.callback(next, value, None)
                value = next(value)
        elif name in _BUILTIN:
            value = stack.enter_context(_BUILTIN[name]())
        else:
            raise Skipped(f"a test wants {name}, which nobody knows")
        values[name] = value
        return value


def _if_any(one: Any, name: str) -> None:
    if method := getattr(one, name, None):
        method(*[None] * len(inspect.signature(method).parameters))


@contextlib.contextmanager
def _capsys() -> Iterator[Any]:
    texts = [io.StringIO(), io.StringIO()]

    def readouterr() -> Any:
        captured = _Captured(*[text.getvalue() for text in texts])
        for text in texts:
            text.seek(0)
            text.truncate()
        return captured

    with contextlib.redirect_stdout(texts[0]), contextlib.redirect_stderr(texts[1]):
        yield types.SimpleNamespace(readouterr=readouterr)


@contextlib.contextmanager
def _monkeypatch() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def put(target: Any, *name_and_value: Any) -> None:
            patch = mock.patch if isinstance(target, str) else mock.patch.object
            stack.enter_context(patch(target, *name_and_value))

        yield known("monkeypatch", {"setattr": put})


@contextlib.contextmanager
def _tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        yield Path(folder).absolute()


_EXACT = (bool, str, type(None))
_Captured = collections.namedtuple("_Captured", "out err")
_BUILTIN: dict[str, Callable[[], Any]] = {
    "capsys": _capsys, "monkeypatch": _monkeypatch, "tmp_path": _tmp_path
}  # fmt: skip


def _fail(reason: str = "", **_: Any) -> None:
    raise AssertionError(reason)


def _skip(reason: str = "", **_: Any) -> None:
    raise Skipped(f"a test skips itself: {reason}")


def module() -> types.ModuleType:
    """The module that `import pytest` gives."""
    return known("pytest", {
        "raises": raises, "approx": Approx, "mark": _Marks(), "fixture": fixture, "fail": _fail,
        "skip": _skip, "param": lambda *values, **_: values, "main": lambda *_, **__: 0,
        "importorskip": __import__,
    })  # fmt: skip
