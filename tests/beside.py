"""A pytest plugin: `--beside N` runs test files beside one another, in N forks of the process that has
collected them. Linux only; elsewhere `-n N --dist loadfile` of pytest-xdist does the same for more: its
workers import all test modules, and the libraries that tests want, each anew. Files are begun in the
order in which they were collected. Where a worker dies, the test that it ran has failed.
"""

import functools
import importlib
import itertools
import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

from tutelage.processes.worker import die_with

LIBRARIES = ("accelerate", "peft", "transformers.models.llama.modeling_llama")
"""Imported before the forks, where test modules have imported torch: many tests want them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.addoption("--beside", type=int, default=1, metavar="N", help="files in N forks (Linux)")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """All tests, if there is more than one file."""
    option, by_path = session.config.option, dict[Any, list[pytest.Item]]()
    for item in session.items:
        by_path.setdefault(item.path, []).append(item)
    if option.beside < 2 or len(by_path) < 2 or session.testsfailed or option.collectonly:
        return None
    if "torch" in sys.modules:
        for name in LIBRARIES:
            importlib.import_module(name)
    session.config._tmp_path_factory.getbasetemp()  # one for all  # type: ignore[attr-defined]
    _Crew(session, [*by_path.values()]).run(min(option.beside, len(by_path)))
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True


class _Crew:
    """The workers, seen from the process that prints, to which all reports go."""

    def __init__(self, session: pytest.Session, files: list[list[pytest.Item]]) -> None:
        self._session, self._config, self._files = session, session.config, files
        self._forks = multiprocessing.get_context("fork")
        self._next = self._forks.Value("i", 0)  # the file that is begun next
        self._workers: dict[Connection, Any] = {}  # their processes, by the ends of their pipes
        self._running = dict[Connection, dict[str, Any]]()  # the test that each began last

    def run(self, number: int) -> None:
        """Until all have ended, or are to end: what runs then is interrupted, and cleans up."""
        for count in range(number):
            reading, writing = self._forks.Pipe(duplex=False)
            worker = self._forks.Process(target=self._work, args=(count, os.getpid(), writing))
            worker.start()
            writing.close()
            self._workers[reading] = worker
        try:
            while self._workers and not (self._session.shouldfail or self._session.shouldstop):
                # a process that a dead worker left behind may hold its pipe
                for end in wait([*self._workers], 1) or [*self._workers]:
                    self._follow(end)  # type: ignore[arg-type]
        finally:
            self._next.value = len(self._files)
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGINT)
                worker.join()

    def _follow(self, end: Connection) -> None:
        """Passes on what a worker reports; removes one that has ended."""
        try:
            if end.poll():
                name, given = end.recv()
                if name == "pytest_runtest_logstart":
                    self._running[end] = given
                hook = getattr(self._config.hook, name)
                hook.call_historic(kwargs=given) if hook.is_historic() else hook(**given)
            elif not self._workers[end].is_alive():
                raise EOFError
        except (EOFError, OSError):
            worker = self._workers.pop(end)
            worker.join()
            if worker.exitcode:
                why = f"its process ended with status {worker.exitcode}; tests after it did not run"
                test = self._running.get(end, {"nodeid": "a worker", "location": ("", None, "")})
                given = {"keywords": {}, "outcome": "failed", "longrepr": why, "when": "call"}
                report = pytest.TestReport(**test, **given)
                self._config.hook.pytest_runtest_logreport(report=report)

    def _work(self, count: int, parent: int, pipe: Connection) -> None:
        """A worker's life; it ends without waiting for threads that tests have left."""
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
            die_with(parent, signal.SIGINT)
            plugins, factory = self._config.pluginmanager, self._config._tmp_path_factory  # type: ignore[attr-defined]
            capture: Any = plugins.getplugin("capturemanager")
            capture.stop_global_capturing()  # the files that it writes to are the parent's
            capture.start_global_capturing()
            factory._basetemp = factory.getbasetemp() / f"beside-{count}"
            factory._basetemp.mkdir()
            plugins.unregister(name="terminalreporter")
            plugins.add_hookcall_monitoring(functools.partial(_relayed, pipe=pipe), lambda *_: None)
            try:
                self._run_files()
            finally:
                self._session._setupstate.teardown_exact(None)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _run_files(self) -> None:
        """One after the other, as long as there are any."""
        while True:
            with self._next.get_lock():
                number = self._next.value
                self._next.value += 1
            if number >= len(self._files):
                return
            # What the session shares outlives the file, whichever comes next.
            for item, following in itertools.pairwise([*self._files[number], self._session]):
                self._config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._session.shouldfail or self._session.shouldstop:
                    return


def _relayed(name: str, _: Any, given: Any, *, pipe: Connection) -> None:
    """In a worker: what its hooks report goes to the process that prints."""
    if name == "pytest_warning_recorded":
        warned = given["warning_message"]
        text = f"{warned.category.__name__}: {warned.message}"  # not every category can be pickled
        said = warnings.WarningMessage(text, UserWarning, warned.filename, warned.lineno)
        given = {**given, "warning_message": said}
    if name.startswith("pytest_runtest_log") or name == "pytest_warning_recorded":
        pipe.send((name, given))
