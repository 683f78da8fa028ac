"""The servers of a machine: started once, used by all, gone with the last. The server is a stub."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tutelage import settings
from tutelage.engines import vllm_options
from tutelage.errors import ModelError, SettingsError
from tutelage.session import machine
from tutelage.session.serving import serving
from tutelage.shards import RunFolder

STUB = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"pid": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words):
        pass

if os.environ.get("STUB_FAILS"):
    sys.exit("ValueError: no such weights")
with open(os.environ["STUB_STARTS"], "a") as starts:
    starts.write("x")
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""
USER = """
import sys
from tutelage import settings
from tutelage.session import machine

with machine.shared(settings.load("", ["student.model=a/b", "vllm.restarts=3"])) as served:
    print(served.student.engine, served.server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A package `vllm` whose server is the stub; the file that counts its starts."""
    package = tmp_path / "stub" / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "api_server.py").write_text(STUB)
    paths = [str(tmp_path / "stub"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STUB_STARTS", str(tmp_path / "starts"))
    return tmp_path / "starts"


def user():
    return subprocess.Popen(
        [sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def health(url):
    return httpx.get(f"{url.removesuffix('/v1')}/health", timeout=5).json()


def test_one_server_for_all_which_goes_with_the_last(stub, survivors):
    first, second = user(), user()
    engine, url = first.stdout.readline().split()
    assert (engine, second.stdout.readline().split()) == ("server", ["server", url])
    assert stub.read_text() == "x", "they came at once, and it was started once"
    first.kill()
    first.wait()
    time.sleep(2)
    pid = health(url)["pid"]
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            again = health(url)["pid"]
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            break
    assert again != pid and stub.read_text() == "xx", "it is watched, at the same URL"
    third = user()
    assert third.stdout.readline().split()[1] == url
    for last in (second, third):
        assert survivors([again], within_s=0.1) == [again]
        last.communicate("")
    assert survivors([again]) == []


def test_what_keeps_it_from_starting_is_said(stub, monkeypatch):
    monkeypatch.setenv("STUB_FAILS", "1")
    with (
        pytest.raises(ModelError, match="did not start for 'a/b': ValueError: no such weights"),
        machine.shared(settings.load("", ["student.model=a/b"])),
    ):
        pass


def test_where_nobody_plays_on_vllm_nothing_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path))
    chosen = settings.load("", student__engine="scripted", teacher__engine="scripted")
    with machine.shared(chosen) as same:
        assert same == chosen
    assert list(tmp_path.iterdir()) == []


def test_replicas_share_the_gpus(stub, tmp_path, monkeypatch, survivors):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,9")
    sets = ["student.model=a/b", "vllm.tensor_parallel_size=2", "vllm.replicas=auto"]
    lost = []
    with serving(settings.load("", sets), RunFolder(tmp_path), print, lost.append) as served:
        urls = served.server.url.split(",")
        answers = [health(url) for url in urls]
    assert [answer["gpus"] for answer in answers] == ["4,5", "6,7"]
    assert lost == [] and survivors([answer["pid"] for answer in answers]) == []
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["vllm-1.log", "vllm.log"]


def test_more_replicas_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    chosen = settings.load("", ["vllm.replicas=3"])
    with pytest.raises(
        SettingsError, match=r"replicas=3 of 1 GPUs each want 3, this machine has 2"
    ):
        vllm_options.replicas(chosen.vllm)
    with pytest.raises(SettingsError, match=r"vllm\.replicas"):
        settings.load("", ["vllm.replicas=some"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert vllm_options.replicas(settings.load("", ["vllm.replicas=auto"]).vllm) == [{}]
