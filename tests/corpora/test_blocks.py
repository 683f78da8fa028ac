"""A corpus read in blocks gives the rows that it gives whole: their indices, problems and reasons."""

import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tutelage.corpora import open_corpus
from tutelage.corpora.files import Files
from tutelage.flow.reading import Piece, count, pieces, read, starts


def record(n: int) -> dict[str, str]:
    return {"statement": f"What is {n} + {n}? " + "x" * (n % 37), "answer": str(2 * n)}


def lines(count: int, seed: int) -> str:
    """Problems, blank lines, and lines that are none."""
    rng = random.Random(seed)
    kinds = [lambda n: json.dumps(record(n)), lambda n: "", lambda n: "{broken", lambda n: "   "]
    return "".join(rng.choices(kinds, (6, 1, 1, 1))[0](n) + "\n" for n in range(count))


def in_blocks(corpus: Files, size: int, limit: int = 0) -> list:
    """All rows, block by block, the last first."""
    all_pieces = [Piece(0, n, block) for n, block in enumerate(corpus.blocks(size))]
    counts = [count(piece, [corpus], limit) for piece in all_pieces[:-1]]
    begins = dict(starts(counts, all_pieces))
    rows = [row for piece in reversed(all_pieces) for row in read(piece, [corpus], limit, begins)]
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 10_000_000])
@pytest.mark.parametrize("newline_at_the_end", [True, False])
def test_lines(tmp_path, size, newline_at_the_end):
    for number, count_ in enumerate((40, 1, 90)):
        text = json.dumps(record(0)) + "\n" + lines(count_, number) + json.dumps(record(count_))
        (tmp_path / f"{number}.jsonl").write_text(text + "\n" * newline_at_the_end)
    corpus = open_corpus(f"{tmp_path}/*.jsonl")
    whole = list(corpus.rows())
    assert any(":30: " in row.reason or ":3" in row.reason for row in whole), "reasons name lines"
    assert in_blocks(corpus, size) == whole
    assert in_blocks(corpus, size, limit=17) == whole[:17]
    if size == 64:
        assert len(corpus.blocks(size)) > 50


def test_a_line_that_is_longer_than_blocks(tmp_path):
    rows = [json.dumps(record(n)) for n in range(9)]
    rows[4] = json.dumps(record(4) | {"more": "y" * 300_000})
    (tmp_path / "a.jsonl").write_text("\n".join(rows) + "\n")
    for longest in (1 << 24, 1000):
        corpus = open_corpus(f"{tmp_path}/a.jsonl", longest_row=longest)
        whole = list(corpus.rows())
        assert sum(row.problem is None for row in whole) == (longest == 1000)
        for size in (50, 1024, 70_000):
            assert in_blocks(corpus, size) == whole


def test_row_groups(tmp_path):
    table = pa.Table.from_pylist([record(n) for n in range(100)])
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=9)
    pq.write_table(table.slice(0, 5), tmp_path / "b.parquet")
    corpus = open_corpus(f"{tmp_path}/*.parquet")
    whole = list(corpus.rows())
    assert len(whole) == 105
    for size in (1, 1500, 10_000_000):
        assert in_blocks(corpus, size) == whole
    assert len(corpus.blocks(1)) == 13 and len(corpus.blocks(10_000_000)) == 2


def test_what_cannot_be_cut_is_read_whole(tmp_path):
    text = lines(60, 1)
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress((json.dumps(record(0)) + "\n" + text).encode())
    )
    (tmp_path / "b.json").write_text(json.dumps([record(n) for n in range(20)], indent=1))
    broken = gzip.compress((json.dumps(record(0)) + "\n" + text).encode())
    (tmp_path / "c.jsonl.gz").write_bytes(broken[:-30])
    (tmp_path / "d.jsonl").write_text(text)
    corpus = open_corpus(f"{tmp_path}/*.js*")
    assert [block.file for block in corpus.blocks(1 << 20)] == [0, 1, 2, 3]
    assert [block.file for block in corpus.blocks(500)].count(0) == 1
    assert in_blocks(corpus, 500) == list(corpus.rows())


def test_a_corpus_that_is_made_is_dealt_out(tmp_path):
    corpus = open_corpus("starter?size=10")
    dealt = list(pieces(0, corpus, 4))
    rows = [row for piece in dealt for _, row in read(piece, [corpus], 0, {})]
    assert sorted(row.index for row in rows) == list(range(10))
