"""Uploads to the hub, tested with a local hub that stores what it receives."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from runs import Said, lone
from tutelage.errors import Mistake, RunFailed
from tutelage.exports import hub
from tutelage.shards import read_rows

pytest.importorskip("huggingface_hub")


class Hub(ThreadingHTTPServer):
    """Accepts every file as a regular one; refuses everything if `status` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.files: dict[str, bytes] = {}
        self.made: list[dict[str, Any]] = []
        self.status = 200


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said: dict[str, Any] = {}
        if self.server.status != 200:
            said = {"error": "no"}
        elif self.path == "/api/repos/create":
            self.server.made.append(json.loads(body))
            said = {"url": f"http://{self.headers['Host']}/datasets/me/first", "id": "me/first"}
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            said = {"files": [
                {"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names
            ]}  # fmt: skip
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    value = line["value"]
                    self.server.files[value["path"]] = base64.b64decode(value["content"])
            where = f"http://{self.headers['Host']}/datasets/me/first/commit/1"
            said = {"commitUrl": where, "commitOid": "1"}
        text = json.dumps(said).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as hub_:
        threading.Thread(target=hub_.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{hub_.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
        monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", url, raising=False)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield hub_
        hub_.shutdown()


@pytest.fixture
def run(tmp_path: Path) -> str:
    lone(tmp_path / "run", [Said(f"d{n}", f"It is {n}") for n in range(3)])
    (tmp_path / "run" / "logs" / "engine.log").write_text("where I am: /home/me", "utf-8")
    return str(tmp_path / "run")


def test_what_was_pushed_is_the_run(server: Hub, run: str, tmp_path: Path):
    assert hub.push(run, "hf://me/first", private=True).endswith("/me/first/commit/1")
    asked = server.made[0]
    assert asked["type"] == "dataset" and (asked.get("private") or asked["visibility"] == "private")
    shards = {f"shards/train/{kind}-00000-of-00001.parquet" for kind in ("solved", "rest")}
    assert set(server.files) == {"README.md", "manifest.json", "run.json", *shards}
    for name, content in server.files.items():
        path = tmp_path / "there" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert list(read_rows(str(tmp_path / "there"))) == list(read_rows(run))


def test_a_dry_run_lists_the_files_and_sends_nothing(server: Hub, run: str):
    names = [file.name for file in hub.files(run)]
    assert "shards/train/solved-00000-of-00001.parquet" in names
    assert not any(name.startswith(("journal", "logs", "rejects")) for name in names)
    assert not server.made and not server.files


def test_paths_and_addresses_are_not_uploaded():
    settings = {
        "corpora": ["/home/me/secret/train.jsonl", "starter"],
        "server": {"url": "http://10.0.0.7/v1"},
        "prompts": "/home/me/prompts",
        "student": {"model": "/home/me/models/mine"},
        "decontaminate": {"paths": ["/home/me/eval.jsonl"], "ngram": 13},
    }
    text = json.dumps(hub.public({"run_id": "x", "settings": settings}))
    assert "/home" not in text and "10.0.0.7" not in text
    assert "train.jsonl" in text and "mine" in text and '"ngram": 13' in text


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(401, Mistake, "hf auth login"), (403, Mistake, "hf auth login"), (400, Mistake, "refused")],
)
def test_a_refusal_of_the_hub_is_one_line(
    status: int, kind: type, words: str, server: Hub, run: str
):
    server.status = status
    with pytest.raises(kind, match=words) as caught:
        hub.push(run, "hf://me/first")
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_one_line(run: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with pytest.raises(RunFailed, match="cannot be reached"):
        hub.push(run, "hf://me/first")


@pytest.mark.parametrize("url", ["me/first", "hf://first", "hf://", "gs://a/b", "hf://a/b/c"])
def test_urls_of_data_sets(url: str):
    with pytest.raises(Mistake, match="hf://user/name"):
        hub.target(url)


def test_a_shard_that_the_viewer_cannot_show_is_refused(run: str):
    path = Path(run) / "shards" / "train" / "solved-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path), path)  # without a page index
    with pytest.raises(Mistake, match="republish"):
        hub.files(run)


def test_a_run_that_was_edited_is_not_uploaded(run: str):
    manifest = Path(run) / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"kept": ', '"kept": 1'), "utf-8")
    with pytest.raises(Mistake, match="does not add up"):
        hub.files(run)
    path = Path(run) / "shards" / "train" / "solved-00000-of-00001.parquet"
    manifest.write_text(manifest.read_text("utf-8").replace('"kept": 1', '"kept": '), "utf-8")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Mistake, match="cut short"):
        hub.files(run)
