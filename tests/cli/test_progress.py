"""What is said while a run goes on, where nobody can hear it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import students
from forked import COMMAND, GENERATE, Forks

BROKEN = f"""
import os
reads, writes = os.pipe()
os.close(reads)
os.dup2(writes, 2)
{COMMAND}
"""
"""The command, whose standard error is a pipe that nobody reads."""
FULL = f"""
import os
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
{COMMAND}
"""
"""The command, whose standard error is a device that is full."""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have imported the command."""
    environment = os.environ | {students.WAIT: "0.2", "PYTHONPATH": os.pathsep.join(sys.path)}
    with Forks(environment, GENERATE) as made:
        yield made


@pytest.mark.parametrize("script", [BROKEN, FULL], ids=["broken", "full"])
def test_a_run_whose_words_nobody_takes_goes_on(tmp_path: Path, script: str, forks: Forks) -> None:
    words = ["generate", "starter", "--engine", "scripted", "--limit", "20"]
    done = forks.run(script, *words, "--out", str(tmp_path / "run"))
    assert done.returncode == 0
    assert "20 in = 20 kept" in done.stdout
    assert (tmp_path / "run" / "manifest.json").exists()


def test_a_run_without_standard_error_goes_on(tmp_path: Path) -> None:
    command = f"{sys.executable} -m tutelage generate starter --engine scripted --limit 20"
    command += f" --out {tmp_path / 'run'}"
    done = subprocess.run(f"exec {command} 2>&-", shell=True, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert "20 in = 20 kept" in done.stdout


def test_an_interruption_that_nobody_hears_is_one(tmp_path: Path, forks: Forks) -> None:
    out = tmp_path / "run"
    words = ["generate", "starter?size=600", "--engine", "students:Slow", "--out", str(out)]
    process = forks.begin(BROKEN, *words)
    while process.poll() is None and not list(out.glob("logs/heartbeat-*.json")):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
