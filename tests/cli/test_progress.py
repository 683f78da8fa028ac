"""What is said while a run goes on, where nobody can hear it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

GENERATE = [sys.executable, "-m", "tutelage", "generate", "starter", "--engine", "scripted"]


def broken(tmp_path: Path) -> int:
    """A pipe that nobody reads."""
    reads, writes = os.pipe()
    os.close(reads)
    return writes


def full(tmp_path: Path) -> int:
    """A device that is full."""
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("stderr", [broken, full])
def test_a_run_whose_words_nobody_takes_goes_on(
    tmp_path: Path, stderr: Callable[[Path], int]
) -> None:
    command = [*GENERATE, "--limit", "20", "--out", str(tmp_path / "run")]
    to = stderr(tmp_path)
    # Python ignores SIGPIPE, a child that is begun with it may not.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=to, text=True)
    os.close(to)
    assert done.returncode == 0
    assert "20 in = 20 kept" in done.stdout
    assert (tmp_path / "run" / "manifest.json").exists()


def test_a_run_without_standard_error_goes_on(tmp_path: Path) -> None:
    command = " ".join([*GENERATE, "--limit", "20", "--out", str(tmp_path / "run")])
    done = subprocess.run(f"exec {command} 2>&-", shell=True, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert "20 in = 20 kept" in done.stdout


def test_an_interruption_that_nobody_hears_is_one(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [*GENERATE[:-2], "starter?size=20000", "--engine", "scripted", "--out", str(out)]
    command.remove("starter")
    to = broken(tmp_path)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=to)
    os.close(to)
    while process.poll() is None and not list(out.glob("logs/heartbeat-*.json")):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
