"""Sets are streamed from the hub: against a server on loopback that answers as the hub does."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("huggingface_hub")

from cloud.hub import CONVERTED, Hub, serving
from forked import HUB, Forks


def parquet(path: Path, *answers: int) -> bytes:
    rows = [
        {"statement": f"Say {n}.", "answer": str(n), "filler": os.urandom(20_000).hex()}
        for n in answers
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=20)
    return path.read_bytes()


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    repositories = {
        "own/sums": {
            "main": {"README.md": b"", "data/x.csv": b""},
            CONVERTED: {
                "main/train/0000.parquet": parquet(folder / "a", *range(100)),
                "main/train/0001.parquet": parquet(folder / "b", 100, 101),
                "main/test/0000.parquet": parquet(folder / "c", 7),
                "hard/train/0000.parquet": parquet(folder / "d", 8),
            },
        },
        "own/lines": {
            "main": {
                "README.md": b"",
                "train.jsonl": json.dumps({"statement": "Say 9.", "answer": 9}).encode(),
                "test.jsonl": b"{}",
            }
        },
        "own/several": {
            "main": {}, CONVERTED: {f"{c}/train/0000.parquet": parquet(folder / c, 1) for c in "ab"},
        },
    }  # fmt: skip
    with serving() as server:
        for name, branches in repositories.items():
            for branch, files in branches.items():
                server.commit(f"datasets/{name}", branch, files)
        yield server


SCRIPT = """
import sys
from tutelage.corpora import open_corpus
for row in open_corpus(sys.argv[1]).rows():
    print(row.problem.gold.value, row.problem.split)
"""


@pytest.fixture(scope="module")
def read(hub: Hub) -> Iterator[Callable[[str], tuple[list[str], str]]]:
    """Answers of the rows of a spec, and the last line of what is complained of."""
    with Forks(hub.environment, ["tutelage.corpora.hub", "pyarrow.parquet", *HUB]) as forks:

        def answers(spec: str) -> tuple[list[str], str]:
            done = forks.run(SCRIPT, spec)
            return done.stdout.splitlines(), (done.stderr.splitlines() or [""])[-1]

        yield answers


def test_a_split_is_streamed(hub, read):
    assert read("hf://datasets/own/sums?split=test&config=main") == (["7 test"], "")
    assert read("hf://datasets/own/sums?config=hard") == (["8 train"], "")
    rows, _ = read("hf://datasets/own/sums")
    assert rows == [f"{n} train" for n in range(102)]
    commit = hub.branches["datasets/own/sums"][CONVERTED]
    assert read(f"hf://datasets/own/sums@{commit}?config=hard") == (["8 train"], "")
    assert read("hf://datasets/own/lines") == (["9 train"], "")
    assert read("hf://datasets/own/sums@refs%2Fconvert%2Fparquet/hard/train/0000.parquet")[0] == [
        "8 train"
    ]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("hf://datasets/own/sums?split=tset", "has no split 'tset', the nearest is 'test'"),
        ("hf://datasets/own/sums?config=easy", "has no config 'easy'"),
        ("hf://datasets/own/several", "has several configs: say ?config= with one of a, b"),
        ("hf://datasets/own/nothing", "there is no data set"),
        ("hf://datasets/own/sums?splti=test", "no option 'splti'"),
    ],
)
def test_a_mistake_is_one_line(read, spec, words):
    rows, complaint = read(spec)
    assert not rows
    assert complaint.startswith("tutelage.errors.CorpusError: ") and words in complaint, complaint
