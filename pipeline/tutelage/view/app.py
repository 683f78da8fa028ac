"""The server of the page. It listens on the loopback interface and serves only holders of the token.

Every request needs the token, except for the page's scripts, which contain nothing of a run. Requests
under another host name are refused, so that no website can reach the server through a name that
resolves to this machine. The page may load nothing from elsewhere.
"""

import json
import secrets
import socket
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tutelage.errors import Mistake, TutelageError
from tutelage.view import marks, tokens
from tutelage.view.rows import Query, Rows

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_SCRIPTS = ("preact.js", "app.js", "app.css")
_MOST_BODY = 8 << 20


def app(rows: Rows, token: str) -> Starlette:
    """The application that serves these rows to holders of the token."""

    def is_allowed(request: Request) -> bool:
        presented = request.headers.get("x-token") or request.query_params.get("token", "")
        return secrets.compare_digest(presented.encode(), token.encode())

    def as_json(value_of: Callable[[Request], Any]) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            if not is_allowed(request):
                return JSONResponse({"error": "the token is missing or wrong"}, 403)
            try:
                return JSONResponse(_plain(value_of(request)))
            except TutelageError as error:
                return JSONResponse({"error": str(error)}, 400)

        return respond

    def page(request: Request) -> Response:
        if not is_allowed(request):
            return PlainTextResponse("Use the address that `tutelage view` printed.", 403)
        return Response(asset("page.html"), media_type="text/html")

    async def save(request: Request) -> Response:
        if not is_allowed(request):
            return JSONResponse({"error": "the token is missing or wrong"}, 403)
        body = await request.body()
        try:
            received = json.loads(body) if len(body) < _MOST_BODY else None
            if not isinstance(received, dict):
                raise Mistake("wanted marks as a JSON object, got something else or too much")
            command = marks.save(rows.runs, marks.checked(received))
            return JSONResponse({"command": command})
        except (TutelageError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    application = Starlette(
        routes=[
            Route("/", page),
            Route("/page/{name}", _script),
            Route("/api/state", as_json(lambda request: _state(rows))),
            Route("/api/rows", as_json(lambda request: rows.page(_query(request)))),
            Route("/api/facets", as_json(lambda request: rows.facets(_query(request)))),
            Route("/api/dialogue", as_json(lambda r: shown(rows.dialogue(r.query_params["id"])))),
            Route(
                "/api/tokens",
                as_json(lambda r: tokens.spelled(rows.dialogue(r.query_params["id"]))),
            ),
            Route(
                "/api/problem",
                as_json(lambda r: [shown(row) for row in rows.problem(r.query_params["id"])]),
            ),
            Route("/api/marks", save, methods=["POST"]),
        ]
    )
    application.add_middleware(_Guard)
    return application


def _script(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _SCRIPTS:
        return PlainTextResponse("not here", 404)
    return Response(asset(name), media_type=_KINDS[name.rsplit(".", 1)[-1]])


class _Guard:
    """Refuses other host names, and adds the headers that limit what the page may load."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost", "[::1]", "testserver"):
            await PlainTextResponse("not by this name", 421)(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (b"content-security-policy", _POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def serve(runs: list[str], port: int, announce: Callable[[str], None]) -> None:
    """Serves the page until interrupted; calls `announce` with its URL.

    Raises:
        Mistake: one of `runs` is not a run, or the port is in use.
    """
    import uvicorn

    rows, token = Rows(runs), secrets.token_urlsafe(16)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise Mistake(f"port {port} is in use: choose another --port, or 0 for any") from error
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}")
        config = uvicorn.Config(app(rows, token), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def asset(name: str) -> str:
    """The text of one of the page's files."""
    return (files("tutelage.view") / "page" / name).read_text("utf-8")


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the page shows it: without token ids, which it requests separately."""
    trail = [
        {k: v for k, v in entry.items() if k not in ("token_ids", "logprobs")}
        | {"tokens": len(entry["token_ids"])}
        for entry in row["trail"]
    ]
    return row | {"trail": trail}


def _state(rows: Rows) -> dict[str, Any]:
    has_new_rows = rows.refresh() if rows.live else False
    saved = marks.load(rows.runs)
    return {"runs": rows.runs, "live": rows.live, "moved": has_new_rows, "marks": saved}


def _query(request: Request) -> Query:
    parameters = request.query_params
    chosen = dict(part.split(":", 1) for part in parameters.getlist("f") if ":" in part)
    offset = parameters.get("offset", "0")
    return Query(
        parameters.get("search", ""),
        parameters.get("where", "").strip(),
        chosen,
        parameters.get("sort", "row_index"),
        parameters.get("desc") == "1",
        int(offset) if offset.isdecimal() else 0,
    )


def _plain(value: Any) -> Any:
    """The value with NaN replaced by null, which strict JSON requires."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return None
    return value
