"""Sets are streamed from the hub: against a server on loopback that answers as the hub does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("huggingface_hub")

from cloud.hub import CONVERTED, Hub, serving


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


def read(hub: Hub, spec: str, take: int = 1000) -> tuple[list[str], str]:
    """Answers of the first rows, and the last line of what is complained of."""
    script = f"""
import itertools
from tutelage.corpora import open_corpus
for row in itertools.islice(open_corpus({spec!r}).rows(), {take}):
    print(row.problem.gold.value, row.problem.split)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=hub.environment,
    )
    return done.stdout.splitlines(), (done.stderr.splitlines() or [""])[-1]


def test_a_split_is_streamed(hub):
    assert read(hub, "hf://datasets/own/sums?split=test&config=main") == (["7 test"], "")
    assert read(hub, "hf://datasets/own/sums?config=hard") == (["8 train"], "")
    rows, _ = read(hub, "hf://datasets/own/sums")
    assert rows == [f"{n} train" for n in range(102)]
    commit = hub.branches["datasets/own/sums"][CONVERTED]
    assert read(hub, f"hf://datasets/own/sums@{commit}?config=hard") == (["8 train"], "")
    assert read(hub, "hf://datasets/own/lines") == (["9 train"], "")
    assert read(hub, "hf://datasets/own/sums@refs%2Fconvert%2Fparquet/hard/train/0000.parquet")[
        0
    ] == ["8 train"]


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
def test_a_mistake_is_one_line(hub, spec, words):
    rows, complaint = read(hub, spec)
    assert not rows
    assert complaint.startswith("tutelage.errors.CorpusError: ") and words in complaint, complaint
