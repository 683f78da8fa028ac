"""The server behind the page: on the loopback, and only for who has the token.

Every answer but the page's own scripts wants the token, the scripts included nothing of a run. A
request under another host name is refused, so that no site can reach it by a name of its own that
leads here, and the page may load nothing from elsewhere.
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
    """The application over these rows, for who has the token."""

    def allowed(request: Request) -> bool:
        given = request.headers.get("x-token") or request.query_params.get("token", "")
        return secrets.compare_digest(given.encode(), token.encode())

    def answer(make: Callable[[Request], Any]) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            if not allowed(request):
                return JSONResponse({"error": "the token is missing or wrong"}, 403)
            try:
                return JSONResponse(_plain(make(request)))
            except TutelageError as error:
                return JSONResponse({"error": str(error)}, 400)

        return respond

    def page(request: Request) -> Response:
        if not allowed(request):
            return PlainTextResponse("Use the address that `tutelage view` printed.", 403)
        return Response(asset("page.html"), media_type="text/html")

    async def save(request: Request) -> Response:
        if not allowed(request):
            return JSONResponse({"error": "the token is missing or wrong"}, 403)
        body = await request.body()
        try:
            given = json.loads(body) if len(body) < _MOST_BODY else None
            if not isinstance(given, dict):
                raise Mistake("wanted marks as an object")
            command = marks.save(rows.runs, marks.checked(given))
            return JSONResponse({"command": command})
        except (TutelageError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    application = Starlette(
        routes=[
            Route("/", page),
            Route("/page/{name}", _script),
            Route("/api/state", answer(lambda request: _state(rows))),
            Route("/api/rows", answer(lambda request: rows.page(_query(request)))),
            Route("/api/facets", answer(lambda request: rows.facets(_query(request)))),
            Route("/api/dialogue", answer(lambda r: shown(rows.dialogue(r.query_params["id"])))),
            Route(
                "/api/tokens", answer(lambda r: tokens.spelled(rows.dialogue(r.query_params["id"])))
            ),
            Route(
                "/api/problem",
                answer(lambda r: [shown(x) for x in rows.problem(r.query_params["id"])]),
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
    """Refuses other hosts' names, and says what the page may load."""

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

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (b"content-security-policy", _POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self.app(scope, receive, sending)


def serve(runs: list[str], port: int, announce: Callable[[str], None]) -> None:
    """Serves the page until it is interrupted; `announce` is told its address.

    Raises:
        Mistake: one of them is no run, or the port is taken.
    """
    import uvicorn

    rows, token = Rows(runs), secrets.token_urlsafe(16)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise Mistake(f"port {port} is not free: choose another --port, or 0") from error
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}")
        config = uvicorn.Config(app(rows, token), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def asset(name: str) -> str:
    """A file of the page."""
    return (files("tutelage.view") / "page" / name).read_text("utf-8")


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the page shows it: without token ids, which are asked for apart."""
    trail = [
        {k: v for k, v in entry.items() if k not in ("token_ids", "logprobs")}
        | {"tokens": len(entry["token_ids"])}
        for entry in row["trail"]
    ]
    return row | {"trail": trail}


def _state(rows: Rows) -> dict[str, Any]:
    moved = rows.refresh() if rows.live else False
    kept = marks.load(rows.runs)
    return {"runs": rows.runs, "live": rows.live, "moved": moved, "marks": kept}


def _query(request: Request) -> Query:
    given = request.query_params
    chosen = dict(part.split(":", 1) for part in given.getlist("f") if ":" in part)
    offset = given.get("offset", "0")
    return Query(
        given.get("search", ""),
        given.get("where", "").strip(),
        chosen,
        given.get("sort", "row_index"),
        given.get("desc") == "1",
        int(offset) if offset.isdecimal() else 0,
    )


def _plain(value: Any) -> Any:
    """The value as strict JSON: numbers that it does not know become null."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return None
    return value
