"""The reaper: nothing that it started outlives whoever wanted it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tutelage.processes import reaper

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)

REAPER = [sys.executable, "-m", "tutelage.processes.reaper"]
FILE = [sys.executable, "-I", "-S", reaper.__file__]

TREE = """
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
if len(sys.argv) > 2:
    sys.exit(int(sys.argv[2]))
time.sleep(600)
"""
"""A command with a child of its own, deaf to every signal that can be ignored."""

Survivors = Callable[[Iterable[int]], list[int]]


@dataclass
class Ground:
    """Where a tree of processes leaves its ids."""

    file: Path
    pids: list[int] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-S", "-c", TREE, str(self.file)]

    def wait(self) -> list[int]:
        """The ids of the command and of its child, once both run."""
        limit = time.monotonic() + 60
        while not self.file.exists():
            assert time.monotonic() < limit, "the command never ran"
            time.sleep(0.02)
        self.pids = [int(pid) for pid in self.file.read_text().split()]
        return self.pids


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path / "pids")
    yield made
    for pid in made.pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_status_is_the_commands(ground: Ground, survivors: Survivors, status: int) -> None:
    """And what the command left behind is gone."""
    with _start([*REAPER, *ground.command, str(status)]) as process:
        pids = ground.wait()
        assert process.wait(60) == status
        assert not survivors(pids)


def test_a_command_that_was_killed_is_no_success() -> None:
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with _start([*REAPER, sys.executable, "-S", "-c", suicide]) as process:
        assert process.wait(60) != 0


def test_a_command_that_is_not_there_is_said() -> None:
    with _start([*REAPER, "/no/such/command"]) as process:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert b"FileNotFoundError" in said


@pytest.mark.parametrize("how", [REAPER, FILE], ids=["module", "file"])
def test_all_ends_when_standard_input_closes(
    ground: Ground, survivors: Survivors, how: list[str]
) -> None:
    with _start([*how, *ground.command]) as process:
        pids = ground.wait()
        assert process.stdin
        process.stdin.write(b"what is written does not matter")
        process.stdin.flush()
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(60) != 0
        assert not survivors(pids)


def test_the_command_reads_nothing(tmp_path: Path) -> None:
    """The pipe is the reaper's alone."""
    read = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(repr(sys.stdin.read()))"
    with _start([*REAPER, sys.executable, "-S", "-c", read, str(tmp_path / "read")]) as process:
        assert process.wait(60) == 0
        assert (tmp_path / "read").read_text() == "''"


def test_all_ends_when_the_parent_is_killed(
    ground: Ground, survivors: Survivors, tmp_path: Path
) -> None:
    parent = """
import pathlib, subprocess, sys, time
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""
    written = tmp_path / "reaper"
    command = [sys.executable, "-S", "-c", parent, str(written), *REAPER, *ground.command]
    with subprocess.Popen(command, start_new_session=True) as process:
        pids = [*ground.wait(), int(written.read_text())]
        assert len(pids) == 3
        process.kill()
        process.wait(60)
        assert not survivors(pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_all_ends_when_the_reaper_is_told_to(
    ground: Ground, survivors: Survivors, number: int
) -> None:
    with _start([*REAPER, *ground.command]) as process:
        pids = ground.wait()
        process.send_signal(number)
        assert process.wait(60) != 0
        assert not survivors(pids)


def test_the_command_ends_when_the_reaper_is_killed(ground: Ground, survivors: Survivors) -> None:
    with _start([*REAPER, *ground.command]) as process:
        command, child = ground.wait()
        process.kill()
        process.wait(60)
        assert not survivors([command])
        os.kill(child, signal.SIGKILL)  # only the command itself can be told by the kernel


def test_a_signal_that_comes_too_early_is_not_lost(ground: Ground, survivors: Survivors) -> None:
    """It arrives when the command has just begun and nobody listens yet."""
    early = """
import os, pathlib, signal, subprocess, sys, time
from tutelage.processes import reaper

def popen(*given, **named):
    child = begin(*given, **named)
    while not pathlib.Path(sys.argv[-1]).exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)
    return child

begin, subprocess.Popen = subprocess.Popen, popen
sys.exit(reaper.main(sys.argv[1:]))
"""
    with _start([sys.executable, "-c", early, *ground.command]) as process:
        pids = ground.wait()
        assert process.wait(60) != 0
        assert not survivors(pids)


def test_the_file_needs_no_package() -> None:
    """The standard library does, so the reaper is there at once and stays small."""
    told = "import sys; print([m for m in sys.modules if m.startswith(('tutelage', 'pydantic'))])"
    code = f"import runpy; runpy.run_path({reaper.__file__!r}); {told}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
