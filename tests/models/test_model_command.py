import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tutelage.cli import model, where


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path))
    return tmp_path


def test_list_before_the_pull(empty_cache: Path) -> None:
    shown = CliRunner().invoke(model.command, ["list"])
    assert shown.exit_code == 0
    assert "not here" in shown.output and "tutelage model pull" in shown.output
    (row,) = json.loads(CliRunner().invoke(model.command, ["list", "--json"]).output)
    assert row == {
        "name": "smollm2-135m",
        "state": "not here",
        "bytes": 0,
        "path": str(empty_cache / "models" / "smollm2-135m"),
    }


def test_pull_again_says_that_it_is_there() -> None:
    from tutelage import models

    folder = models.pull()
    shown = CliRunner().invoke(model.command, ["pull"])
    assert (shown.exit_code, shown.output) == (0, f"smollm2-135m is here: {folder}\n")
    (row,) = json.loads(CliRunner().invoke(model.command, ["list", "--json"]).output)
    assert row["state"] == "ready"
    assert row["bytes"] > 250e6


def test_where(empty_cache: Path) -> None:
    places = json.loads(CliRunner().invoke(where.command, ["--json"]).output)
    assert list(places) == ["version", "package", "prompts", "schemas", "cache", "models", "python"]
    for name in ("package", "prompts", "schemas"):
        assert Path(places[name]).is_dir()
    assert Path(places["cache"]) == empty_cache
    lines = CliRunner().invoke(where.command, []).output.splitlines()
    assert [line.split()[0] for line in lines] == list(places)
