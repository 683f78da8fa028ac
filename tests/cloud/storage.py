"""Cloud Storage's JSON API over loopback, as Arrow's client and Google's Python client use it.

Kept as strict as the true service: an object is whole or not there, there are no folders, a request
for what is not there is a 404, and a page of a listing ends where it is full.
"""

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

_BUCKET = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)")
_LIST = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)/o")
_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)")
_COPY = re.compile(
    r"/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)"
    r"/(?P<verb>rewriteTo|copyTo)/b/(?P<to>[^/]+)/o/(?P<new>[^/]+)"
)
_UPLOAD = re.compile(r"(?:/resumable)?/upload/storage/v1/b/(?P<bucket>[^/]+)/o")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<begin>\d+)-\d+|\*)/(?P<total>\d+|\*)")
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    verb: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: dict[str, Any], status: int = 200) -> "Answer":
        """An answer in JSON."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    @classmethod
    def missing(cls, what: str) -> "Answer":
        """A 404."""
        return cls.of({"error": {"code": 404, "message": f"No such object: {what}"}}, 404)


class Buckets:
    """All buckets; any name is one that exists."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        """By bucket and name."""
        self.requests: list[tuple[str, str]] = []
        """Verb and path of each request."""
        self._generations: dict[tuple[str, str], int] = {}
        self._uploads: dict[str, tuple[str, str, bytearray]] = {}
        self._lock = threading.RLock()

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """The names of the objects in a bucket that begin with `prefix`."""
        with self._lock:
            return sorted(n for b, n in self.objects if b == bucket and n.startswith(prefix))

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to the store; None where it is none."""
        with self._lock:
            self.requests.append((request.verb, request.path))
            if part := _UPLOAD.fullmatch(request.path):
                return self._upload(request, part["bucket"])
            if part := _COPY.fullmatch(request.path):
                return self._copy(part)
            if part := _LIST.fullmatch(request.path):
                return self._list(request, part["bucket"])
            if part := _OBJECT.fullmatch(request.path):
                return self._object(request, part["bucket"], unquote(part["name"]))
            if part := _BUCKET.fullmatch(request.path):
                return Answer.of(_bucket(part["bucket"]))
        return None

    def put(self, bucket: str, name: str, data: bytes) -> Answer:
        """Puts an object there."""
        with self._lock:
            self.objects[bucket, name] = data
            self._generations[bucket, name] = self._generations.get((bucket, name), 0) + 1
            return Answer.of(self._resource(bucket, name))

    def _resource(self, bucket: str, name: str) -> dict[str, Any]:
        data = self.objects[bucket, name]
        generation = str(self._generations[bucket, name])
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{generation}",
            "bucket": bucket,
            "name": name,
            "size": str(len(data)),
            "generation": generation,
            "metageneration": "1",
            "timeCreated": "2026-01-01T00:00:00.000Z",
            "updated": "2026-01-01T00:00:00.000Z",
            "storageClass": "STANDARD",
            "contentType": "application/octet-stream",
            "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(),
            "etag": generation,
            **_crc32c(data),
        }

    def _list(self, request: Request, bucket: str) -> Answer:
        if request.verb != "GET":
            return Answer.of({"error": {"code": 405, "message": request.verb}}, 405)
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        start = max(request.query.get("pageToken", ""), request.query.get("startOffset", ""))
        page: dict[str, dict[str, Any] | None] = {}  # None for a prefix
        most = min(int(request.query.get("maxResults", _PAGE)), _PAGE)
        for name in self.names(bucket, prefix):
            head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            entry = prefix + head + delimiter if found else name
            if entry < start or (found and entry in page):
                continue
            if len(page) == most:
                return Answer.of(_page(page) | {"nextPageToken": entry})
            page[entry] = None if found else self._resource(bucket, name)
        return Answer.of(_page(page))

    def _object(self, request: Request, bucket: str, name: str) -> Answer:
        if (bucket, name) not in self.objects:
            return Answer.missing(f"{bucket}/{name}")
        if request.verb == "DELETE":
            del self.objects[bucket, name]
            return Answer(204)
        if request.query.get("alt") == "media" or request.path.startswith("/download/"):
            return self._media(request, bucket, name)
        return Answer.of(self._resource(bucket, name))

    def _media(self, request: Request, bucket: str, name: str) -> Answer:
        data = self.objects[bucket, name]
        generation = str(self._generations[bucket, name])
        headers = {"Content-Type": "application/octet-stream", "x-goog-generation": generation}
        wanted = _RANGE.fullmatch(request.headers.get("Range", ""))
        if not wanted:
            return Answer(200, data, headers)
        first, last = wanted.groups()
        begin = int(first) if first else max(0, len(data) - int(last))
        end = min(int(last) + 1 if first and last else len(data), len(data))
        if begin >= len(data):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        return Answer(206, data[begin:end], headers)

    def _copy(self, part: re.Match[str]) -> Answer:
        source = part["bucket"], unquote(part["name"])
        if source not in self.objects:
            return Answer.missing("/".join(source))
        made = self.put(part["to"], unquote(part["new"]), self.objects[source])
        if part["verb"] == "copyTo":
            return made
        resource = json.loads(made.body)
        return Answer.of(
            {
                "kind": "storage#rewriteResponse",
                "done": True,
                "resource": resource,
                "objectSize": resource["size"],
                "totalBytesRewritten": resource["size"],
            }
        )

    def _upload(self, request: Request, bucket: str) -> Answer:
        if "upload_id" in request.query:
            return self._chunk(request)
        kind = request.query.get("uploadType")
        if kind == "resumable":
            name = request.query.get("name") or json.loads(request.body)["name"]
            number = uuid.uuid4().hex
            self._uploads[number] = bucket, name, bytearray()
            host = request.headers["Host"]
            path = f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={number}"
            return Answer(200, b"{}", {"Location": f"http://{host}{path}"})
        if kind == "multipart":
            resource, data = _parts(request)
            return self.put(bucket, request.query.get("name") or resource["name"], data)
        return self.put(bucket, request.query["name"], request.body)

    def _chunk(self, request: Request) -> Answer:
        """A piece of an upload; the object is there with the last one."""
        bucket, name, data = self._uploads[request.query["upload_id"]]
        where = _CONTENT_RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if where is None:
            data += request.body
        elif where["begin"] is not None:
            del data[int(where["begin"]) :]
            data += request.body
        if where is None or where["total"] != "*":
            return self.put(bucket, name, bytes(data))
        return Answer(308, b"", {"Range": f"bytes=0-{len(data) - 1}"} if data else {})


