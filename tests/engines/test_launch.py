"""A server of our own: it comes up or says why not, and it never stays behind."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from tutelage import settings
from tutelage.engines import bodies, launch
from tutelage.engines.launch import VllmServer, cause, free_port
from tutelage.errors import Fatal, ModelError

LOGS = {
    "gpu memory": (
        "(EngineCore pid=77) ERROR 03-04 10:00:00 [core.py:9] EngineCore failed to start.\n"
        "(EngineCore pid=77) ERROR 03-04 10:00:00 [core.py:9] torch.OutOfMemoryError: CUDA out of "
        "memory. Tried to allocate 2.00 GiB.\n"
        "Traceback (most recent call last):\n"
        "RuntimeError: Engine core initialization failed. See root cause above. Failed: {}\n"
        "resource_tracker.py:254: UserWarning: There appear to be 1 leaked objects\n",
        ["OutOfMemoryError: CUDA out of memory", "lower vllm.gpu_memory_utilization"],
    ),
    "no room at start": (
        "ValueError: Free memory on device (9.1/80 GiB) is less than desired GPU memory use\n",
        ["ValueError: Free memory", "vllm.max_num_seqs", "vllm.max_model_len"],
    ),
    "cache too small": (
        "ValueError: To serve at least one request with the model's max seq len (8192), 0.9 GiB KV "
        "cache is needed, which is larger than the available KV cache memory (0.5 GiB).\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\n",
        ["max seq len (8192)", "raise vllm.gpu_memory_utilization", "vllm.kv_cache_gb"],
    ),
    "no room for a cache": (
        "ValueError: No available memory for the cache blocks. Try increasing "
        "`gpu_memory_utilization` when initializing the engine.\n",
        ["No available memory", "; raise vllm.gpu_memory_utilization", "vllm.max_model_len"],
    ),
    "port in use": (
        "    sock.bind(addr)\nOSError: [Errno 98] Address already in use\n",
        ["OSError: [Errno 98] Address already in use"],
    ),
    "port in use, said by the web server": (
        "INFO:     Started server process [5]\n"
        "ERROR:    [Errno 98] error while attempting to bind on address: address in use\n",
        ["[Errno 98] error while attempting to bind"],
    ),
    "unknown argument": (
        "usage: api_server.py [-h] [--model MODEL]\n"
        "api_server.py: error: unrecognized arguments: --speed 9\n",
        ["error: unrecognized arguments: --speed 9"],
    ),
    "a wrong value": (
        "pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
        "  Value error, User-specified max_model_len (999) is greater than the model's (512)\n"
        "    For further information visit https://errors.pydantic.dev/2/v/value_error\n",
        ["User-specified max_model_len (999)"],
    ),
    "not installed": (
        "/usr/bin/python: Error while finding module specification for 'vllm.entrypoints' "
        "(ModuleNotFoundError: No module named 'vllm')\n",
        ["No module named 'vllm'"],
    ),
    "an older start in the same log": (
        "ValueError: the first start\nINFO started\nKeyError: 'the second'\n",
        ["KeyError: 'the second'"],
    ),
    "no error word": ("loading weights\nKilled\n\n", ["Killed"]),
    "nothing": ("", ["without a word"]),
    "no text": (b"\xff\xfe\x00 KeyError: 'x'\n", ["KeyError: 'x'"]),
    "a long line": ("ValueError: " + "x" * 9_000, ["ValueError: xxx"]),
}
"""Name -> (log, what the one line must hold)."""


@pytest.mark.parametrize("name", LOGS)
def test_the_cause_is_one_line(name: str, tmp_path: Path) -> None:
    text, expected = LOGS[name]
    log = tmp_path / "vllm.log"
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = cause(log)
    assert "\n" not in said
    assert len(said) < 600
    assert str(log) in said
    assert [words for words in expected if words not in said] == []


def test_only_memory_is_answered_with_a_setting(tmp_path: Path) -> None:
    named = {name for name, (_, expected) in LOGS.items() if any("vllm." in e for e in expected)}
    for name, (text, _) in LOGS.items():
        log = tmp_path / "vllm.log"
        log.write_bytes(text if isinstance(text, bytes) else text.encode())
        advised = "vllm.max_model_len" in cause(log).removesuffix(f"(log: {log})")
        assert advised == (name in named), name


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert "without a word" in cause(tmp_path / "none.log")


def test_free_ports_can_be_bound() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 1
    for port in ports:
        with socket.socket() as mine:
            mine.bind(("127.0.0.1", port))


BEGIN = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open("part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("part", "pids")
"""
"""A server with a child, as vLLM has; leaves their ids where it runs."""

SERVE = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        with open("asked", "w") as file:
            file.write(f"{Handler.asked} {self.path}")
        self.send_response(200 if Handler.asked > sick else 503)
        self.end_headers()
    def log_message(self, *args):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

