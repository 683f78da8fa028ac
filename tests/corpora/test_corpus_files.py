"""Containers, compression, broken rows and parts."""

import bz2
import gzip
import json
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tutelage.corpora import Record, Row, open_corpus
from tutelage.corpora.files import Files
from tutelage.corpora.generic import Generic
from tutelage.records import Problem

ROWS = [{"statement": f"What is {n} + 0? é €", "answer": n} for n in range(300)]


def lines(rows: list[dict[str, object]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def array(rows: list[dict[str, object]]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


def indented(rows: list[dict[str, object]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False, indent=2) for row in rows).encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=70)
    return bytes(sink.getvalue().to_pybytes())


def zstandard(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def answers(rows: list[Row]) -> list[str]:
    return [row.problem.gold.value if row.problem else row.failure for row in rows]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard])
@pytest.mark.parametrize("container", [lines, array, indented])
def test_containers_are_told_by_content_under_any_compression(
    container: Callable[..., bytes], pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "rows.data"
    path.write_bytes(pack(container(ROWS)))
    rows = list(open_corpus(str(path)).rows())
    assert answers(rows) == [str(n) for n in range(300)]
    assert [row.index for row in rows] == list(range(300))


def test_parquet_is_read_batch_by_batch(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"  # the suffix is wrong on purpose
    path.write_bytes(parquet(ROWS))
    assert answers(list(open_corpus(str(path)).rows())) == [str(n) for n in range(300)]


@pytest.mark.parametrize("container", [lines, array, indented, parquet])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_parts_are_the_whole(container: Callable[..., bytes], parts: int, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(container(ROWS))
    corpus = pickle.loads(pickle.dumps(open_corpus(str(path))))
    whole = list(corpus.rows())
    split = [row for part in range(parts) for row in corpus.rows(part, parts)]
    assert sorted(split, key=lambda row: row.index) == whole
    assert all(row.index % parts == 1 for row in corpus.rows(1, parts)) or parts == 1


def test_an_array_larger_than_the_window(tmp_path: Path) -> None:
    rows = [{"statement": f"{n} " + "ü" * 90_000, "answer": n} for n in range(5)]
    path = tmp_path / "rows.json"
    path.write_bytes(array(rows))
    assert answers(list(open_corpus(str(path)).rows())) == ["0", "1", "2", "3", "4"]


GOOD = b'{"statement": "a?", "answer": 1}'


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b'{"statement": "a?", "answer"', "not readable as JSON"),
        (b"[1, 2]", "a row is an object, this is list"),
        (b'"text"', "a row is an object, this is str"),
        (b'{"statement": "\xff\xfe", "answer": 1}', "not readable as JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"statement": "\\ud800", "answer": 1}', "surrogate"),
        (b'{"statement": "a?", "answer": ' + b"9" * 5000 + b"}", "not readable as JSON"),
    ],
)
def test_a_broken_line_costs_itself_alone(bad: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([GOOD, b"", bad, GOOD]))
    rows = list(open_corpus(str(path)).rows())
    assert answers(rows) == ["1", "unreadable", "1"]
    assert rows[1].problem is None and rows[1].index == 1
    assert rows[1].reason.startswith(f"{path}:3: ") and said in rows[1].reason
    assert "\n" not in rows[1].reason


@pytest.mark.parametrize(
    ("record", "failure"),
    [
        ({"statement": " ", "answer": 1}, "no-statement"),
        ({"statement": "a?", "answer": None}, "no-answer"),
        ({"statement": "a?", "answer": "  "}, "no-answer"),
        ({"statement": "a?", "answer": 1, "domain": "code"}, "bad-tests"),
        ({"statement": "a?", "answer": 1, "tests": [" "]}, "bad-tests"),
    ],
)
def test_a_row_that_is_no_problem_has_a_class(
    record: dict[str, object], failure: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(GOOD + b"\n" + json.dumps(record).encode() + b"\n" + GOOD)
    rows = list(open_corpus(str(path)).rows())
    assert answers(rows) == ["1", failure, "1"]
    assert f"{path}:2: " in rows[1].reason


@pytest.mark.parametrize(
    "data",
    [
        b"[" + GOOD + b",\n" + GOOD + b",\n{broken, " + GOOD + b"]",
        b"[" + GOOD + b",\n" + GOOD,
        b"[" + GOOD + b",\n" + GOOD + b"]\n" + GOOD,
        b"[" + GOOD + b",\n" + GOOD + b',\n{"statement": "cut of',
        gzip.compress(b"\n".join([GOOD] * 9000))[:-9],
    ],
)
def test_what_breaks_a_file_keeps_what_came_before(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(data)
    rows = list(open_corpus(str(path)).rows())
    assert answers(rows[:2]) == ["1", "1"]
    assert rows[-1].failure == "unreadable" and "nothing after this is read" in rows[-1].reason
    other = tmp_path / "rows2"
    other.write_bytes(GOOD)
    assert answers(list(open_corpus(str(tmp_path / "rows*")).rows()))[-1] == "1"


def test_a_broken_first_line_does_not_hide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"{oops\n" + GOOD)
    assert answers(list(open_corpus(str(path)).rows())) == ["unreadable", "1"]


def test_lines_of_other_parts_are_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(ROWS))
    corpus = open_corpus(str(path))
    parsed: list[bytes] = []
    monkeypatch.setattr(
        "tutelage.corpora.containers._parsed",
        lambda line: parsed.append(line) or json.loads(line),
    )
    assert len(list(corpus.rows(3, 10))) == len(parsed) == 30


class Tripping:
    """A format of somebody else's, which does not expect every row."""

    name, reads = "tripping", "anything"

    def fits(self, record: Record) -> bool:
        return True

    def problem(self, record: Record, split: str) -> Problem:
        if record["answer"] == 13:
            raise KeyError("thirteen")
        return Generic().problem(record, split)


def test_a_format_that_trips_costs_that_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(ROWS[10:16]))
    rows = list(Files("spec", (str(path),), Tripping()).rows())
    assert answers(rows) == ["10", "11", "12", "bad-row", "14", "15"]
    assert "KeyError" in rows[3].reason