def _crc32c(data: bytes) -> dict[str, str]:
    """The sum by which Google's Python client, which brings the means to compute it, checks."""
    try:
        import google_crc32c
    except ImportError:
        return {}
    return {"crc32c": base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()}


def _bucket(name: str) -> dict[str, Any]:
    return {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "location": "US-CENTRAL1",
        "locationType": "region",
        "metageneration": "1",
        "projectNumber": "1",
        "softDeletePolicy": {"retentionDurationSeconds": "0"},
    }


def _page(page: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    return {
        "kind": "storage#objects",
        "items": [resource for resource in page.values() if resource is not None],
        "prefixes": [name for name, resource in page.items() if resource is None],
    }


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of a multipart upload: what the object is, and its bytes."""
    boundary = re.search(r"boundary=[\"']?([^\"';]+)", request.headers["Content-Type"])
    assert boundary is not None
    _, head, body, _ = request.body.split(b"--" + boundary[1].encode(), 3)
    resource, data = (part.split(b"\r\n\r\n", 1)[1] for part in (head, body))
    return json.loads(resource), data.removesuffix(b"\r\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    services: tuple[Any, ...] = ()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(self.command, url.path, query, self.headers, self._body())
        answers = (service.answer(request) for service in self.services)
        found = next((answer for answer in answers if answer is not None), None)
        answer = found or Answer.missing(f"{self.command} {url.path}")
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body


@contextmanager
def serving(*services: Any) -> Iterator[int]:
    """The port at which the services answer."""
    handler = type("Handler", (_Handler,), {"services": services})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def url(port: int, path: str) -> str:
    """The place `BUCKET/NAME` in this store, as Arrow wants it."""
    bucket, _, name = path.partition("/")
    return f"gs://anonymous@{bucket}/{quote(name)}?endpoint_override=localhost:{port}&scheme=http"


@contextmanager
def serving_apart(folder: Path) -> Iterator[int]:
    """The port of a store in a process of its own, whose bucket `bucket` holds the files in a folder.

    For what reads by random access: Arrow opens its stream with the interpreter's lock held, and a
    store in the same process could never answer.
    """
    command = [sys.executable, "-m", "cloud.storage", str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    tests = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=os.environ | tests, text=True, **pipes) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def main(folder: Path) -> None:
    buckets = Buckets()
    for file in folder.rglob("*"):
        if file.is_file():
            buckets.put("bucket", str(file.relative_to(folder)), file.read_bytes())
    with serving(buckets) as port:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
