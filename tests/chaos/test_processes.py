"""A run with several worker processes: Ctrl-C at a terminal, a killed parent, a killed worker.

A terminal sends Ctrl-C to the whole process group, and a closed one SIGHUP; so do these tests.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import students
from forked import GENERATE, Begun, Forks
from proc import descendants, lives
from tutelage import settings as settings_room
from tutelage.flow import run
from tutelage.shards import RunFolder, entries
from tutelage.shards.journal import files

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)

LONG = os.environ.get("TUTELAGE_CHAOS") == "long"
SIZE = 180
CORPUS = f"starter?size={SIZE}"
ENGINE = "students:Slow"
PLAYED = [f"student.engine={ENGINE}", f"teacher.engine={ENGINE}", "driver.concurrency=32"]
"""Of two workers 64 dialogues are in play: when the first 40 are done, most have not begun."""
TWO = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def lines(out: Path) -> int:
    """Dialogues in the journal."""
    return sum(path.read_bytes().count(b"\n") for path in files(RunFolder(out).journal))


def workers(pid: int) -> list[int]:
    """The workers' processes, without their reapers and their verifiers."""
    found = []
    for each in descendants(pid):
        command = Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
        if command[1:3] == [b"-m", b"apache_beam.runners.worker.sdk_worker_main"]:
            found.append(each)
    return found


TYPED = """
import signal, sys
from tutelage.cli import main

# As at a terminal: `nohup make test` leaves it ignored, and the command goes by that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have imported the command."""
    environment = os.environ | {students.WAIT: "0.2", "PYTHONPATH": os.pathsep.join(sys.path)}
    with Forks(environment, GENERATE) as made:
        yield made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def begun(out: Path, forks: Forks) -> Iterator[Begun]:
    """The command as a person types it, at a moment when dialogues are in play."""
    sets = [f"--set={pair}" for pair in PLAYED]
    words = ["generate", CORPUS, "--out", str(out), "--quiet", *sets, "--", *TWO]
    process = forks.begin(TYPED, *words)
    limit = time.monotonic() + 120
    while process.poll() is None and lines(out) < 40 and time.monotonic() < limit:
        time.sleep(0.05)
    assert process.poll() is None
    yield process
    process.kill()
    process.wait()


def gone(pids: list[int], within_s: float) -> bool:
    """Whether none of these lives, once they have had some time."""
    limit = time.monotonic() + within_s
    while any(map(lives, pids)) and time.monotonic() < limit:
        time.sleep(0.02)
    return not any(map(lives, pids))


def whole(out: Path) -> None:
    """The same command again ends the run, and nothing is there twice."""
    manifest = run(settings_room.load("", PLAYED, corpora=(CORPUS,)), str(out))
    assert manifest["balance"]["kept"] == SIZE
    keys = Counter(entry.key for file in files(RunFolder(out).journal) for entry in entries(file))
    assert set(keys.values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT] if LONG else [signal.SIGHUP])
def test_a_terminals_signal_drains(out: Path, begun: Begun, number: int) -> None:
    below = descendants(begun.pid)
    assert len(workers(begun.pid)) == 2
    asked = time.monotonic()
    os.killpg(begun.pid, number)
    assert begun.wait(timeout=60) == 130
    assert time.monotonic() - asked < 10
    safe = lines(out)
    assert not [pid for pid in below if lives(pid)], "it waited for all of its processes"
    assert begun.stderr.read_text() == (
        f"interrupted: {safe} results are safe in {out / 'journal'}; "
        "run the same command again to go on from there\n"
    )
    assert 0 < safe < SIZE
    time.sleep(0.5)
    assert lines(out) == safe
    whole(out)


def test_a_parent_that_is_killed_leaves_no_worker(out: Path, begun: Begun) -> None:
    below = descendants(begun.pid)
    begun.kill()
    begun.wait()
    assert gone(below, 10)
    whole(out)


def test_a_worker_that_is_killed_fails_the_run_in_one_line(out: Path, begun: Begun) -> None:
    below, (first, _) = descendants(begun.pid), workers(begun.pid)
    os.kill(first, signal.SIGKILL)
    assert begun.wait(timeout=60) == 1
    said = begun.stderr.read_text()
    assert "failed: a worker process was killed by signal 9" in said
    assert str(out / "logs" / "workers.log") in said and said.count("\n") == 1
    assert gone(below, 10)
    whole(out)
