"""Signals are wishes to stop; what a wish costs is in `tests/chaos`."""

import os
import signal
import threading
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
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup
    yield
    signal.signal(signal.SIGHUP, before)


def is_requested(folder: RunFolder) -> bool:
    return any(folder.journal.glob("stop-*"))


def until_wished(folder: RunFolder) -> None:
    limit = time.monotonic() + 30
    while not is_requested(folder) and time.monotonic() < limit:
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
    assert not is_requested(folder)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_handlers_are_put_back(folder: RunFolder) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with Shutdown(folder):
        assert all(signal.getsignal(number) not in before for number in numbers)
    assert [signal.getsignal(number) for number in numbers] == before


def test_who_asks_is_heard_and_the_first_reason_counts(folder: RunFolder) -> None:
    reasons = []

    def work() -> None:
        asked.request("the engine is gone")
        asked.request("and something else")
        until_wished(folder)
        reasons.append(shutdown.request_file(folder, asked.session).read_text())

    with Shutdown(folder) as asked, pytest.raises(RunFailed, match=r"^the engine is gone$"):
        asked.run(work, lambda: True, lambda: None)
    assert reasons == ["the engine is gone"]


def test_work_that_is_abandoned_finds_the_request_later_and_the_next_session_does_not(
    folder: RunFolder,
) -> None:
    """A job on other machines may end minutes after it was cancelled."""
    abandoned, ended = threading.Event(), threading.Event()
    with Shutdown(folder, patience_s=0.1, elsewhere=True) as first:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            first.run(lambda: bool(ended.wait(60)), lambda: True, abandoned.set)
    assert abandoned.is_set()
    with Shutdown(folder, elsewhere=True) as second:
        assert shutdown.is_requested(folder, first.session)
        assert not shutdown.is_requested(folder, second.session)
    ended.set()
    with Shutdown(folder):
        assert not is_requested(folder)
