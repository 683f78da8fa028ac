"""The batch engine, against a stand-in for the API that works through a file when it is told to."""

import asyncio
import email
import json
import threading
from collections.abc import Callable, Iterator
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tutelage import engines, settings
from tutelage.engines import batch
from tutelage.errors import Fatal, Permanent, SettingsError, Transient
from tutelage.records import Request


class Api:
    """Files and batches; a batch is completed at the second look."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.fault = 0
        """Status of the next replies, so many as `faults`."""
        self.faults = 0
        self.is_held = False
        self.url = ""

    def take(self, path: str, kind: str, content: bytes) -> dict[str, Any]:
        if path == "/v1/files":
            form = email.message_from_bytes(
                f"Content-Type: {kind}\r\n\r\n".encode() + content, policy=HTTP
            )
            parts = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                for part in form.iter_parts()  # type: ignore[attr-defined]
            }
            assert parts["purpose"] == b"batch"
            name = f"file-{len(self.files)}"
            self.files[name] = parts["file"].decode()
            return {"id": name}
        order = json.loads(content)
        made = {**order, "id": f"batch-{len(self.batches)}", "status": "validating"}
        self.batches[made["id"]] = made
        return made

    def look(self, name: str) -> dict[str, Any]:
        found = self.batches[name]
        if self.is_held or found["status"] in ("completed", "failed"):
            return found
        if found["status"] == "validating":
            found["status"] = "in_progress"
            return found
        lines = map(json.loads, self.files[found["input_file_id"]].splitlines())
        self.files[f"out-{name}"] = "".join(json.dumps(self.answer(line)) + "\n" for line in lines)
        found |= {"status": "completed", "output_file_id": f"out-{name}"}
        return found

    @staticmethod
    def answer(line: dict[str, Any]) -> dict[str, Any]:
        words = line["body"]["messages"][-1]["content"]
        message = {"role": "assistant", "content": f"re: {words}"}
        page = {
            "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7},
        }
        status = {"poison": 400, "busy": 500}.get(words, 200)
        return {"custom_id": line["custom_id"], "response": {"status_code": status, "body": page}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(batch, "_QUIET_S", 0.05)
    monkeypatch.setattr(batch, "_POLL_S", 0.02)
    stand_in = Api()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def _send(self, give: Callable[[], Any]) -> None:
            status, text = 200, ""
            if stand_in.faults:
                stand_in.faults -= 1
                status = stand_in.fault
            else:
                found = give()
                text = found if isinstance(found, str) else json.dumps(found)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(lambda: stand_in.take(self.path, self.headers["Content-Type"], content))

        def do_GET(self) -> None:
            *_, room, name = self.path.split("?")[0].removesuffix("/content").split("/")
            if room == "files":
                self._send(lambda: stand_in.files[name])
            elif name == "batches":
                self._send(lambda: {"data": list(stand_in.batches.values())})
            else:
                self._send(lambda: stand_in.look(name))

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    stand_in.url = f"http://127.0.0.1:{listening.server_port}/v1"
    yield stand_in
    listening.shutdown()
    listening.server_close()


def teacher(url: str, *sets: str) -> engines.Engine:
    given = ("teacher.engine=batch", "teacher.model=big", "student.engine=scripted", *sets)
    chosen = settings.load("", (*given, f"teacher.url={url}"))
    return engines.build(chosen.teacher, chosen)


async def test_requests_that_come_together_are_one_batch(
    api: Api, make_request: Callable[..., Request]
) -> None:
    engine = teacher(api.url)
    asked = [make_request(f"question {n}", player="teacher", seed=n) for n in range(40)]
    replies = await asyncio.gather(*map(engine.reply, asked))
    assert [reply.text for reply in replies] == [f"re: question {n}" for n in range(40)]
    assert replies[0].usage.prompt == 7
    assert len(api.batches) == 1
    (lines,) = [text for name, text in api.files.items() if name.startswith("file-")]
    first = json.loads(lines.splitlines()[0])
    assert (first["url"], first["body"]["model"]) == ("/v1/chat/completions", "big")
    assert (await engine.reply(make_request("later", player="teacher"))).text == "re: later"
    assert len(api.batches) == 2


async def test_a_line_that_failed_fails_itself(
    api: Api, make_request: Callable[..., Request]
) -> None:
    engine = teacher(api.url)
    words = ("fine", "poison", "busy")
    asked = [engine.reply(make_request(word, player="teacher")) for word in words]
    fine, poison, busy = await asyncio.gather(*asked, return_exceptions=True)
    assert getattr(fine, "text", "") == "re: fine"
    assert isinstance(poison, Permanent)
    assert isinstance(busy, Transient)


async def test_a_session_that_goes_on_reads_what_was_paid_for(
    api: Api, make_request: Callable[..., Request]
) -> None:
    api.is_held = True
    killed = asyncio.create_task(teacher(api.url).reply(make_request("one", player="teacher")))
    while not api.batches:
        await asyncio.sleep(0.01)
    killed.cancel()
    api.is_held = False
    again = teacher(api.url)
    assert (await again.reply(make_request("one", player="teacher"))).text == "re: one"
    assert len(api.batches) == 1
    assert (await again.reply(make_request("two", player="teacher"))).text == "re: two"
    assert len(api.batches) == 2


async def test_what_an_earlier_batch_did_not_answer_is_asked_again(
    api: Api, make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make_request("busy", player="teacher")
    with pytest.raises(Transient):
        await teacher(api.url).reply(request)
    assert len(api.batches) == 2
    good = lambda line: Api.answer({**line, "body": {"messages": [{"content": "well"}]}})  # noqa: E731
    monkeypatch.setattr(api, "answer", good, raising=False)
    assert (await teacher(api.url).reply(request)).text == "re: well"


async def test_a_server_that_stumbles_is_asked_again(
    api: Api, make_request: Callable[..., Request]
) -> None:
    api.fault, api.faults = 503, 3
    assert (await teacher(api.url).reply(make_request("x", player="teacher"))).text == "re: x"


@pytest.mark.parametrize("status", [401, 404])
async def test_a_server_that_refuses_ends_the_run(
    api: Api, make_request: Callable[..., Request], status: int
) -> None:
    api.fault, api.faults = status, 100
    with pytest.raises(Fatal, match=f"HTTP {status}"):
        await teacher(api.url).reply(make_request("x", player="teacher"))


async def test_a_server_that_is_gone_is_waited_for_and_no_longer(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_POLL_S", 0.02)
    engine = teacher("http://127.0.0.1:9/v1", "server.patience_s=0.1")
    with pytest.raises(Fatal):
        await engine.reply(make_request("x", player="teacher"))


def test_it_wants_a_url() -> None:
    with pytest.raises(SettingsError, match=r"teacher\.url"):
        teacher("")
