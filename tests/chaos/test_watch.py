"""Engines that hang or die are noticed: in this process, and by the supervisor of a server."""

import asyncio
import contextlib
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from builders import problem
from tutelage import dialogue, settings
from tutelage.engines import launch, supervisor, vllm
from tutelage.engines.launch import VllmServer
from tutelage.engines.supervisor import Supervisor
from tutelage.engines.tokens import Prompt
from tutelage.engines.vllm import InProcess, Started
from tutelage.errors import Fatal
from tutelage.records import Request, Rules


class Stuck:
    """Stands in for vLLM; its step ends when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def add_request(self, *request: object) -> None:
        pass

    def step(self) -> list[Any]:
        self.go_on.wait(60)
        return []


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    made = Stuck()
    monkeypatch.setattr(vllm.models, "resolve", lambda name: name)
    monkeypatch.setattr(vllm.metrics, "snapshot", dict)
    yield made
    made.go_on.set()


def requests(count: int) -> list[Request]:
    begun = dialogue.begin(problem(), Rules(), 0, 0)
    return [
        Request("student", (("user", str(i)),), Rules().student, i, begun) for i in range(count)
    ]


async def test_an_engine_that_hangs_is_given_up(stuck: Stuck) -> None:
    chosen = settings.load("", ["student.model=any", "vllm.stall_s=0.3"])
    prompt = lambda *chat: Prompt([1, 2], [1, 2], False)  # noqa: E731
    chats: Any = SimpleNamespace(prompt=prompt, is_plain=lambda ids: True)
    started = Started(stuck, chats, 100, SimpleNamespace)
    engine = InProcess(chosen.student, chosen, lambda *_: started)
    await asyncio.sleep(0.5)  # idle is not hung
    told = await asyncio.gather(
        *(engine.reply(request) for request in requests(3)), return_exceptions=True
    )
    assert {type(each) for each in told} == {Fatal}
    assert "computed nothing for 0.3 s with" in str(told[0])
    with pytest.raises(Fatal, match="computed nothing"):
        await engine.reply(requests(1)[0])
    engine.close()


SERVE = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
with open("lives", "a") as file:
    file.write(f"{os.getpid()} ")
if os.path.exists("refuse"):
    sys.exit("ValueError: no such device")
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/metrics" and os.path.exists("metrics"):
            self.wfile.write(open("metrics", "rb").read())
    def log_message(self, *args):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Kept:
    """A stand-in server with its supervisor, and what that said."""

    def __init__(
        self, server: VllmServer, watch: Supervisor, said: list[str], lost: "queue.Queue[str]"
    ):
        self.server, self.watch, self.said, self.lost = server, watch, said, lost

    def lives(self) -> list[int]:
        return [int(pid) for pid in Path("lives").read_text().split()]

    def until(self, count: int) -> None:
        """Waits until the server has begun so many lives and listens."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            if len(self.lives()) >= count and self.server.alive():
                try:
                    httpx.get(self.server.url, trust_env=False)
                    return
                except httpx.HTTPError:
                    pass
            time.sleep(0.02)
        raise AssertionError(f"no life number {count}")


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kept]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "_LOOK_S", 0.05)
    monkeypatch.setattr(supervisor, "_LOOK_S", 0.05)
    monkeypatch.setattr(
        launch,
        "command_line",
        lambda settings, model, name, port, more: [sys.executable, "-S", "-c", SERVE, str(port)],
    )
    made: list[Kept] = []

    def make(*sets: str, say: Callable[[str], None] | None = None) -> Kept:
        chosen = settings.load("", sets)
        said: list[str] = []
        lost: queue.Queue[str] = queue.Queue()
        server = VllmServer(chosen, "some/model", tmp_path / "vllm.log")
        watch = Supervisor(server, chosen.vllm, say or said.append, lost.put)
        watch.__enter__()
        made.append(Kept(server, watch, said, lost))
        return made[-1]

    yield make
    for kept in made:
        kept.watch.__exit__(None, None, None)
        kept.server.close()


def test_a_server_that_dies_is_started_again_at_its_url(keep: Callable[..., Kept]) -> None:
    kept = keep("vllm.restarts=2")
    url = kept.server.url
    for life in (1, 2):
        os.kill(kept.lives()[-1], 9)
        kept.until(life + 1)
        assert kept.server.url == url
    assert [words.split(";")[-1] for words in kept.said] == [
        " starting it again (1 of 2)",
        " starting it again (2 of 2)",
    ]
    os.kill(kept.lives()[-1], 9)
    assert "after 2 restarts" in kept.lost.get(timeout=60)
    assert len(kept.lives()) == 3


def test_a_server_that_does_not_start_again_uses_up_the_budget(keep: Callable[..., Kept]) -> None:
    kept = keep("vllm.restarts=2")
    Path("refuse").touch()
    os.kill(kept.lives()[-1], 9)
    told = kept.lost.get(timeout=60)
    assert "no such device" in told and "after 2 restarts" in told and "\n" not in told
    assert len(kept.lives()) == 3


def test_nobody_listens_and_the_watch_goes_on(keep: Callable[..., Kept]) -> None:
    def gone(words: str) -> None:
        raise BrokenPipeError

    kept = keep("vllm.restarts=3", say=gone)
    Path("metrics").mkdir()  # the server cannot even say what it counts
    for life in (1, 2):
        os.kill(kept.lives()[-1], 9)
        kept.until(life + 1)
    assert kept.lost.empty()


METRICS = "vllm:num_requests_running {running}\nvllm:generation_tokens_total 5\n" + (
    "vllm:prompt_tokens_total 9\n"
)


def test_a_server_that_hangs_is_started_again(keep: Callable[..., Kept]) -> None:
    Path("metrics").write_text(METRICS.format(running=0))
    kept = keep("vllm.restarts=1", "vllm.stall_s=0.5")
    time.sleep(1.0)
    assert len(kept.lives()) == 1, "an idle server is not hung"
    Path("metrics").write_text(METRICS.format(running=3))
    kept.until(2)
    assert kept.said == [
        "vLLM has computed nothing for 0.5 s with requests in hand; starting it again (1 of 1)"
    ]


def test_a_port_is_nobody_elses_while_its_server_is_away(keep: Callable[..., Kept]) -> None:
    kept = keep()
    port = int(kept.server.url.split(":")[2].split("/")[0])
    kept.server.stop()
    with contextlib.ExitStack() as others:
        for _ in range(200):
            other = socket.create_server(("127.0.0.1", 0), reuse_port=True)
            assert others.enter_context(other).getsockname()[1] != port
        assert port not in {launch.free_port() for _ in range(200)}
