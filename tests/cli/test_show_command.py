"""`tutelage show` on finished and unfinished runs, and what it lets through to a terminal."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from builders import finished
from runs import scripted
from tables import published, row
from tutelage import contract
from tutelage.cli import cli
from tutelage.controls import harmless
from tutelage.shards import Journal, RunFolder, lock
from tutelage.shards.figures import figures
from typed import tutelage

EVIL = (
    "\x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x9b2J\x9d0;x\x9c\rover\x08\x08\x7f"
    "\u202eright to left\u2066\u200f\u2028next\u200b\U000e0041<script>alert(1)</script>"
)
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\U000e0000-\U000e007f]"
)


def call(*args, width=None):
    env = {"COLUMNS": str(width)} if width else {}
    return CliRunner().invoke(cli, ["show", *map(str, args)], env=env)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rows = [row(f"d{i:02d}", group=f"g{i:02d}", solved=(1, 2, None)[i % 3]) for i in range(12)]
    for one in rows[:1]:
        one["problem_id"] = one["statement"] = one["privileged_context"] = EVIL
        for message, known in zip(one["messages"], one["trail"], strict=True):
            message["content"] += EVIL
            known["verdict"]["extracted"] = known["leak"]["kind"] = known["form"] = EVIL
            known["false_equation"] = EVIL
    return published(tmp_path_factory.mktemp("show") / "run", rows)


@pytest.mark.parametrize("options", [[], ["--system"], ["--turns"], ["--json"]])
def test_nothing_that_a_model_says_reaches_the_terminal_as_a_command(run, options):
    result = call(run, "d00", *options)
    assert result.exit_code == 0, result.output
    assert "owned" in result.output
    assert not ACTIVE.search(result.output.replace("\n", ""))


def test_json_stays_json_for_the_same_values(run):
    loaded = json.loads(call(run, "d00", "--json").output)
    assert loaded["statement"] == EVIL


def test_errors_are_as_harmless_as_dialogues(run):
    told = tutelage("show", str(run), "--where", f"statement = {EVIL}")
    assert told.returncode == 2 and not ACTIVE.search(told.stderr.replace("\n", ""))


def test_a_page_is_one_file_in_which_text_is_text(run, tmp_path):
    call(run, "d00", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?:""", page)
    assert not ACTIVE.search(page.replace("\n", ""))


@pytest.mark.parametrize("width", [20, 33, 80, 200])
@pytest.mark.parametrize("options", [[], ["--turns"]])
def test_lines_fit_the_terminal_whatever_the_script(tmp_path, width, options):
    words = ["supercalifragilistic" * 3, "数学の問題です" * 9, "مرحبا بالعالم " * 9, "a\tb" * 20]
    rows = [row(f"d{i}", text=text) for i, text in enumerate(words)]
    published(tmp_path, rows)
    shown = call(tmp_path, "--limit", "4", *options, width=width).output
    for line in shown.splitlines():
        assert cell_len(line) <= width, line


def test_a_sample_is_the_same_for_the_same_seed(run):
    def ids(*args):
        lines = call(run, "--json", *args).output.splitlines()
        return [json.loads(line)["dialogue_id"] for line in lines]

    assert len(ids("--sample", "5")) == 5
    assert ids("--sample", "5") == ids("--sample", "5", "--seed", "0")
    assert ids("--sample", "5") != ids("--sample", "5", "--seed", "1")
    assert set(ids("--sample", "9", "--where", "outcome.solved_turn = 1")) <= set(
        ids("--limit", "12", "--where", "outcome.solved_turn = 1")
    )


def test_turns_are_a_line_each(run):
    lines = call(run, "d01", "--turns").output.splitlines()
    assert [line.split()[:3] for line in lines[2:-1]] == [
        ["1", "attempt", "incorrect"],
        ["1", "hint", "Look"],
        ["2", "attempt", "correct"],
    ]


@pytest.fixture
def playing(tmp_path):
    """A run of which five dialogues have ended, one twice, one badly."""
    folder = RunFolder(tmp_path / "run")
    folder.create()
    settings = scripted()
    folder.write_json("run.json", {"run_id": "x", "settings": settings.model_dump(mode="json")})
    folder.write_json("journal/input.json", {"rows": 9})
    journal = Journal(folder.journal)
    for i in (0, 1, 2, 3, 4, 2):
        made = contract.row(finished(["6", "5"], sample=i), contract.Stamp("x"))
        journal.append(made["dialogue_id"], "kept", made)
    journal.append("bad", "dead", made)
    journal.close()
    return folder.root


def test_an_interrupted_run_is_shown_from_its_journal(playing):
    result = call(playing, "--limit", "9")
    assert result.output.count("── ") == 5
    assert "interrupted" in result.stderr and "5 dialogues so far" in result.stderr
    assert len(call(playing, "--where", "sample > 2").stdout.split("── ")) == 3
    found = figures(str(playing))
    assert found["state"] == "interrupted"
    assert found["dialogues"] == {"kept": 5, "dead": 1}
    assert sum(arm["solved"] for arm in found["arms"].values()) == 5
    printed = CliRunner().invoke(cli, ["inspect", str(playing)])
    assert printed.exit_code == 0 and "interrupted" in printed.output


def test_a_run_that_is_playing_says_so_and_is_not_disturbed(playing):
    before = {p: p.read_bytes() for p in playing.rglob("*") if p.is_file()}
    with lock.held(playing / "journal" / lock.NAME, playing):
        result = call(playing)
        assert "still playing" in result.stderr
        assert figures(str(playing))["state"] == "playing"
    assert {p: p.read_bytes() for p in before} == before


def test_a_line_that_is_half_written_is_not_there_yet(playing):
    (file,) = (playing / "journal").glob("*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'half\tkept\t{"dialogue_id": "ha')
    assert figures(str(playing))["dialogues"]["kept"] == 5


def test_a_run_without_a_dialogue_is_one_line(playing):
    for file in (playing / "journal").glob("*.jsonl"):
        file.unlink()
    error = call(playing).exception
    assert "holds no dialogue yet" in str(error) and "\n" not in str(error)


def test_names_are_names_and_no_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published(tmp_path / "z*", [row("star")])
    published(tmp_path / "z1", [row("one"), row("two")])
    assert figures("z*")["dialogues"]["kept"] == 1
    assert sum(arm["dialogues"] for arm in figures("z*")["arms"].values()) == 1
    shown = call("z*", "--limit", "9").output
    assert "star" in shown and "two" not in shown
    shutil.rmtree(tmp_path / "z*")
    assert "no such folder" in str(call("z*").exception)


def test_every_character_that_is_shown_by_its_number_can_be_read():
    assert harmless("plain\tand\nlines, ä, 数, 🙂") == "plain\tand\nlines, ä, 数, 🙂"
    assert harmless("\x1b]0;t\x07") == "\\x1b]0;t\\x07"
    assert harmless("\u202e") == "\\u202e" and harmless("\U000e0041") == "\\U000e0041"


def test_a_pipe_gets_a_hundred_columns(run):
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    told = subprocess.run(
        [sys.executable, "-m", "tutelage", "show", str(run), "d00"],
        capture_output=True, text=True, env=env,
    )  # fmt: skip
    assert max(map(cell_len, told.stdout.splitlines())) in range(80, 101)
