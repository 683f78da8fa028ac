"""The API key that protects the vLLM servers we start.

Each process that starts a server draws a new key and passes it on only through the environment, so
the key is on no command line and in no file. vLLM's own API key covers only the paths below `/v1`.
The endpoints that load weights or put the server to sleep are elsewhere, so this middleware guards
all of them.
"""

import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

KEY_VARIABLE = "TUTELAGE_SERVER_KEY"
"""Environment variable that holds the key."""
MIDDLEWARE = f"{__name__}.RequireKey"
"""Value of vLLM's `--middleware`."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def key() -> str:
    """The key of this process and its children."""
    return os.environ.setdefault(KEY_VARIABLE, secrets.token_urlsafe(32))


def headers() -> dict[str, str]:
    """Authorization headers for a server that we started."""
    return {"Authorization": f"Bearer {key()}"}


class RequireKey:
    """ASGI middleware: responds 401 to requests without the key, except to `/health`."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        self._wanted = f"Bearer {os.environ[KEY_VARIABLE]}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or rejects it."""
        if scope["type"] == "http" and scope["path"] != "/health":
            authorization = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(authorization, self._wanted):
                content_type = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 401, "headers": content_type})
                await send({"type": "http.response.body", "body": b'{"error": "wants a key"}'})
                return
        await self._app(scope, receive, send)
