"""No reply of a server fills the memory, however it is packed, and a bad one fails only itself."""

import gzip
import json
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from tutelage import engines, settings
from tutelage.engines import bodies, tries
from tutelage.errors import ModelError, Transient
from tutelage.records import Request

MODELS = json.dumps({"data": [{"id": "m", "owned_by": "somebody"}]}).encode()
GOOD = json.dumps({"choices": [{"message": {"content": "22"}, "finish_reason": "stop"}]}).encode()


def page(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def packed(megabytes: int) -> bytes:
    return page(gzip.compress(b" " * (megabytes << 20), 9), "Content-Encoding: gzip")


PAGES: dict[str, Callable[[], bytes]] = {
    "gzip of 400 MB": lambda: packed(400),
    "plain 60 MB": lambda: page(b'{"choices": "' + b"a" * (60 << 20)),
    "deep list": lambda: page(b"[" * 500_000),
    "deep object": lambda: page(b'{"a":' * 300_000),
    "deep and closed": lambda: page(b"[" * 100_000 + b"]" * 100_000),
    "long number": lambda: page(b'{"choices": ' + b"9" * 100_000 + b"}"),
    "brotli": lambda: page(GOOD, "Content-Encoding: br"),
    "no gzip at all": lambda: page(GOOD, "Content-Encoding: gzip"),
    "half of a gzip": lambda: page(gzip.compress(GOOD)[:-20], "Content-Encoding: gzip"),
    "not UTF-8": lambda: page(b"\xff\xfe" + GOOD),
}


@contextmanager
def answering(pages: list[bytes], models: bytes = b"") -> Iterator[str]:
    """The URL of a server that gives one page a POST, and its models; the last page again and again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            request = connection.recv(1 << 20)
            while b"\r\n\r\n" not in request:
                request += connection.recv(1 << 20)
            if request.startswith(b"GET"):
                answer = models or page(MODELS)
            else:
                answer = pages.pop(0) if len(pages) > 1 else pages[0]
            with suppress(OSError):  # the client has heard enough
                connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


def client(url: str, retries: int) -> engines.Engine:
    chosen = settings.load(
        "", (f"server.url={url}", "student.model=m", f"server.retries={retries}")
    )
    return engines.build(chosen.student, chosen)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "_LONGEST_WAIT_S", 0.001)


@pytest.mark.parametrize("name", PAGES)
async def test_a_bad_page_fails_itself_and_takes_no_memory(
    name: str, make_request: Callable[..., Request]
) -> None:
    with answering([PAGES[name]()]) as url:
        asked = client(url, 1)
        tracemalloc.start()
        try:
            with pytest.raises(Transient):
                await asked.reply(make_request())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 64 << 20


async def test_after_bad_pages_comes_a_good_one(make_request: Callable[..., Request]) -> None:
    good = page(gzip.compress(GOOD), "Content-Encoding: gzip")
    with answering([packed(20), PAGES["deep list"](), good]) as url:
        assert (await client(url, 4).reply(make_request())).text == "22"


@pytest.mark.parametrize(
    "models", [packed(100), page(b"[" * 500_000), page(b"3"), page(b'{"data": [1]}')]
)
def test_a_list_of_models_that_is_none_is_a_mistake_of_one_line(models: bytes) -> None:
    with answering([b""], models) as url, pytest.raises(ModelError) as caught:
        client(url, 0)
    assert "\n" not in str(caught.value)


def test_a_reply_may_be_as_long_as_what_was_asked_for() -> None:
    assert bodies.most(32_000) > 32_000 * 500
    response = httpx.Response(200)
    body = bodies.Body(response, 10)
    body.feed(b"0123456789")
    with pytest.raises(bodies.TooLong):
        body.feed(b"0")
