"""The key without which a vLLM server of ours answers nobody.

It is drawn anew in each process that starts a server, and handed on in the environment alone, so
it stands on no command line and in no file. vLLM's own key guards the paths below `/v1`; the
orders to load weights or to sleep lie elsewhere, so the whole server is guarded here.
"""

import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

KEY_VARIABLE = "TUTELAGE_SERVER_KEY"
"""Variable of the environment that holds the key."""
MIDDLEWARE = f"{__name__}.RequireKey"
"""For vLLM's `--middleware`."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def key() -> str:
    """The key of this process and of all that it starts."""
    return os.environ.setdefault(KEY_VARIABLE, secrets.token_urlsafe(32))


def headers() -> dict[str, str]:
    """What a request to a server of ours carries."""
    return {"Authorization": f"Bearer {key()}"}


class RequireKey:
    """ASGI middleware: 401 for whoever has no key. That the server lives is no secret."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        self._wanted = f"Bearer {os.environ[KEY_VARIABLE]}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http" and scope["path"] != "/health":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, self._wanted):
                kind = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 401, "headers": kind})
                await send({"type": "http.response.body", "body": b'{"error": "wants a key"}'})
                return
        await self._app(scope, receive, send)
