"""Tests in the forms of pytest and `unittest`, which pytest itself runs, in the tests' process.

It is configured once, in the server from which all is forked, and looks for no file, no settings and
no plugin; it reports nothing, but hands failures to the `Client`. What it has not, or what would miss
the program's process (logs), makes a test impossible to put (`Skipped`), not wrong; so does what is
wanted of numpy beyond what is near.
"""

import asyncio
import inspect
import math
import sys
import types
import unittest
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tutelage.sandbox.proxy import Skipped

if TYPE_CHECKING:
    from tutelage.sandbox.client import Client
    from tutelage.sandbox.test_source import TestSource

_WITHOUT = """cacheprovider terminal logging warnings faulthandler unraisableexception threadexception
    junitxml pastebin stepwise doctest"""
_OPTIONS = (
    "-c/dev/null", "--rootdir=/", "--noconftest", "--disable-plugin-autoload", "--assert=plain", "-s",
    "-opython_functions=test check", *(f"-pno:{name}" for name in _WITHOUT.split()),
)  # fmt: skip
_PLAIN = (list, tuple)


def with_session(serve: Callable[[pytest.Session], None]) -> None:
    """Calls `serve` with a session of pytest's that has no tests yet."""

    class Plugin:
        def pytest_collection(self, session: pytest.Session) -> bool:
            serve(session)
            return True

    pytest.main([*_OPTIONS], plugins=[Plugin()])


def run(
    session: pytest.Session, client: "Client", piece: "TestSource", names: Collection[str]
) -> None:
    """Runs the tests of a piece, those of `names` in the module `tests`.

    Raises:
        Skipped: a test cannot be put.
    """
    plugin = _Plugin(client, piece, names)
    session.config.pluginmanager.register(plugin)
    session.testsfailed = 0
    items = session.genitems(_Module.from_parent(session, path=Path("/tests.py")))
    session.items = [item for item in items if not item.get_closest_marker("xfail")]
    session.config.hook.pytest_runtestloop(session=session)
    session.config.pluginmanager.unregister(plugin)


def wait_for_logs(*_: Any, **__: Any) -> None:
    """Stands for `assertLogs`: the program's logs are in its own process."""
    raise Skipped("a test waits for logs")


class _Module(pytest.Module):
    """A module that is there already."""

    def _getobj(self) -> types.ModuleType:
        return sys.modules["tests"]


class _Plugin:
    """Says to pytest what is a test, and to the client what came of it."""

    def __init__(self, client: "Client", piece: "TestSource", names: Collection[str]) -> None:
        self._client, self._piece, self._names = client, piece, names

    @pytest.fixture
    def candidate(self) -> Any:
        if "candidate" not in self._client.space:
            raise Skipped("a test wants a candidate, which nobody knows")
        return self._client.space["candidate"]

    def pytest_pycollect_makeitem(self, collector: Any, name: str) -> list[Any] | None:
        return [] if isinstance(collector, _Module) and name not in self._names else None

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        if isinstance(node, pytest.Collector):  # no tests can be made of it
            raise Skipped(f"{call.excinfo.value}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, bool, bool]:
        with self._client.trial(self._piece):
            yield
        return True

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> None:
        if inspect.iscoroutinefunction(test := pyfuncitem.obj):
            pyfuncitem.obj = lambda **given: asyncio.run(test(**given))

    def pytest_runtest_makereport(self, item: Any, call: Any) -> pytest.TestReport:
        error = call.excinfo and call.excinfo.value
        outcome: Any = "failed" if error else "passed"
        if isinstance(error, pytest.skip.Exception | pytest.xfail.Exception):
            outcome = "skipped"
            is_case = isinstance(item.instance, unittest.TestCase)
            if call.when == "call" and isinstance(error, pytest.skip.Exception) and not is_case:
                raise Skipped(f"a test skips itself: {error}")
        elif isinstance(error, pytest.FixtureLookupError) or (
            call.when == "setup" and isinstance(error, pytest.fail.Exception)
        ):
            raise Skipped(f"a test cannot be set up: {getattr(error, 'argname', error)}")
        elif error:
            self._client.fail(self._piece.source, error)
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)


def _allclose(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """As numpy's, of numbers and lists of them; one number may stand for all."""
    if isinstance(got, _PLAIN) or isinstance(wanted, _PLAIN):
        mine = got if isinstance(got, _PLAIN) else [got] * len(wanted)
        theirs = wanted if isinstance(wanted, _PLAIN) else [wanted] * len(mine)
        pairs = zip(mine, theirs, strict=False)
        return len(mine) == len(theirs) and all(_allclose(*pair, rtol, atol) for pair in pairs)
    return bool(got == wanted or abs(got - wanted) <= atol + rtol * abs(wanted) < math.inf)


class _Numpy(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Skipped(f"a test wants numpy.{name}")


_ARRAYS = ["ndarray", "bool_", "float16", "float32", "float64", "int32", "int64", "generic"]
"""Types of which nothing here is an instance."""
NUMPY = _Numpy("numpy")
"""What `import numpy` finds in the process of the tests."""
vars(NUMPY).update(
    allclose=_allclose, isclose=_allclose, isscalar=lambda _: True, isnan=math.isnan, inf=math.inf,
    nan=math.nan, pi=math.pi, **{name: type(name, (), {}) for name in _ARRAYS},
)  # fmt: skip
