"""Signals are wishes to stop; what a wish costs is in `tests/chaos`."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tutelage.errors import RunFailed
from tutelage.session import shutdown
from tutelage.session.shutdown import Shutdown
from tutelage.shards import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path)
    made.create()
    return made


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def until_wished(folder: RunFolder) -> None:
    limit = time.monotonic() + 30
    while not shutdown.is_requested(folder) and time.monotonic() < limit:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_wish(folder: RunFolder, number: int) -> None:
    ended = []

    def work() -> None:
        os.kill(os.getpid(), number)
        until_wished(folder)
        ended.append(True)

    with Shutdown(folder) as asked, pytest.raises(KeyboardInterrupt):
        asked.run(work, lambda: True, lambda: None)
    assert ended, "the work had its time"


def test_a_hangup_that_is_ignored_stays_so(folder: RunFolder) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Shutdown(folder) as asked:
        asked.run(lambda: os.kill(os.getpid(), signal.SIGHUP), lambda: True, lambda: None)
    assert not shutdown.is_requested(folder)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_handlers_are_put_back(folder: RunFolder) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with Shutdown(folder):
        assert all(signal.getsignal(number) not in before for number in numbers)
    assert [signal.getsignal(number) for number in numbers] == before


def test_who_asks_is_heard_and_the_first_reason_counts(folder: RunFolder) -> None:
    def work() -> None:
        asked.request("the engine is gone")
        asked.request("and something else")
        until_wished(folder)

    with Shutdown(folder) as asked, pytest.raises(RunFailed, match=r"^the engine is gone$"):
        asked.run(work, lambda: True, lambda: None)
    assert shutdown.request_file(folder).read_text() == "the engine is gone"
