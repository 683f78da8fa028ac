"""Marks and fixtures of pytest: calls test functions as often, and with what, these say.

What pytest's own ones do beyond this (`caplog`, `tmpdir`, ...) makes a test impossible to put.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tutelage.sandbox.proxy import Skipped


class Known(types.ModuleType):
    """Has some names; a test that wants another one cannot be put."""

    def __init__(self, module: str, **names: Any) -> None:
        super().__init__(module)
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Skipped(f"a test wants {self.__name__}.{name}")


@dataclass(frozen=True, slots=True)
class _Mark:
    """`pytest.mark.NAME(...)`; put on a function or class, it is one of its `pytestmark`."""

    name: str
    given: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *given: Any, **named: Any) -> Any:
        if len(given) == 1 and isinstance(test := given[0], types.FunctionType | type):
            setattr(test, "pytestmark", [self, *_marks_of(test)])  # noqa: B010 (mypy knows of none)
            return test
        if self.name == "parametrize":
            return _Mark(self.name, (), {"rows": _rows(*given, **named)})
        return _Mark(self.name, given, named)

    def skips(self) -> bool:
        """Whether a test with this mark is not run here, or is run and may fail."""
        if self.name == "skip":
            return True
        condition = (self.given or (self.named.get("condition", True),))[0]
        return self.name in ("skipif", "xfail") and bool(condition)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Values of the arguments of a test, for each case of a `parametrize`."""
        rows: list[dict[str, Any]] = self.named.get("rows", [])
        return rows


class Marks:
    """`pytest.mark`."""

    def __getattr__(self, name: str) -> _Mark:
        return _Mark(name)


class _Param(tuple[Any, ...]):
    """`pytest.param`: one case, which may be marked."""

    marks: list[_Mark]


def param(*values: Any, marks: Any = (), **_: Any) -> _Param:
    """As pytest's: the values of one case."""
    case = _Param(values)
    case.marks = [marks] if isinstance(marks, _Mark) else [*marks]
    return case


def _marks_of(one: Any) -> list[_Mark]:
    """The marks of a function, class or module; a module is its dictionary here."""
    marks = one.get("pytestmark", []) if isinstance(one, dict) else getattr(one, "pytestmark", [])
    return [marks] if isinstance(marks, _Mark) else [*marks]


def _rows(
    argnames: Any, argvalues: Any, indirect: bool | list[str] = False, **_: Any
) -> list[dict[str, Any]]:
    names = argnames if isinstance(argnames, list | tuple) else re.findall(r"\w+", argnames)
    through = indirect if isinstance(indirect, list | tuple) else names if indirect else ()
    words = [f"{name}.param" if name in through else name for name in names]
    cases = (
        case if isinstance(case, _Param) or len(words) > 1 else (case,)
        for case in argvalues
        if not (isinstance(case, _Param) and any(mark.skips() for mark in case.marks))
    )
    return [dict(zip(words, case, strict=True)) for case in cases]


@dataclass(frozen=True, slots=True)
class _Maker:
    """What makes an argument of tests: a function, and what `pytest.fixture` was told of it."""

    make: Callable[..., Any]
    name: str = ""
    autouse: bool = False
    params: list[Any] | None = None
    scope: str = "function"


def fixture(function: Any = None, **named: Any) -> Any:
    """As pytest's: marks a function as one that makes an argument of tests."""
    if function is None:
        return lambda maker: fixture(maker, **named)
    function.fixture = {word: named[word] for word in _Maker.__slots__ if word in named}
    return function


def is_fixture(function: Any) -> bool:
    """Whether it makes an argument of tests."""
    of_ours = isinstance(function, types.FunctionType | types.MethodType)
    return of_ours and hasattr(function, "fixture")


