"""`tutelage dedup` over runs; over files it is in tests/dedup/test_marks.py."""

import json
import shutil

import pytest
from click.testing import CliRunner

from runs import Said, lone, words
from tutelage.cli.dedup import command
from tutelage.errors import Mistake
from tutelage.shards import read_rows
from typed import tutelage

TEXTS = [" ".join(words(90, seed)) for seed in range(8)]
FIRST = [
    Said("b1", TEXTS[0]),
    Said("b2", TEXTS[0] + " again"),
    Said("b3", TEXTS[1]),
    Said("b4", TEXTS[2]),
    Said("c1", TEXTS[0], "p-b1", "retry"),
    Said("c2", TEXTS[3], "p-b2", "retry"),
    Said("c3", TEXTS[4], "p-b3", "retry"),
    Said("c4", TEXTS[5], "p-b4", "retry"),
]
SECOND = [
    Said("a1", TEXTS[1] + " or so"),
    Said("b4", TEXTS[2]),
    Said("b5", TEXTS[6]),
    Said("e4", "something else: " + TEXTS[7], "p-b5", "retry"),
    Said("d1", TEXTS[6], "p-a1", "retry"),
    Said("d2", "little", "p-b4", "retry"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    lone(place / "first", FIRST)
    lone(place / "second", SECOND)
    return place


def dedup(*args):
    return CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False)


def marks(run):
    return {row["dialogue_id"]: (row["duplicate_of"], row["cluster_id"]) for row in read_rows(run)}


def test_one_run_is_marked_as_it_was_published(runs, tmp_path):
    dedup(runs / "first", "--out", tmp_path / "out")
    rows = {row["dialogue_id"]: row for row in read_rows(str(tmp_path / "out"))}
    assert rows == {row["dialogue_id"]: row for row in read_rows(str(runs / "first"))}
    assert rows["b2"]["duplicate_of"] == "b1"


def test_two_runs_become_one_and_are_compared_arm_by_arm(runs, tmp_path):
    said = dedup(runs / "first", runs / "second", "--out", tmp_path / "out").output
    assert "dialogues  14 in = 13 kept + 1 repeated" in said
    assert "duplicates 0 exact, 2 near, in 2 clusters" in said
    assert marks(str(tmp_path / "out")) == {
        "a1": (None, "a1"),
        "b1": (None, "b1"),
        "b2": ("b1", "b1"),
        "b3": ("a1", "a1"),
        "b4": (None, "b4"),
        "b5": (None, "b5"),
        "c1": (None, "c1"),
        "c2": (None, "c2"),
        "c3": (None, "c3"),
        "c4": (None, "c4"),
        "d1": (None, "d1"),
        "d2": (None, "d2"),
        "e4": (None, "e4"),
    }
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["derived"]["operation"] == "dedup"
    assert [one["rows"] for one in manifest["derived"]["parents"]] == [8, 6]


def test_a_threshold_is_a_choice(runs, tmp_path):
    dedup(runs / "first", "--threshold", "0.999", "--out", tmp_path / "out")
    assert all(twin is None for twin, _ in marks(str(tmp_path / "out")).values())


def test_a_copied_run_repeats_the_whole(runs, tmp_path):
    shutil.copytree(runs / "first", tmp_path / "first")
    said = dedup(runs / "first", tmp_path / "first", "--out", tmp_path / "out").output
    assert "16 in = 8 kept + 8 repeated" in said
    assert list(read_rows(str(tmp_path / "out"))) == list(read_rows(str(runs / "first")))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["first", "first"], "each run once"),
        (["first", "file.jsonl"], "runs alone or files alone"),
        (["first", "--text", "statement"], "--text, --id, --within and --shingle are for files"),
        (["."], "is not a run"),
        (["first", "nowhere"], "runs alone or files alone"),
        (["nowhere"], "no such file"),
    ],
)
def test_mistakes(runs, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(runs)
    with pytest.raises(Mistake, match=said) as raised:
        dedup(*args, "--out", tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_threads_cannot_be_fewer_than_none(tmp_path):
    made = dedup("x.jsonl", "--threads", "-3", "--out", tmp_path / "out")
    assert made.exit_code == 2 and "-3 is not in the range" in made.output


def test_bytes_that_are_no_text_are_one_line_and_status_2(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(b'{"text": "caf\xe9"}\n')
    made = tutelage("dedup", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "x"))
    assert (made.returncode, made.stdout, made.stderr.count("\n")) == (2, "", 1)
    assert "line 1 is not UTF-8" in made.stderr


def test_a_mistake_is_one_line_and_status_2(tmp_path):
    made = tutelage("dedup", str(tmp_path), "--out", "x")
    assert (made.returncode, made.stdout, made.stderr.count("\n")) == (2, "", 1)
    assert "is not a run" in made.stderr
