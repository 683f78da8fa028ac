"""Reads HTTP bodies up to a size limit, so that no reply can exhaust memory.

A few hundred kilobytes of gzip can expand to as many megabytes, and a server may never stop
sending. Bodies are therefore decompressed in chunks, and reading stops at the limit.
"""

import json
import ssl
import zlib
from functools import cache
from typing import Any

import httpx

from tutelage.errors import Transient

PACKED = {"Accept-Encoding": "gzip, deflate"}
"""Request headers: the encodings that can be decompressed incrementally."""
SMALL = 4 << 20
"""Size limit of replies that are not completions, such as the list of models, in bytes."""
_A_TOKEN = 1024
"""Upper bound of the JSON for one sampled token: id, text, bytes and log-probability."""


def most(max_tokens: int) -> int:
    """Size limit of a completion with this many tokens, in bytes."""
    return SMALL + _A_TOKEN * max_tokens


class TooLong(Transient):
    """The reply exceeds its size limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the reply is longer than {limit >> 20} MB")


class Body:
    """The bytes of one reply, fed as they arrive."""

    def __init__(self, page: httpx.Response, limit: int) -> None:
        """Raises `Transient` if the body has an encoding that was not requested."""
        encoding = page.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Transient(f"the reply is packed as {encoding}, which nobody asked for")
        is_compressed = encoding not in ("", "identity")
        self._decompressor = zlib.decompressobj(32 + zlib.MAX_WBITS) if is_compressed else None
        self._limit = limit
        self.data = bytearray()

    def feed(self, piece: bytes) -> None:
        """Appends a chunk. Raises `TooLong`, or `Transient` if it cannot be decompressed."""
        if self._decompressor is None:
            self.data += piece
        else:
            room = self._limit - len(self.data) + 1
            try:
                self.data += self._decompressor.decompress(piece, room)
            except zlib.error as error:
                raise Transient(f"the reply cannot be unpacked: {error}") from None
        if len(self.data) > self._limit:
            raise TooLong(self._limit)

    def text(self, most_chars: int) -> str:
        """The beginning of the body, for error messages."""
        return bytes(self.data[: 4 * most_chars]).decode("utf-8", "replace")[:most_chars]

    def json(self) -> Any:
        """The parsed body.

        Raises:
            Transient: it is not JSON, or it is nested too deeply to be parsed.
        """
        try:
            return json.loads(bytes(self.data))
        except (ValueError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else "no JSON"
            raise Transient(f"{why} in the reply: {self.text(100)!r}") from None


@cache
def certificates() -> ssl.SSLContext:
    """The TLS context for all servers. Loaded once, because loading takes longer than a request."""
    return httpx.create_ssl_context()


def get(url: str, options: dict[str, Any], limit: int = SMALL) -> tuple[httpx.Response, Body]:
    """GETs a URL. Raises `httpx.HTTPError`, or `Transient` as a `Body` does."""
    headers = {**options.get("headers", {}), **PACKED}
    options = {"verify": certificates(), **options, "headers": headers}
    with httpx.stream("GET", url, **options) as page:
        body = Body(page, limit)
        for piece in page.iter_raw():
            body.feed(piece)
    return page, body


async def post(
    client: httpx.AsyncClient, url: str, sent: dict[str, Any], limit: int
) -> tuple[httpx.Response, Body]:
    """POSTs JSON. Raises as `get` does."""
    async with client.stream("POST", url, json=sent, headers=PACKED) as page:
        body = Body(page, limit)
        async for piece in page.aiter_raw():
            body.feed(piece)
    return page, body
