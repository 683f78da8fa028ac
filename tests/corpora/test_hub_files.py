"""Sets are streamed from the hub: against a server on loopback that answers as the hub does."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("huggingface_hub")

CONVERTED = "refs/convert/parquet"
SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Repositories by id, then revision, then path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.sets: dict[str, dict[str, dict[str, bytes]]] = {}


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(True)

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, files = self._files("paths-info")
        wanted = body["paths"] if isinstance(body["paths"], list) else [body["paths"]]
        self._send(200, json.dumps(entries(files, wanted)).encode())

    def _files(self, act: str) -> tuple[str, dict[str, bytes] | None]:
        match = re.match(
            rf"(?:/api)?/datasets/(\w+/\w+)/{act}/([^?]+)", unquote(urlparse(self.path).path)
        )
        if not match:
            return "", None
        revisions = self.server.sets.get(match[1], {})
        for name in sorted([*revisions, SHA], key=len, reverse=True):
            if (match[2] + "/").startswith(name + "/"):
                files = revisions["main" if name == SHA else name]
                return match[2].removeprefix(name).lstrip("/"), files
        return "", None

    def _answer(self, body: bool) -> None:
        path = unquote(urlparse(self.path).path)
        inner, files = self._files("resolve")
        if files is not None and inner in files:
            return self._file(files[inner], body)
        inner, files = self._files("tree")
        if files is not None:
            listed = entries(files, None, inner, "recursive=true" in self.path.lower())
            return self._send(200 if listed or not inner else 404, json.dumps(listed).encode())
        match = re.fullmatch(r"/api/datasets/(\w+/\w+)(?:/revision/(.+))?", path)
        if match and (match[2] or "main") in self.server.sets.get(match[1], {}):
            about = {"id": match[1], "_id": "1", "sha": SHA, "siblings": [], "private": False}
            return self._send(200, json.dumps(about).encode())
        code = "RevisionNotFound" if match and match[1] in self.server.sets else "RepoNotFound"
        return self._send(404, b"{}", {"X-Error-Code": code})

    def _file(self, data: bytes, body: bool) -> None:
        first, last = 0, len(data) - 1
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), min(int(match[2] or last), last)
        part = data[first : last + 1]
        extra = {"ETag": '"e"', "X-Repo-Commit": SHA, "Accept-Ranges": "bytes"}
        if len(part) < len(data):
            extra["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self._send(206 if len(part) < len(data) else 200, part, extra, body)

    def _send(
        self, status: int, data: bytes, extra: dict[str, str] | None = None, body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


def entries(
    files: dict[str, bytes] | None, wanted: list[str] | None, under: str = "", deep: bool = True
) -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for path, data in (files or {}).items():
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            name, is_file = "/".join(parts[:depth]), depth == len(parts)
            inside = not under or name.startswith(under + "/")
            level = name.removeprefix(under).strip("/").count("/")
            if name in wanted if wanted is not None else inside and (deep or level == 0):
                kind = "file" if is_file else "directory"
                found[name] = {
                    "type": kind,
                    "path": name,
                    "oid": "0" * 40,
                    "size": is_file * len(data),
                }
    return list(found.values())


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
    server = Hub()
    lines = [json.dumps({"statement": "Say 9.", "answer": 9}).encode()]
    server.sets = {
        "own/sums": {
            "main": {"README.md": b"", "data/x.csv": b""},
            CONVERTED: {
                "main/train/0000.parquet": parquet(folder / "a", *range(100)),
                "main/train/0001.parquet": parquet(folder / "b", 100, 101),
                "main/test/0000.parquet": parquet(folder / "c", 7),
                "hard/train/0000.parquet": parquet(folder / "d", 8),
            },
        },
        "own/lines": {"main": {"README.md": b"", "train.jsonl": lines[0], "test.jsonl": b"{}"}},
        "own/several": {
            "main": {}, CONVERTED: {f"{c}/train/0000.parquet": parquet(folder / c, 1) for c in "ab"},
        },
    }  # fmt: skip
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


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
        env={**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "NO_PROXY": "*",
             "HF_HUB_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip
    return done.stdout.splitlines(), (done.stderr.splitlines() or [""])[-1]


def test_a_split_is_streamed(hub):
    assert read(hub, "hf://datasets/own/sums?split=test&config=main") == (["7 test"], "")
    assert read(hub, "hf://datasets/own/sums?config=hard") == (["8 train"], "")
    rows, _ = read(hub, "hf://datasets/own/sums")
    assert rows == [f"{n} train" for n in range(102)]
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
