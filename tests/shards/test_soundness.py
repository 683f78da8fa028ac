"""A run that does not agree with its manifest is refused, in one line that says what to do."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tables import published, row
from tutelage.cli import cli
from tutelage.errors import Mistake
from tutelage.shards import read_rows
from tutelage.shards.figures import figures
from tutelage.shards.soundness import sound


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    rows = [row(f"d{i}", solved=i % 2 + 1 if i % 3 else None) for i in range(9)]
    return published(tmp_path_factory.mktemp("sound") / "run", rows, rows_a_file=4)


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def shard(run):
    return sorted((run / "shards").rglob("solved-*.parquet"))[0]


def edit(run, change):
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def older(run):
    table = pq.read_table(shard(run)).replace_schema_metadata({"schema_version": "dialogue.v0"})
    pq.write_table(table, shard(run))


def narrower(run):
    pq.write_table(pq.read_table(shard(run)).drop_columns(["leaks"]), shard(run))


def cut_short(run):
    shard(run).write_bytes(shard(run).read_bytes()[:-300])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (cut_short, "is cut short or not a Parquet file"),
        (lambda run: shard(run).unlink(), "is missing"),
        (lambda run: shutil.copy(shard(run), shard(run).with_name("rest-9.parquet")), "not in man"),
        (older, "has rows of dialogue.v0, wanted dialogue.v1: read it with the version"),
        (narrower, "has columns of an earlier dialogue.v1 (leaks)"),
        (lambda run: (run / "manifest.json").write_text("{"), "is broken, it is not JSON"),
        (lambda run: (run / "manifest.json").write_text("[]"), "is a list, not an object"),
        (lambda run: (run / "manifest.json").unlink(), "is not published yet"),
        (lambda run: edit(run, lambda m: m.pop("files")), "has no files"),
        (lambda run: edit(run, lambda m: m.update(schema_version="v0")), "of version 'v0'"),
        (lambda run: edit(run, lambda m: m["dialogues"].update(kept=10)), "rows of the shards"),
        (lambda run: edit(run, lambda m: m["balance"].update(kept=3)), "input: 9 and 3"),
        (lambda run: edit(run, lambda m: m["solved_at"].update({"1": 1})), "solved: "),
        (lambda run: edit(run, lambda m: m["files"].update(x="1")), "a count that is not a number"),
    ],
)
def test_a_fault_is_reported_with_a_cure(run, tmp_path, harm, words):
    harm(run)
    with pytest.raises(Mistake) as mistake:
        sound(str(run))
    assert words in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert any(cure in str(mistake.value) for cure in ("once more", "again", "JSON"))
    asked = ["filter", str(run), "--solved", "--out", str(tmp_path / "out")]
    assert isinstance(CliRunner().invoke(cli, asked).exception, Mistake)
    assert not (tmp_path / "out").exists()
    with pytest.raises(Mistake):  # trainings and exports read rows by this
        next(read_rows(str(run)))


def test_rows_moved_from_one_file_to_another_are_detected(run):
    def swap(manifest):
        files = sorted(manifest["files"])
        manifest["files"][files[0]] -= 1
        manifest["files"][files[1]] += 1

    edit(run, swap)
    with pytest.raises(Mistake, match=r"says \d rows in shards/train/.*, which has \d"):
        sound(str(run))


@pytest.mark.parametrize(
    "look",
    [
        lambda run: list(read_rows(run)),
        lambda run: list(read_rows(run, where="sample = 0")),
        figures,
    ],
)
def test_a_shard_that_is_cut_short_is_one_line_for_every_reader(run, look):
    cut_short(run)
    with pytest.raises(Mistake, match="is cut short or not a Parquet file"):
        look(str(run))


def test_a_whole_run_is_sound(run):
    found = sound(str(run))
    assert sum(found.rows.values()) == 9 == found.manifest["dialogues"]["kept"]
