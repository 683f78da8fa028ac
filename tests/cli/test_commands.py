"""The command line as a person meets it."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tutelage.cli import COMMANDS, cli
from typed import tutelage


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_has_help_with_an_example(name):
    result = CliRunner().invoke(cli, [name, "--help"] if name else ["--help"])
    assert result.exit_code == 0
    assert f"tutelage {name or 'generate'}" in result.output
    assert "Example" in result.output or "Begin with" in result.output


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """By a process of its own, as all of it stands at a terminal."""
    out = tmp_path_factory.mktemp("cli") / "run"
    typed = ["generate", "starter", "--limit", "12", "--engine", "scripted", "--out", str(out)]
    made = subprocess.run(
        [sys.executable, "-m", "tutelage", *typed], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return out, made


def test_generate_ends_with_the_account(done):
    out, made = done
    assert "12 in = 12 kept + 0 filtered + 0 duplicate + 0 dead" in made.stdout
    assert f"tutelage show {out}" in made.stdout


def test_show_prints_dialogues(done):
    out, _ = done
    shown = tutelage("show", str(out), "--limit", "2")
    assert shown.returncode == 0
    assert shown.stdout.count("teacher (problem)") == 2
    one = json.loads(tutelage("show", str(out), "--limit", "1", "--json").stdout)
    again = tutelage("show", str(out), one["dialogue_id"][:8])
    assert one["dialogue_id"] in again.stdout


def test_inspect_prints_every_figure(done):
    out, _ = done
    found = json.loads(tutelage("inspect", str(out), "--json").stdout)
    assert found["balance"]["input"] == 12
    assert "by turn" in tutelage("inspect", str(out)).stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["generate", "nope.jsonl", "--out", "x"], "there is no file 'nope.jsonl'"),
        (["generate", "starter", "--out", "x", "--set", "studnt.model=x"], "'student.model'"),
        (["generate", "starter", "--out", "/proc/nope/x", "--engine", "scripted"], "cannot write"),
        (["generate", "starter", "--out", ""], "got nothing: leave it out, or name one"),
        (["generate", "starter", "--out", "x", "--samples", "0"], "0 is not in the range"),
        (["show", "nope"], "no such folder"),
        (["inspect", "nope"], "no such folder"),
        (["nope"], "No such command 'nope'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(args, words, tmp_path):
    result = tutelage(*args, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_run_without_a_name_gets_one_by_its_settings(tmp_path):
    command = ("generate", "starter?size=9", "--engine", "scripted", "--limit")
    for limit in ("2", "3"):  # the same run, extended
        assert tutelage(*command, limit, cwd=tmp_path).returncode == 0
    (made,) = (tmp_path / "outputs").iterdir()
    assert re.fullmatch(r"starter-[0-9a-f]{8}", made.name)
    assert json.loads((made / "manifest.json").read_text())["balance"]["kept"] == 3


def test_an_id_is_a_beginning_and_a_condition_stands_alone(done):
    out, _ = done
    assert tutelage("show", str(out), "%").returncode == 2
    assert "not SQL" in tutelage("show", str(out), "--where", "1=1) -- ").stderr
    assert "0 is not in the range" in tutelage("show", str(out), "--limit", "0").stderr


def test_a_reader_that_has_had_enough_is_no_failure(done):
    out, _ = done
    shown = f"'{sys.executable}' -m tutelage show '{out}' --limit 12"
    piped = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shown} | head -1"], capture_output=True, text=True
    )
    assert (piped.returncode, piped.stderr) == (0, "")
    full = subprocess.run(["bash", "-c", f"{shown} > /dev/full"], capture_output=True, text=True)
    assert full.returncode == 1 and full.stderr.count("\n") == 1


def test_a_run_that_is_not_published_is_read_from_its_journal(done, tmp_path):
    out, _ = done
    copy = tmp_path / "run"
    shutil.copytree(out, copy)
    (copy / "manifest.json").unlink()
    for command in ("inspect", "show"):
        result = tutelage(command, str(copy))
        assert (result.returncode, result.stderr.count("\n")) == (0, 1)
        assert "interrupted" in result.stderr


def test_prompts_show_and_lint(tmp_path):
    assert "no fault" in tutelage("prompts", "lint").stdout
    assert "{{ solution }}" in tutelage("prompts", "show", "teacher/feedback.j2").stdout
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "system.j2").write_text("{{ answer }}")
    bad = tutelage("prompts", "lint", "--prompts", str(tmp_path))
    assert bad.returncode == 1
    assert "names answer" in bad.stdout
