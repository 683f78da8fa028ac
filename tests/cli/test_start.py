"""What a command imports before it answers: of a short command, that is nearly all of its time."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"apache_beam", "duckdb", "httpx", "pandas", "rich", "torch"}


def _started(*words: str) -> tuple[int, set[str]]:
    """The exit status of a command, and the packages that it imported."""
    command = [sys.executable, "-X", "importtime", "-m", "tutelage", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    modules = (line.rpartition("|")[2].strip() for line in ended.stderr.splitlines())
    return ended.returncode, {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "absent.jsonl"),
        ("generate", "starter", "--set", "student.temperature=hot"),
        ("generate", "starter", "--engine", "scripted", "--set", "prompts=absent"),
        ("generate", "starter", "--engine", "scripted", "--out", "taken"),
        ("plan", "absent.jsonl"),
    ],
)
def test_a_mistake_is_found_before_anything_heavy_is_imported(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    status, packages = _started(*words)
    assert status == 2 and "tutelage" in packages and not packages & HEAVY


def test_scripted_players_want_neither_sql_nor_a_server(tmp_path: Path) -> None:
    words = ("starter", "--engine", "scripted", "--limit", "2", "--out", str(tmp_path / "run"))
    status, packages = _started("generate", *words)
    assert status == 0 and packages & HEAVY == {"apache_beam", "pandas"}
