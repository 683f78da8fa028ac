"""Journal and Parquet files: written completely or not at all, and readable by other tools."""

import json

import duckdb
import pyarrow.parquet as pq
import pytest

from builders import finished
from tables import manifest
from tutelage import contract
from tutelage.errors import Mistake, OutputError, RunFailed
from tutelage.shards import Journal, RunFolder, entries, fetch, read_rows, write_shard
from tutelage.shards.journal import files
from tutelage.shards.keys import Keys

STAMP = contract.Stamp("run")


def rows(count):
    return [contract.row(finished(["6", "5"], sample=i), STAMP) for i in range(count)]


def test_a_journal_gives_back_what_was_put_in(tmp_path):
    journal = Journal(tmp_path)
    put = rows(5)
    for row in put:
        journal.append(row["dialogue_id"], "kept", row)
    journal.close()
    (file,) = files(tmp_path)
    found = list(entries(file))
    assert [e.key for e in found] == [row["dialogue_id"] for row in put]
    assert {e.kind for e in found} == {"kept"}
    assert list(fetch(entry.span for entry in found[::-1])) == put[::-1]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_line_that_was_cut_short_is_not_an_entry(tmp_path, cut):
    journal = Journal(tmp_path)
    for row in rows(3):
        journal.append(row["dialogue_id"], "kept", row)
    journal.close()
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-cut])
    assert len(list(entries(file))) == 2


def test_keys_are_a_set():
    keys, names = Keys(), [f"{i % 30_000:x}" for i in range(60_000)]
    for name in names:
        keys.add(name)
    assert len(keys) == 30_000 == len(Keys(names))
    assert all(name in keys for name in names)
    assert not any(f"{i:x}" in keys for i in range(30_000, 60_000))


def test_text_of_any_kind_survives(tmp_path):
    row = rows(1)[0]
    row["statement"] = "tab\there, line\nbreak, \x00, \u2028, 𝔘, and a lone \ud800 surrogate"
    journal = Journal(tmp_path)
    journal.append("x", "kept", row)
    journal.close()
    (back,) = fetch(entry.span for entry in entries(files(tmp_path)[0]))
    assert back["statement"] == row["statement"].replace("\ud800", "?")


@pytest.mark.parametrize("number", [-0.1, 1e-7, 1.7976931348623157e308, 5e-324, -0.0, -12.0])
def test_numbers_of_any_size_survive(tmp_path, number):
    row = {"logprobs": [number, -1.5], "turns": 2**62}
    journal = Journal(tmp_path)
    journal.append("x", "kept", row)
    journal.close()
    (back,) = fetch(entry.span for entry in entries(files(tmp_path)[0]))
    assert repr(back) == repr(row)


def test_a_number_that_earlier_versions_wrote_is_read(tmp_path):
    file = tmp_path / "1-a.jsonl"
    file.write_text('x\tkept\t{"logprobs":[NaN,-1.5]}\n')
    (back,) = fetch(entry.span for entry in entries(file))
    assert repr(back) == "{'logprobs': [nan, -1.5]}"


def test_a_shard_is_read_by_pyarrow_and_duckdb(tmp_path):
    path = tmp_path / "shards" / "train" / "solved-00000-of-00001.parquet"
    put = rows(7)
    assert write_shard(path, put) == 7
    assert pq.read_schema(path).equals(contract.arrow_schema())
    assert pq.read_table(path).to_pylist()[3]["messages"] == put[3]["messages"]
    turns = duckdb.sql(f"SELECT sum(outcome.solved_turn) FROM '{path}'").fetchall()
    assert turns == [(14,)]
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert not list(path.parent.glob(".*"))


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_shard(tmp_path / name, iter(rows(4)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_shard_without_rows_has_the_columns(tmp_path):
    assert write_shard(tmp_path / "x.parquet", []) == 0
    assert pq.read_schema(tmp_path / "x.parquet").equals(contract.arrow_schema())


def test_a_row_with_wrong_columns_stops_the_run(tmp_path):
    bad = rows(1)[0] | {"surprise": 1}
    with pytest.raises(RunFailed, match="surprise is unknown"):
        write_shard(tmp_path / "x.parquet", [bad])
    assert not (tmp_path / "x.parquet").exists()


def test_reading_by_condition_column_and_kind(tmp_path):
    put = rows(4)
    shards = {
        f"shards/train/{kind}-00000-of-00001.parquet": write_shard(
            tmp_path / "shards" / "train" / f"{kind}-00000-of-00001.parquet", chosen
        )
        for kind, chosen in (("solved", put[:3]), ("rest", put[3:]))
    }
    for name, content in (("run.json", {}), ("manifest.json", manifest(put, shards))):
        (tmp_path / name).write_text(json.dumps(content))
    run = str(tmp_path)
    assert len(list(read_rows(run))) == 4
    assert len(list(read_rows(run, kind="solved"))) == 3
    assert list(read_rows(run, ["sample"], where="sample = 2")) == [{"sample": 2}]
    assert list(read_rows(run, splits=["test"])) == []
    with pytest.raises(Mistake, match="not SQL over the columns"):
        list(read_rows(run, where="nonsense ="))


def test_a_folder_that_is_not_a_run_is_one_line(tmp_path):
    with pytest.raises(Mistake, match="no such folder"):
        list(read_rows(str(tmp_path / "nope")))
    with pytest.raises(Mistake, match=r"no run\.json"):
        list(read_rows(str(tmp_path)))


def test_a_folder_that_cannot_be_written_is_a_mistake(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        RunFolder(tmp_path / "file" / "run").create()


def test_json_is_written_completely_or_not_at_all(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("a/b.json", {"x": 1})
    assert json.loads((tmp_path / "a" / "b.json").read_text()) == {"x": 1}
    assert folder.read_json("nope.json") == {}
