"""Reads what a server sends, up to a limit, however it is packed: no reply can fill the memory.

A few hundred kilobytes of gzip can hold as many megabytes, and a server may send without an end. So
bytes are unpacked in pieces no longer than what is still wanted, and the reading ends at the limit.
"""

import json
import ssl
import zlib
from functools import cache
from typing import Any

import httpx

from tutelage.errors import Transient

PACKED = {"Accept-Encoding": "gzip, deflate"}
"""What is asked for, because it is what can be unpacked by pieces."""
SMALL = 4 << 20
"""Bytes of a reply that is no completion, such as the list of models."""
_A_TOKEN = 1024
"""Bytes of JSON for one sampled token, with its id, text, bytes and log-probability, at most."""


def most(max_tokens: int) -> int:
    """Bytes that a completion of so many tokens may have."""
    return SMALL + _A_TOKEN * max_tokens


class TooLong(Transient):
    """It did not end where it should have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the reply is longer than {limit >> 20} MB")


class Body:
    """The bytes of one reply, fed as they come."""

    def __init__(self, page: httpx.Response, limit: int) -> None:
        """Raises `Transient` where it is packed in a way that was not asked for."""
        way = page.headers.get("content-encoding", "identity").strip().lower()
        if way not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Transient(f"the reply is packed as {way}, which nobody asked for")
        packed = way not in ("", "identity")
        self._unpack = zlib.decompressobj(32 + zlib.MAX_WBITS) if packed else None
        self._limit = limit
        self.data = bytearray()

    def feed(self, piece: bytes) -> None:
        """Adds what came. Raises `TooLong`, or `Transient` where it cannot be unpacked."""
        if self._unpack is None:
            self.data += piece
        else:
            room = self._limit - len(self.data) + 1
            try:
                self.data += self._unpack.decompress(piece, room)
            except zlib.error as error:
                raise Transient(f"the reply cannot be unpacked: {error}") from None
        if len(self.data) > self._limit:
            raise TooLong(self._limit)

    def text(self, most_chars: int) -> str:
        """How it begins, for people."""
        return bytes(self.data[: 4 * most_chars]).decode("utf-8", "replace")[:most_chars]

    def json(self) -> Any:
        """What it says.

        Raises:
            Transient: it is no JSON, or nested so deeply that nobody could have meant it.
        """
        try:
            return json.loads(bytes(self.data))
        except (ValueError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else "no JSON"
            raise Transient(f"{why} in the reply: {self.text(100)!r}") from None


@cache
def certificates() -> ssl.SSLContext:
    """What servers' certificates are checked against, loaded once: it takes longer than a request."""
    return httpx.create_ssl_context()


def get(url: str, options: dict[str, Any], limit: int = SMALL) -> tuple[httpx.Response, Body]:
    """What a GET gives. Raises `httpx.HTTPError`, or `Transient` as a `Body` does."""
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
    """What a POST of JSON gives. Raises as `get` does."""
    async with client.stream("POST", url, json=sent, headers=PACKED) as page:
        body = Body(page, limit)
        async for piece in page.aiter_raw():
            body.feed(piece)
    return page, body
