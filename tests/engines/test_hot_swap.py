"""A server that takes other weights while it runs: what it answers is what a fresh start answers."""

import json
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tutelage import engines, settings
from tutelage.engines import HOT_SWAP_MODEL, HOT_SWAP_SERVERS, bodies, hot_swap, launch
from tutelage.engines.hot_swap import HotSwapServer
from tutelage.engines.server import Client
from tutelage.errors import ModelError

SERVE = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
refused = sys.argv[2]
class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with open("asked", "a") as file:
            file.write(json.dumps([self.path, body]) + "\\n")
        broken = refused and refused in self.path
        self.send_response(500 if broken and refused != "/reset" else 200)
        self.end_headers()
        self.wfile.write(b'{"success":false}' if broken else b'{"success":true}')
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    do_POST = answer
    def log_message(self, *args):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""What stands in for vLLM: notes what it is told, and refuses one kind of order."""


def folder(path: Path, shape: int = 2, files: int = 1) -> str:
    """A model folder with tensors of this shape."""
    path.mkdir()
    (path / "config.json").write_text("{}")
    for number in range(files):
        told = {"dtype": "BF16", "shape": [shape], "data_offsets": [0, 2 * shape]}
        header = json.dumps({f"w{number}": told, "__metadata__": {"made": str(path)}}).encode()
        content = struct.pack("<Q", len(header)) + header + bytes(2 * shape)
        (path / f"model-{number}.safetensors").write_bytes(content)
    return str(path)


Start = Callable[..., HotSwapServer]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a resident over what stands in for vLLM; `begun` says with which models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "_LOOK_S", 0.05)
    made: list[HotSwapServer] = []

    def make(model: str, *sets: str, refused: str = "", gpu: bool = False) -> HotSwapServer:
        def command_line(_: object, model: str, name: str, port: int, more: object) -> list[str]:
            with Path("begun").open("a") as file:
                file.write(model + "\n")
            return [sys.executable, "-S", "-c", SERVE, str(port), refused]

        monkeypatch.setattr(launch, "command_line", command_line)
        monkeypatch.setattr(hot_swap, "has_gpu", lambda: gpu)
        chosen = settings.load("", sets)
        made.append(HotSwapServer(chosen, model, tmp_path / "log", lambda _: None, lambda: False))
        return made[-1]

    yield make
    for each in made:
        each.close()


def begun() -> list[str]:
    return Path("begun").read_text().split()


def asked() -> list[str]:
    lines = Path("asked").read_text().splitlines() if Path("asked").exists() else []
    return [json.loads(line)[0] for line in lines]


def test_new_weights_are_taken_without_a_start(start: Start, tmp_path: Path):
    old, new = folder(tmp_path / "old"), folder(tmp_path / "new")
    server = start(old)
    server.play(old)
    assert asked() == []  # it holds them
    server.play(new)
    assert asked() == ["/collective_rpc", "/reset_prefix_cache"]
    order = json.loads(json.loads(Path("asked").read_text().splitlines()[0])[1])
    assert order == {"method": "take_weights", "args": [new]}
    server.play(new)
    server.rest()  # no GPU: nothing to give back
    server.play(old)
    assert len(asked()) == 4
    assert begun() == [old]


@pytest.mark.parametrize(
    ("sets", "refused", "shape", "files"),
    [
        ((), "/collective", 2, 1),
        ((), "/reset", 2, 1),
        ((), "", 3, 1),
        ((), "", 2, 2),
        (("vllm.extra.quantization=fp8",), "", 2, 1),
        (("vllm.extra.enable_lora=true",), "", 2, 1),
    ],
)
def test_where_weights_cannot_be_taken_it_starts_again(
    sets: tuple[str, ...], refused: str, shape: int, files: int, start: Start, tmp_path: Path
):
    old, new = folder(tmp_path / "old"), folder(tmp_path / "new", shape, files)
    server = start(old, *sets, refused=refused)
    url = server.server.url
    server.play(new)
    assert begun() == [old, new]
    assert bool(asked()) == bool(refused)
    assert server.server.url == url and server.server.alive()


def test_a_server_that_died_starts_with_the_weights_that_are_wanted(start: Start, tmp_path: Path):
    old, new = folder(tmp_path / "old"), folder(tmp_path / "new")
    server = start(old)
    server.server.stop()
    server.play(new)
    server.server.restart()  # as its supervisor does
    assert begun() == [old, new, new]


def test_a_hub_model_is_known_by_its_name_alone(start: Start, tmp_path: Path):
    new = folder(tmp_path / "new")
    server = start("some/model")
    server.play("some/model")
    server.play(new)
    assert begun() == ["some/model", new]


def test_a_gpu_is_left_to_others_and_taken_back(start: Start, tmp_path: Path):
    old, new = folder(tmp_path / "old"), folder(tmp_path / "new")
    server = start(old, gpu=True)
    server.rest()
    server.rest()
    assert asked() == ["/sleep?level=1"]
    server.play(new)
    assert asked()[1:] == ["/wake_up", "/collective_rpc", "/reset_prefix_cache"]
    server.rest()
    server.play(new)
    assert asked()[4:] == ["/sleep?level=1", "/wake_up"]
    assert begun() == [old]


def test_a_server_that_does_not_sleep_is_ended(start: Start, tmp_path: Path):
    old = folder(tmp_path / "old")
    server = start(old, refused="/sleep", gpu=True)
    server.rest()
    assert not server.server.alive()
    server.play(old)
    assert begun() == [old, old] and server.server.alive()


def test_a_file_that_holds_no_weights_is_a_mistake(tmp_path: Path):
    broken = folder(tmp_path / "broken")
    (tmp_path / "broken/model-0.safetensors").write_bytes(struct.pack("<Q", 9) + b"no header")
    with pytest.raises(ModelError, match="no safetensors file"):
        hot_swap.layout(broken)


def test_a_player_is_answered_where_its_weights_are(monkeypatch: pytest.MonkeyPatch):
    """Others are not, and what the settings say stays."""
    asked_for: list[str] = []

    def get(url: str, options: object) -> tuple[httpx.Response, Any]:
        asked_for.append(url)
        models = {"data": [{"id": HOT_SWAP_MODEL}]}
        return httpx.Response(200, request=httpx.Request("GET", url)), SimpleNamespace(
            json=lambda: models
        )

    def no_start(*_: Any) -> None:
        raise ModelError("an engine of its own")

    monkeypatch.setattr(bodies, "get", get)
    monkeypatch.setattr("tutelage.engines.vllm.InProcess.__init__", no_start)
    monkeypatch.setenv(HOT_SWAP_SERVERS, json.dumps({"/a/model": "http://127.0.0.1:9/v1"}))
    chosen = settings.load("", ["student.model=/a/model", "teacher.model=/another"])
    assert isinstance(engines.build(chosen.student, chosen), Client)
    assert asked_for == ["http://127.0.0.1:9/v1/models"]
    with pytest.raises(ModelError, match="of its own"):
        engines.build(chosen.teacher, chosen)
    monkeypatch.delenv(HOT_SWAP_SERVERS)
    with pytest.raises(ModelError, match="of its own"):
        engines.build(chosen.student, chosen)
