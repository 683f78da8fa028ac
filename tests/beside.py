"""A pytest plugin: `--beside N` runs test files beside one another, in N forks of the process that has
collected them. Linux only; elsewhere `-n N --dist loadfile` of pytest-xdist does the same for more.

Each worker of xdist imports all test modules, and the libraries that tests want, anew: half a minute
of processor time. A fork has them. Files are begun in the order in which they were collected; their
reports go to the process that prints. Where a worker dies, the test that it ran has failed.
"""

import contextlib
import importlib
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tutelage.processes.worker import die_with

LIBRARIES = ("accelerate", "peft", "transformers.models.llama.modeling_llama")
"""Imported before the forks, where test modules have imported torch: many tests want them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    about = "run test files in N forks of this process (Linux)"
    parser.addoption("--beside", type=int, default=1, metavar="N", help=about)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """All tests, if there is more than one file."""
    option, files = session.config.option, _files(session)
    if option.beside < 2 or len(files) < 2 or session.testsfailed or option.collectonly:
        return None
    if "torch" in sys.modules:
        for name in LIBRARIES:
            importlib.import_module(name)
    session.config._tmp_path_factory.getbasetemp()  # one for all  # type: ignore[attr-defined]
    _Crew(session, files).run(min(option.beside, len(files)))
    return True


def _files(session: pytest.Session) -> list[list[pytest.Item]]:
    by_path: dict[Path, list[pytest.Item]] = {}
    for item in session.items:
        by_path.setdefault(item.path, []).append(item)
    return list(by_path.values())


@dataclass
class _Worker:
    pid: int
    stream: IO[bytes]
    running: dict[str, Any] = field(
        default_factory=lambda: {"nodeid": "a worker", "location": ("", None, "")}
    )
    """The test that it began last."""


class _Crew:
    """The workers, seen from the process that prints."""

    def __init__(self, session: pytest.Session, files: list[list[pytest.Item]]) -> None:
        self._session, self._config, self._files = session, session.config, files
        self._messages: queue.Queue[tuple[_Worker, Any]] = queue.Queue()
        # one ticket of two bytes a file; whoever reads one runs that file
        self._tickets, writing = os.pipe()
        os.write(writing, b"".join(n.to_bytes(2, "big") for n in range(len(files))))
        os.close(writing)

    def run(self, number: int) -> None:
        """Until all have ended."""
        workers = [self._begin(n) for n in range(number)]
        for worker in workers:  # threads come after all forks
            threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        try:
            self._follow(workers)
        finally:
            self._stop(workers)
            os.close(self._tickets)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _begin(self, number: int) -> _Worker:
        reading, writing = os.pipe()
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
            die_with(parent, signal.SIGINT)
            os.close(reading)
            status = 1
            try:
                with os.fdopen(writing, "wb") as stream:
                    self._work(number, stream)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writing)
        return _Worker(pid, os.fdopen(reading, "rb"))

    def _listen(self, worker: _Worker) -> None:
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            while True:
                self._messages.put((worker, pickle.load(worker.stream)))
        self._messages.put((worker, None))

    def _follow(self, workers: list[_Worker]) -> None:
        """Passes on what the workers report; removes those that have ended."""
        while workers:
            try:
                worker, message = self._messages.get(timeout=1)
            except queue.Empty:
                # a process that a dead worker left behind may hold its pipe
                for worker in [*workers]:
                    self._ended(worker, workers, os.WNOHANG)
                continue
            if message is None:
                self._ended(worker, workers, 0)
                continue
            name, given = message
            if name == "pytest_runtest_logstart":
                worker.running = given
            if name == "pytest_runtest_logreport":
                given = {"report": self._report(given["report"])}
            if name == "pytest_warning_recorded":
                self._config.hook.pytest_warning_recorded.call_historic(kwargs=given)
            else:
                getattr(self._config.hook, name)(**given)
            if self._session.shouldfail or self._session.shouldstop:
                return

    def _report(self, data: dict[str, Any]) -> Any:
        return self._config.hook.pytest_report_from_serializable(config=self._config, data=data)

    def _ended(self, worker: _Worker, workers: list[_Worker], options: int) -> None:
        if worker not in workers:
            return
        pid, state = os.waitpid(worker.pid, options)
        if not pid:
            return
        workers.remove(worker)
        if state:
            status = os.waitstatus_to_exitcode(state)
            words = f"its process ended with status {status}; tests after it did not run"
            report = pytest.TestReport(
                **worker.running, keywords={}, outcome="failed", longrepr=words, when="call"
            )
            self._config.hook.pytest_runtest_logreport(report=report)

    def _stop(self, workers: list[_Worker]) -> None:
        """No file is begun any more; what runs is interrupted, and cleans up."""
        os.read(self._tickets, 1 << 16)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGINT)
        for worker in workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)

    def _work(self, number: int, stream: IO[bytes]) -> None:
        """A worker's life."""
        plugins, factory = self._config.pluginmanager, self._config._tmp_path_factory  # type: ignore[attr-defined]
        capture: Any = plugins.getplugin("capturemanager")
        capture.stop_global_capturing()  # the files that it writes to are the parent's
        capture.start_global_capturing()
        factory._basetemp = factory.getbasetemp() / f"beside-{number}"
        factory._basetemp.mkdir()
        plugins.unregister(name="terminalreporter")
        plugins.register(_Relay(self._config, stream))
        try:
            while (file := self._next()) and self._run(file):
                pass
        finally:
            self._session._setupstate.teardown_exact(None)

    def _next(self) -> list[pytest.Item]:
        """The file of the next ticket; none once all are taken."""
        ticket = os.read(self._tickets, 2)
        return self._files[int.from_bytes(ticket, "big")] if ticket else []

    def _run(self, file: list[pytest.Item]) -> bool:
        """Runs a file; whether to go on."""
        # What the session shares outlives the file, whichever comes next.
        for item, following in zip(file, [*file[1:], self._session], strict=True):
            self._config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._session.shouldfail or self._session.shouldstop:
                return False
        return True


class _Relay:
    """In a worker: what it has to report goes to the process that prints."""

    def __init__(self, config: pytest.Config, stream: IO[bytes]) -> None:
        self._config, self._stream = config, stream

    def _send(self, name: str, **given: Any) -> None:
        self._stream.write(pickle.dumps((name, given)))
        self._stream.flush()

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._send("pytest_runtest_logstart", nodeid=nodeid, location=location)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        hook = self._config.hook.pytest_report_to_serializable
        self._send("pytest_runtest_logreport", report=hook(config=self._config, report=report))

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        self._send("pytest_runtest_logfinish", nodeid=nodeid, location=location)

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        warned = warning_message
        text = f"{warned.category.__name__}: {warned.message}"  # not every category can be pickled
        said = warnings.WarningMessage(text, UserWarning, warned.filename, warned.lineno)
        given = {"when": when, "nodeid": nodeid, "location": location}
        self._send("pytest_warning_recorded", warning_message=said, **given)