SERVERS = {
    "healthy": f"{BEGIN}sick = 0\n{SERVE}",
    "sick at first": f"{BEGIN}sick = 4\n{SERVE}",
    "sick": f"{BEGIN}sick = 10**9\n{SERVE}",
    "mute": f"{BEGIN}time.sleep(600)",
    "dies": f"{BEGIN}print('INFO loading'); sys.exit('ValueError: no such dtype: float9')",
}

Start = Callable[..., VllmServer]
Survivors = Callable[[Iterable[int]], list[int]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts what stands in for vLLM, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "_LOOK_S", 0.05)

    def make(
        kind: str,
        *sets: str,
        said: Callable[[str], None] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> VllmServer:
        def command_line(_: object, model: str, name: str, port: int, more: object) -> list[str]:
            with Path("begun").open("a") as file:
                file.write(f"{model} as {name}\n")
            return [sys.executable, "-S", "-u", "-c", SERVERS[kind], str(port)]

        monkeypatch.setattr(launch, "command_line", command_line)
        log = tmp_path / "logs" / "vllm.log"
        return VllmServer(settings.load("", sets), "some/model", log, said, stopped=stopped)

    return make


def _pids() -> list[int]:
    return [int(pid) for pid in Path("pids").read_text().split()]


def _runs() -> bool:
    """Whether the server and its child have begun."""
    return Path("pids").exists() and len(_pids()) == 2


def _clock(monkeypatch: pytest.MonkeyPatch, over: Callable[[], bool]) -> list[float]:
    """A clock by which hours have passed as soon as something is `over`; what was slept."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    def monotonic() -> float:
        return time.monotonic() + (9_999 if over() else 0)

    monkeypatch.setattr(launch, "time", SimpleNamespace(sleep=sleep, monotonic=monotonic))
    return slept


def test_a_healthy_server_is_used_and_ended(start: Start, survivors: Survivors) -> None:
    said: list[str] = []
    with start("healthy", said=said.append) as server:
        assert server.alive()
        assert server.url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{server.url}/models", trust_env=False).status_code == 200
        assert server.log.exists()
        pids = _pids()
        assert len(pids) == 2
    assert not server.alive()
    assert not survivors(pids)
    assert len(said) == 1 and "some/model" in said[0]
    server.close()  # again, to no effect


def test_health_is_waited_for_without_haste(
    start: Start, survivors: Survivors, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = _clock(monkeypatch, lambda: False)
    with start("sick at first"):
        asked, path = Path("asked").read_text().split()
        assert (asked, path) == ("5", "/health")
        assert len(slept) >= 4, "it was asked again without a pause"
        pids = _pids()
    assert not survivors(pids)


def test_a_server_that_dies_says_why(start: Start, survivors: Survivors) -> None:
    with pytest.raises(ModelError, match=r"some/model.*no such dtype: float9") as caught:
        start("dies")
    assert "\n" not in str(caught.value)
    assert not survivors(_pids())


@pytest.mark.parametrize("kind", ["sick", "mute"])
def test_a_server_that_never_gets_well_is_ended(
    start: Start, survivors: Survivors, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    _clock(monkeypatch, lambda: _runs() and (kind == "mute" or Path("asked").exists()))
    with pytest.raises(Fatal, match=r"not ready after 700 s \(log: .*vllm\.log\)"):
        start(kind, "vllm.start_timeout_s=700")
    assert not survivors(_pids())


def test_an_interrupted_start_leaves_nothing(
    start: Start, survivors: Survivors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **named: object) -> None:
        if _runs():
            raise KeyboardInterrupt
        raise httpx.ConnectError("not yet")

    monkeypatch.setattr(bodies, "get", interrupt)
    with pytest.raises(KeyboardInterrupt):
        start("mute")
    assert not survivors(_pids())


def test_a_start_ends_where_nobody_wants_it(start: Start, survivors: Survivors) -> None:
    with pytest.raises(Fatal, match="interrupted"):
        start("mute", stopped=_runs)
    assert not survivors(_pids())


def test_another_model_goes_by_the_first_ones_name(start: Start, survivors: Survivors) -> None:
    with start("healthy") as server:
        url, pids = server.url, _pids()
        server.restart("/another")
        assert server.url == url
        assert not survivors(pids)
        server.stop()
        assert not server.alive()
        server.restart()
        assert server.alive() and server.url == url
    names = Path("begun").read_text().splitlines()
    assert names == ["some/model as some/model", *["/another as some/model"] * 2]


def test_a_proxy_is_not_asked_for_the_health(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with start("healthy", "vllm.start_timeout_s=20") as server:
        assert server.alive()


def test_a_server_that_was_killed_is_not_alive(start: Start, survivors: Survivors) -> None:
    with start("healthy") as server:
        pids = _pids()
        os.kill(pids[0], 9)
        assert not survivors(pids), "its children go with it"
        limit = time.monotonic() + 60
        while server.alive() and time.monotonic() < limit:  # until its last thread is dead, too
            time.sleep(0.01)
        assert not server.alive()