class Fixtures:
    """Calls test functions with what their arguments name.

    Args:
        space: where fixtures are defined.
        kept: values of fixtures that are made once for several tests.
    """

    def __init__(self, space: dict[str, Any], kept: dict[str, Any] | None = None) -> None:
        self._space = space
        self._kept = {} if kept is None else kept
        self._makers = {name: _Maker(make) for name, make in _MAKERS.items()}
        for scope in ("module", "class", "function", "method"):
            acts = [space.get(f"{act}_{scope}") for act in ("setup", "teardown")]
            if any(acts):
                lasts = "function" if scope == "method" else scope
                self._makers[f"setup_{scope}"] = _Maker(_around(*acts), autouse=True, scope=lasts)
        for name, function in space.items():
            if is_fixture(function):
                maker = _Maker(function, **function.fixture)
                self._makers[maker.name or name] = maker

    def knows(self, function: Any) -> bool:
        """Whether all arguments of a test are fixtures or parameters."""
        names = {name for mark in _marks_of(function) for row in mark.rows for name in row}
        return {*self.needs(function)} <= {*self._makers} | names

    def needs(self, function: Any) -> list[str]:
        """Arguments that a test must be given; the first ones may be for `mock.patch` to give."""
        patches = getattr(function, "patchings", ())
        parameters = inspect.signature(function).parameters.values()
        names = [one.name for one in parameters if one.default is one.empty]
        return names[sum(patch.new is mock.DEFAULT for patch in patches) :]

    def call(self, function: Any, *outer: _Mark) -> None:
        """Runs a test, once for each of its cases.

        Args:
            function: of the test.
            outer: marks that it has because its class has them.

        Raises:
            Skipped: it wants an argument that nobody knows.
        """
        marks = [*_marks_of(function), *outer, *_marks_of(self._space)]
        if any(mark.skips() for mark in marks):
            return
        used = [name for mark in marks if mark.name == "usefixtures" for name in mark.given]
        used = [name for name, maker in self._makers.items() if maker.autouse] + used
        tables = [mark.rows for mark in marks if mark.name == "parametrize"]
        direct = {name for table in tables for row in table for name in row}
        for name in self._all_needs([*used, *self.needs(function)]):
            params = self._makers[name].params if name in self._makers else None
            if params is not None and not direct & {name, f"{name}.param"}:
                tables.append(_rows(f"{name}", params, indirect=True))
        for rows in itertools.product(*tables):
            values = {name: value for row in rows for name, value in row.items()}
            with contextlib.ExitStack() as stack:
                for name in used:
                    self._value(name, values, stack)
                result = function(**self._values(function, values, stack))
                if inspect.iscoroutine(result):
                    asyncio.run(result)

    def call_methods(self, kind: type) -> None:
        """Runs the tests of a class, each on an object of its own, and of classes inside of it."""
        for name in [name for name in dir(kind) if name.startswith(("test", "Test"))]:
            if isinstance(inner := getattr(kind, name), type):
                self.call_methods(inner)
            elif name.startswith("test"):
                one = kind()
                own = dict(inspect.getmembers(one, inspect.ismethod))
                space = self._space | {"setup_function": None, "teardown_function": None}
                Fixtures(space | own, self._kept).call(getattr(one, name), *_marks_of(kind))
        for name in [*self._kept]:
            if name not in self._makers or self._makers[name].scope == "class":
                del self._kept[name]

    def _all_needs(self, names: list[str]) -> list[str]:
        """`names`, and what their makers need."""
        for name in names:  # it grows
            if maker := self._makers.get(name):
                names += [need for need in self.needs(maker.make) if need not in names]
        return names

    def _values(self, function: Any, values: dict[str, Any], stack: Any) -> dict[str, Any]:
        return {name: self._value(name, values, stack) for name in self.needs(function)}

    def _value(self, name: str, values: dict[str, Any], stack: contextlib.ExitStack) -> Any:
        if name in values or name in self._kept:
            return values[name] if name in values else self._kept[name]
        if (maker := self._makers.get(name)) is None:
            raise Skipped(f"a test wants {name}, which nobody knows")
        param = values.get(f"{name}.param")
        own = dict(values)
        own["request"] = Known(
            "request", param=param, addfinalizer=stack.callback,
            getfixturevalue=lambda other: self._value(other, own, stack),
        )  # fmt: skip
        value = maker.make(**self._values(maker.make, own, stack))
        del own["request"]
        values |= own
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        once = maker.scope != "function" and f"{name}.param" not in values
        if inspect.isgeneratorfunction(maker.make):
            steps, value = value, next(value)
            if not once:  # one that lasts is ended by nothing here
                stack.callback(next, steps, None)
        (self._kept if once else values)[name] = value
        return value


def _around(before: Any, after: Any) -> Callable[[], Iterator[None]]:
    """A fixture of the functions before and after tests, each of which may want a module or class."""

    def steps() -> Iterator[None]:
        for at, act in enumerate((before, after)):
            if at:
                yield
            if act:
                act(*[None] * len(inspect.signature(act).parameters))

    return steps


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

        def put(target: Any, *name_and_value: Any, raising: bool = True) -> None:
            patch: Any = mock.patch if isinstance(target, str) else mock.patch.object
            stack.enter_context(patch(target, *name_and_value, create=not raising))

        def put_item(target: Any, key: Any, value: Any) -> None:
            stack.enter_context(mock.patch.dict(target, {key: value}))

        yield Known("monkeypatch", setattr=put, setitem=put_item)


def _tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        yield Path(folder).absolute()


_Captured = collections.namedtuple("_Captured", "out err")
_MAKERS = {"capsys": _capsys, "capfd": _capsys, "monkeypatch": _monkeypatch, "tmp_path": _tmp_path}
"""Fixtures that are there without being defined."""
