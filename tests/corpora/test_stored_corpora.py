"""Corpora in an object store: the rows are those on disk, and what fails is the store, not a row."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.storage import serving_apart, url
from tutelage.corpora import open_corpus
from tutelage.corpora.files import Files
from tutelage.corpora.paths import is_url, size, unpacked
from tutelage.errors import CorpusError

ROWS = [
    {"question": f"What is {n} and {n}?", "answer": f"{n}+{n}={2 * n}\n#### {2 * n}"}
    for n in range(40)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "deep").mkdir()
    (folder / "lines.jsonl").write_bytes(LINES)
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(LINES))
    (folder / "deep" / "more lines.jsonl").write_bytes(LINES)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "table.parquet", row_group_size=10)
    return folder


@pytest.fixture(scope="module")
def at(disk):
    with serving_apart(disk) as port:
        yield lambda name: url(port, "bucket/" + name).replace("%2A", "*")


def problems(corpus):
    return [(row.index, row.problem.statement, row.problem.gold.value) for row in corpus.rows()]


@pytest.mark.parametrize("name", ["lines.jsonl", "packed.jsonl.gz", "table.parquet"])
def test_the_rows_are_those_of_the_file_on_disk(name, at, disk):
    stored = open_corpus(at(name))
    assert problems(stored) == problems(open_corpus(str(disk / name)))
    assert all(is_url(path) for path in stored.paths)


@pytest.mark.parametrize("name", ["lines.jsonl", "table.parquet"])
def test_blocks_are_read_from_the_middle(name, at):
    corpus = open_corpus(at(name))
    assert isinstance(corpus, Files)
    blocks = corpus.blocks(700)
    assert len(blocks) > 2
    rows = lines = 0
    statements = []
    for block in blocks:
        statements += [row.problem.statement for row in corpus.read(block, rows, lines)]
        more_rows, more_lines = corpus.count(block)
        rows, lines = rows + more_rows, lines + more_lines
    assert statements == [row["question"] for row in ROWS]


def test_patterns(at):
    assert [path.split("?")[0][-11:] for path in open_corpus(at("*.jsonl")).paths] == [
        "lines.jsonl"
    ]
    assert len(open_corpus(at("**/*.jsonl")).paths) == 2
    assert len(problems(open_corpus(at("d*/*.jsonl")))) == len(ROWS)
    with pytest.raises(CorpusError, match=r"wanted \*\* at the beginning"):
        open_corpus(at("**/deep/**/*.jsonl"))


def test_what_is_not_there_is_one_line(at, disk):
    for name in ("none.jsonl", "*.none", "deep"):
        with pytest.raises(CorpusError, match="nothing lies at"):
            open_corpus(at(name))
    assert size(at("lines.jsonl")) == (disk / "lines.jsonl").stat().st_size
    with pytest.raises(CorpusError, match="there is no gs://"):
        size(at("none.jsonl"))


def test_a_store_that_fails_while_it_is_read_ends_the_run_and_is_no_dead_row(at, monkeypatch):
    corpus = open_corpus(at("lines.jsonl"))

    class Failing:
        def size(self) -> int:
            return len(LINES)

        def read_at(self, *_: int) -> bytes:
            raise OSError("the store has no time")

        def close(self) -> None:
            pass

    monkeypatch.setattr("tutelage.storage.opened", lambda _: Failing())
    with pytest.raises(OSError, match="no time") as caught, unpacked(at("lines.jsonl")) as stream:
        stream.read()
    assert caught.value.errno
    with pytest.raises(CorpusError, match="no time"):
        list(corpus.rows())
