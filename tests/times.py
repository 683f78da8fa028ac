"""A pytest plugin: what tests cost, measured; by that the slow ones are marked and files are ordered.

`pytest --write-times` notes in `times.txt` what that run's tests cost, in seconds of processor time,
that of all processes below included, and the set-up that they share with others: of each test that
takes `SLOW_S`, or `SLOW_TOGETHER_S` with all its parameters, and of each file that does. From that list

- a test is marked `slow`, so that nobody does it by hand; one that runs true vLLM is slow always;
- a file with none but slow tests is not even imported where `-m "not slow"` leaves them out (nor one
  without true vLLM where `-m vllm` does);
- the files that take longest go first, so that workers beside one another end together.

A test that the list does not know is a quick one, until it is written anew. What did not run, because
it was left out or its file was, is kept as it was.
"""

import contextlib
import functools
import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from proc import descendants

SLOW_S = 0.2
"""From how many seconds on a test is slow."""
SLOW_TOGETHER_S = 0.8
"""From how many seconds on a parametrised test is slow, over all its parameters."""
FILE = Path(__file__).with_name("times.txt")
_HEAD = (
    "# Seconds that slow tests and files take; `all` are slow in that file.\n"
    "# Written by: pytest --write-times\n"
)
_ROOT = FILE.parents[1]


@functools.lru_cache
def _noted() -> dict[str, tuple[float, bool]]:
    """Seconds by file and by `file::test`; true for a file with none but slow tests."""
    text = FILE.read_text("utf-8") if FILE.is_file() else ""
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: (float(seconds), more == ["all"]) for name, seconds, *more in lines}


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.addoption(
        "--write-times", action="store_true", help=f"note what tests take in {FILE.name}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Also in the workers, which get the options of the run."""
    _COUNTS[0] = config.option.write_times


_LEFT_OUT: set[str] = set()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Some tests do not run."""
    _LEFT_OUT.update(map(_function, items))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files whose tests would all be left out are not imported."""
    wanted = config.option.markexpr
    if "not slow" in wanted and " or " not in wanted:
        return _noted().get(_file(collection_path), (0, 0))[1] or None
    if wanted == "vllm" and collection_path.suffix == ".py":
        return "pytest.mark.vllm" not in collection_path.read_text("utf-8") or None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the slow tests; the files that take longest go first."""
    for item in items:
        if _function(item) in _noted() or item.get_closest_marker("vllm"):
            item.add_marker("slow")
    items.sort(key=lambda item: -_noted().get(_file(item.path), (0, 0))[0])


@functools.cache
def _file(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name


def _function(item: pytest.Item) -> str:
    return f"{_file(item.path)}::{getattr(item, 'originalname', item.name)}"


_TICK = os.sysconf("SC_CLK_TCK")
_COUNTS: list[bool] = [False]
"""Whether times are asked for; only then it pays to look through all processes."""


def _used() -> float:
    """Seconds of processor time of this process and all below it, those that have ended included."""
    used = sum(os.times()[:4])
    for pid in descendants(os.getpid()) if _COUNTS[0] else ():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += sum(map(int, fields[11:15])) / _TICK
    return used


_SHARED: dict[tuple[str, str], float] = {}
"""What fixtures took that several tests share, by where they are known and their name."""
_PAID: list[float] = []
"""What such fixtures took that the running test was the first to want."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """A fixture is made."""
    begun = _used()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            _PAID.append(_used() - begun)
            _SHARED[fixturedef.baseid, fixturedef.argname] = _PAID[-1]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test runs, with its set-up and the end."""
    _PAID.clear()
    item.stash[_BEGUN] = _used()
    return (yield)


_BEGUN = pytest.StashKey[float]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The last report of a test says what it took, and what it takes alone."""
    report = yield
    if call.when == "teardown":
        names = set(getattr(item, "fixturenames", ()))
        shared = sum(
            seconds
            for (base, name), seconds in _SHARED.items()
            if name in names and item.nodeid.startswith(base)
        )
        # of a server that was killed nobody knows any more what it used
        took = max(0.0, _used() - item.stash[_BEGUN])
        alone = took - sum(_PAID) + shared
        report.user_properties.append(("times", (_function(item), took, alone)))
    return report


_TOOK: dict[str, float] = defaultdict(float)
_ALONE: dict[str, float] = defaultdict(float)
_TOGETHER: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One report, from a worker too."""
    for name, value in report.user_properties:
        if name == "times" and report.when == "teardown":
            function, took, alone = value  # type: ignore[misc]
            _TOOK[function.partition("::")[0]] += took
            _ALONE[function] = max(_ALONE[function], alone)
            _TOGETHER[function] += took


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the list: anew for the files that ran, as it was for the others."""
    asked = session.config.option.write_times and not hasattr(session.config, "workerinput")
    if not asked or session.shouldstop:
        return
    lines = {
        name: f"{name} {seconds:.1f}" + " all" * whole
        for name, (seconds, whole) in _noted().items()
        if (name in _LEFT_OUT or name.partition("::")[0] not in _TOOK)
        and (_ROOT / name.partition("::")[0]).is_file()
    }
    for file, took in _TOOK.items():
        tests = {name: s for name, s in _ALONE.items() if name.startswith(f"{file}::")}
        slow = {
            name: s
            for name, s in tests.items()
            if s >= SLOW_S or _TOGETHER[name] >= SLOW_TOGETHER_S
        }
        if _LEFT_OUT.isdisjoint(name for name in _noted() if name.startswith(f"{file}::")):
            left_out = 0.0
        else:  # the seconds of the tests that did not run are among those noted
            left_out = _noted().get(file, (0.0, False))[0]
        if took + left_out >= SLOW_S or slow:
            whole = tests.keys() == slow.keys() and not left_out
            lines[file] = f"{file} {took + left_out:.1f}" + " all" * whole
        lines |= {name: f"{name} {seconds:.1f}" for name, seconds in slow.items()}
    FILE.write_text(_HEAD + "".join(lines[name] + "\n" for name in sorted(lines)), "utf-8")
