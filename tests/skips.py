"""A pytest plugin: in CI, a test may be skipped for one of these reasons, and for no other."""

import os
import re

import pytest

EXPECTED = (
    "only root can mount a small file system",
    "no small file system can be mounted here",
    "looks for processes in /proc",
    "parent-death signals are Linux's",
    "the forks are Linux's",
    "the tests run against an installed package",
    r"namespaces: |landlock: ",  # the walls of the sandbox that this kernel does not give
    "no GPU",
    "torchao is not installed",  # an extra of the trainer
    "no Chromium on this machine",
    ".* see tests/exports/takers.txt",  # other people's trainers, which want other versions
    "no other user",
)
"""What a machine may lack. A missing package, model or corpus is a fault of the set-up."""

_UNEXPECTED: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One test, or its set-up, was skipped."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A whole module was skipped."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not any(re.match(pattern, reason) for pattern in EXPECTED):
            _UNEXPECTED.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the session where a skip was not expected."""
    if _UNEXPECTED and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names them."""
    for line in _UNEXPECTED:
        terminalreporter.write_line(f"unexpected skip: {line}")
