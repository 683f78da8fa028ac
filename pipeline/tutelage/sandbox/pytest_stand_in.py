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
    if not call:
        return Raises(wanted, match)
    with Raises(wanted, match) as info:
        call[0](*call[1:], **named)
    return info


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
        if isinstance(wanted, bool | str | None) or isinstance(got, bool | str | None):
            return bool(wanted == got)
        if wanted == got:
            return True
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
    made = _Known(module)
    vars(made).update(names)
    return made


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


class Fixtures:
    """Calls test functions with what their arguments name."""

    def __init__(self, space: dict[str, Any]) -> None:
        self._space = space

    def knows(self, function: Any) -> bool:
        """Whether the one argument of a test is a fixture or a parameter."""
        names = [*inspect.signature(function).parameters]
        given = {name for rows in getattr(function, "cases", []) for row in rows for name in row}
        return all(name in given or name in _BUILTIN or self._own(name) for name in names)

    def call(self, function: Any, cases: list[Any] = []) -> None:  # noqa: B006 (never changed)
        """Runs a test, once for each of its cases.

        Raises:
            Skipped: it wants an argument that nobody knows.
        """
        if getattr(function, "skipped", False):
            return
        for rows in itertools.product(*getattr(function, "cases", []), *cases):
            values = {name: value for row in rows for name, value in row.items()}
            with contextlib.ExitStack() as stack:
                for name, own in [*self._space.items()]:
                    if _marked(own, "is_automatic") and name not in values:
                        self._value(name, values, stack)
                names = inspect.signature(function).parameters
                result = function(**{name: self._value(name, values, stack) for name in names})
                if inspect.iscoroutine(result):
                    asyncio.run(result)

    def call_methods(self, made: type) -> None:
        """Runs the tests of a class, each on an object of its own."""
        _if_any(made, "setup_class")()
        for name in [name for name in dir(made) if name.startswith("test")]:
            one = made()
            _if_any(one, "setup_method")()
            self.call(getattr(one, name), getattr(made, "cases", []))
            _if_any(one, "teardown_method")()

    def _own(self, name: str) -> Any:
        own = self._space.get(name)
        return own if _marked(own, "is_fixture") else None

    def _value(self, name: str, values: dict[str, Any], stack: contextlib.ExitStack) -> Any:
        if name in values:
            return values[name]
        if own := self._own(name):
            parts = inspect.signature(own).parameters
            value = own(**{part: self._value(part, values, stack) for part in parts})
            if inspect.isgenerator(value):
                stack.callback(next, value, None)
                value = next(value)
        elif name in _BUILTIN:
            value = stack.enter_context(_BUILTIN[name]())
        else:
            raise Skipped(f"a test wants {name}, which nobody knows")
        values[name] = value
        return value


def _marked(value: Any, mark: str) -> bool:
    """Whether a function of the tests has a mark; nothing else is asked."""
    return isinstance(value, types.FunctionType) and getattr(value, mark, False)


def fixture(function: Any = None, *, autouse: bool = False, params: Any = None, **_: Any) -> Any:
    """Marks a function as one that makes an argument of tests."""
    if params is not None:
        raise Skipped("a fixture with parameters")

    def put(made: Any) -> Any:
        made.is_fixture, made.is_automatic = True, autouse
        return made

    return put(function) if function else put


def _if_any(one: Any, name: str) -> Callable[[], Any]:
    method = getattr(one, name, None)
    if method is None:
        return lambda: None
    return lambda: method(*[None] * len(inspect.signature(method).parameters))


@contextlib.contextmanager
def _capsys() -> Iterator[Any]:
    texts = [io.StringIO(), io.StringIO()]

    def readouterr() -> Any:
        found = _Captured(*[text.getvalue() for text in texts])
        for text in texts:
            text.seek(0)
            text.truncate()
        return found

    with contextlib.redirect_stdout(texts[0]), contextlib.redirect_stderr(texts[1]):
        yield types.SimpleNamespace(readouterr=readouterr)


@contextlib.contextmanager
def _monkeypatch() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def put(target: Any, name: Any, value: Any = None) -> None:
            if isinstance(target, str):  # "builtins.input"
                target, name, value = *_target(target), name
            stack.callback(setattr, target, name, getattr(target, name))
            setattr(target, name, value)

        yield known("monkeypatch", {"setattr": put})


def _target(path: str) -> tuple[Any, str]:
    module, _, name = path.rpartition(".")
    return __import__(module, fromlist=["*"]), name


@contextlib.contextmanager
def _tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        yield Path(folder).absolute()


_Captured = collections.namedtuple("_Captured", "out err")
_BUILTIN = {"capsys": _capsys, "monkeypatch": _monkeypatch, "tmp_path": _tmp_path}


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
