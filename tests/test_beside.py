"""Files beside one another, in forks: every report arrives, a dead worker's test has failed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

FILES = {
    "test_a.py": """
import os, warnings
def test_said(capfd, tmp_path):
    os.write(1, b"by the number\\n")
    assert 1 == 2
def test_warned():
    warnings.warn("mind that")
""",
    "test_b.py": """
import os, pytest
def test_skipped():
    pytest.skip("no other user")
def test_dead():
    os.kill(os.getpid(), 9)
def test_never():
    pass
""",
    "test_c.py": "def test_good(shared): assert shared\ndef test_last(shared): print('unseen')\n",
    "conftest.py": """
import pathlib, pytest
pytest_plugins = ["beside"]
@pytest.fixture(scope="session")
def shared():
    yield True
    pathlib.Path("ended").touch()
""",
}


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the forks are Linux's")


def begun(folder: Path, files: dict[str, str]) -> "subprocess.Popen[str]":
    """`pytest --beside 2` of these files."""
    for name, text in files.items():
        (folder / name).write_text(text)
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment = own | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--beside", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *words, "."],
        cwd=folder, env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_reports_arrive_and_a_dead_worker_is_a_failure(tmp_path: Path) -> None:
    ended = begun(tmp_path, FILES)
    shown, _ = ended.communicate()
    assert ended.returncode == 1
    assert "2 failed, 3 passed, 1 skipped, 1 warning" in shown, shown
    assert "by the number" in shown and "assert 1 == 2" in shown and "unseen" not in shown
    assert "FAILED test_b.py::test_dead - its process ended with status -9" in shown
    assert "UserWarning: mind that" in shown
    assert (tmp_path / "ended").exists(), "what the session shared was put away"


SLEEPER = """
import os, pathlib, time
def test_asleep(request):
    pathlib.Path(f"{request.path.stem}.pid").write_text(str(os.getpid()))
    time.sleep(600)
"""


def test_workers_end_with_the_process_that_prints(
    tmp_path: Path, survivors: Callable[[Iterable[int]], list[int]]
) -> None:
    names = ("test_a", "test_b")
    process = begun(
        tmp_path, {f"{name}.py": SLEEPER for name in names} | {"conftest.py": FILES["conftest.py"]}
    )
    notes = [tmp_path / f"{name}.pid" for name in names]
    while process.poll() is None and not all(note.exists() and note.read_text() for note in notes):
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert survivors([int(note.read_text()) for note in notes]) == []
