"""Tests in the forms of pytest and `unittest`, which pytest itself runs, in the tests' process.

It is configured once, in the server from which all is forked, and looks for no file, no settings and
no plugin; it reports nothing, but hands failures to the `Client`. A test that it can make nothing of,
or that skips itself, cannot be put (`Skipped`).
"""

import asyncio
import inspect
import sys
import types
import unittest
from collections.abc import Callable, Collection, Generator
from functools import partial
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
    "-opython_functions=test", *(f"-pno:{name}" for name in _WITHOUT.split()),
)  # fmt: skip


Run = Callable[["Client", "TestSource", Collection[str]], None]
"""What runs the tests of a piece, those of some names in the module `tests`. Raises `Skipped`."""


def with_session(serve: Callable[[Run], None]) -> None:
    """Calls `serve` with what runs tests in a session of pytest's that has none yet."""

    class Plugin:
        def pytest_collection(self, session: pytest.Session) -> bool:
            serve(partial(_run, session))
            return True

    pytest.main([*_OPTIONS], plugins=[Plugin()])


def _run(
    session: pytest.Session, client: "Client", piece: "TestSource", names: Collection[str]
) -> None:
    plugin = _Plugin(client, piece, names)
    session.config.pluginmanager.register(plugin)
    session.testsfailed = 0
    items = session.genitems(_Module.from_parent(session, path=Path("/tests.py")))
    session.items = [item for item in items if not item.get_closest_marker("xfail")]
    session.config.hook.pytest_runtestloop(session=session)
    session.config.pluginmanager.unregister(plugin)


class _Module(pytest.Module):
    """A module that is there already."""

    def _getobj(self) -> types.ModuleType:
        return sys.modules["tests"]


class _Plugin:
    """Says to pytest what is a test, and to the client what came of it."""

    def __init__(self, client: "Client", piece: "TestSource", names: Collection[str]) -> None:
        self._client, self._piece, self._names = client, piece, names

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
            words = f"{getattr(error, 'argname', error)}".partition("\n")[0]
            raise Skipped(f"a test cannot be set up: {words}")
        elif error:
            self._client.fail(self._piece.source, error)
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)
