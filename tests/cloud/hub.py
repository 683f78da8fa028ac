"""A stand-in for the Hugging Face hub on loopback: repositories with branches, whose commits stay."""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

CONVERTED = "refs/convert/parquet"
Tree = dict[str, bytes]
"""Path -> content."""


class Hub(ThreadingHTTPServer):
    """Repositories by name, such as `datasets/own/sums` or `models/own/tiny`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.branches: dict[str, dict[str, str]] = {}
        self.commits: dict[str, Tree] = {}

    def commit(self, name: str, branch: str, files: Tree) -> str:
        """Moves a branch on to these files; the commit."""
        words = repr((name, branch, sorted(files.items()))).encode()
        commit = hashlib.sha1(words, usedforsecurity=False).hexdigest()
        self.branches.setdefault(name, {})[branch] = commit
        self.commits[commit] = files
        return commit

    def found(self, name: str, revision: str) -> str:
        """The commit of a branch, or of itself; empty where there is none."""
        branches = self.branches.get(name, {})
        return branches.get(revision, revision if revision in self.commits else "")

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that takes this for the hub."""
        here = f"http://127.0.0.1:{self.server_port}"
        return {**os.environ, "HF_ENDPOINT": here, "NO_PROXY": "*", "HF_HUB_DISABLE_TELEMETRY": "1"}


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub while entered."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    yield hub
    hub.shutdown()
    hub.server_close()


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
        path = unquote(urlparse(self.path).path)
        match = re.match(rf"(?:/api)?/(datasets/\w+/\w+)/{act}/([^?]+)", path)
        if not match:
            return "", None
        hub = self.server
        for name in sorted([*hub.branches.get(match[1], {}), *hub.commits], key=len, reverse=True):
            if (match[2] + "/").startswith(name + "/"):
                files = hub.commits[hub.found(match[1], name)]
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
        match = re.fullmatch(r"/api/(\w+/\w+/\w+)(?:/revision/(.+))?", path)
        if match and (commit := self.server.found(match[1], match[2] or "main")):
            name = match[1].partition("/")[2]
            about = {"id": name, "_id": "1", "sha": commit, "siblings": [], "private": False}
            return self._send(200, json.dumps(about).encode())
        code = "RevisionNotFound" if match and match[1] in self.server.branches else "RepoNotFound"
        return self._send(404, b"{}", {"X-Error-Code": code})

    def _file(self, data: bytes, body: bool) -> None:
        first, last = 0, len(data) - 1
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), min(int(match[2] or last), last)
        part = data[first : last + 1]
        extra = {"ETag": '"e"', "X-Repo-Commit": "0" * 40, "Accept-Ranges": "bytes"}
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
    listed: dict[str, dict[str, object]] = {}
    for path, data in (files or {}).items():
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            name, is_file = "/".join(parts[:depth]), depth == len(parts)
            inside = not under or name.startswith(under + "/")
            level = name.removeprefix(under).strip("/").count("/")
            if name in wanted if wanted is not None else inside and (deep or level == 0):
                kind = "file" if is_file else "directory"
                listed[name] = {
                    "type": kind,
                    "path": name,
                    "oid": "0" * 40,
                    "size": is_file * len(data),
                }
    return list(listed.values())
