"""Files beside one another, in forks: every report arrives, a dead worker's test has failed."""

import os
import subprocess
import sys
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


@pytest.mark.skipif(sys.platform != "linux", reason="the forks are Linux's")
def test_reports_arrive_and_a_dead_worker_is_a_failure(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--beside", "2"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "."],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    shown = ended.stdout
    assert ended.returncode == 1
    assert "2 failed, 3 passed, 1 skipped, 1 warning" in shown, shown
    assert "by the number" in shown and "assert 1 == 2" in shown and "unseen" not in shown
    assert "FAILED test_b.py::test_dead - its process ended with status -9" in shown
    assert "UserWarning: mind that" in shown
    assert (tmp_path / "ended").exists(), "what the session shared was put away"
