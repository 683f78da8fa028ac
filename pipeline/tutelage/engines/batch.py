"""Batch files of an OpenAI-compatible API: half the price, and replies within a day.

Requests are collected until none arrives for a few seconds, then uploaded as one JSONL file. All
dialogues of a run wait together, so a run needs about as many batches as this player has turns. A
resumed session first looks for batches that an earlier one submitted, so that no request is paid
for twice.

Token ids are not available, so these replies cannot be used for RL.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

import httpx

from tutelage.engines import bodies, completions
from tutelage.engines.bodies import Body
from tutelage.errors import Fatal, Permanent, SettingsError, Transient
from tutelage.records import Reply, Request
from tutelage.seeds import digest
from tutelage.settings import Player, Settings

_CAPACITY = 2000
_QUIET_S, _POLL_S = 5.0, 20.0
_MOST = 50_000  # requests per file, the API's limit
_MARK = "tutelage"  # metadata key that identifies our batches
_ENDED = {"completed", "failed", "expired", "cancelled"}
Pages = dict[str, dict[str, Any]]  # request name -> its line of the output file


class Batch:
    """The `batch` engine."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Raises `SettingsError` if no URL is given."""
        if not settings.server.url:
            raise SettingsError(
                "the batch engine wants --set teacher.url=https://host/v1, got none"
            )
        key = os.environ.get(settings.server.api_key_env, "")
        self._model = player.model
        self._url = settings.server.url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._settings = settings
        # request name -> the task that reads its batch
        self._tasks: dict[str, asyncio.Task[Pages]] = {}
        self._open: dict[str, dict[str, Any]] | None = None
        self._earlier: asyncio.Task[None] | None = None
        self._sent = 0

    @property
    def capacity(self) -> int:
        """Concurrency limit."""
        return self._settings.driver.concurrency or _CAPACITY

    async def reply(self, request: Request) -> Reply:
        """Returns one reply when its batch is done; see `Engine`."""
        body = completions.body(request, self._model, False, None)
        name = digest(json.dumps(body, sort_keys=True))
        self._earlier = self._earlier or asyncio.create_task(self._find())
        await asyncio.shield(self._earlier)
        for _ in range(2):  # a request that the first batch left unanswered goes into a second one
            if name not in self._tasks:
                if self._open is None:
                    self._open = {}
                    self._gathering = asyncio.create_task(self._run(self._open))
                self._open[name], self._tasks[name] = body, self._gathering
            line = (await asyncio.shield(self._tasks[name])).get(name, {})
            answer = line.get("response") or {}
            if answer.get("status_code") == 200:
                return completions.reply(answer.get("body"), request, None, None)
            self._tasks.pop(name, None)
            if answer.get("status_code") in (400, 413, 422):
                raise Permanent(f"refused in a batch: {json.dumps(line)[:300]}")
        raise Transient(f"two batches did not answer it: {json.dumps(line)[:300]}")

    def gauges(self) -> Mapping[str, float]:
        """Number of batches submitted."""
        return {"batches": float(self._sent)}

    def close(self) -> None:
        """Leaves submitted batches on the server, for the next session to read."""

    async def _run(self, lines: dict[str, dict[str, Any]]) -> Pages:
        """Waits until no more requests arrive, then submits the batch and reads its results."""
        size = 0
        while size < len(lines) < _MOST:
            size = len(lines)
            await asyncio.sleep(_QUIET_S)
        self._open = None
        endpoint = {"method": "POST", "url": "/v1/chat/completions"}
        text = "".join(
            json.dumps({"custom_id": name, **endpoint, "body": body}) + "\n"
            for name, body in lines.items()
        )
        upload = {"file": ("tutelage.jsonl", text.encode())}
        file = await self._ask("POST", "/files", files=upload, data={"purpose": "batch"})
        submission = {
            "input_file_id": file["id"],
            "endpoint": endpoint["url"],
            "completion_window": "24h",
        }
        self._sent += 1
        metadata = {"metadata": {_MARK: self._model}}
        return await self._pages(await self._ask("POST", "/batches", json=submission | metadata))

    async def _find(self) -> None:
        """Finds batches of an earlier session whose results can still be read."""
        listing = await self._ask("GET", "/batches?limit=100")
        for batch in listing.get("data", []):
            is_ours = (batch.get("metadata") or {}).get(_MARK) == self._model
            if not is_ours or (batch["status"] in _ENDED and not batch.get("output_file_id")):
                continue
            lines = await self._lines(batch.get("input_file_id"))
            task = asyncio.create_task(self._pages(batch))
            self._tasks |= {line["custom_id"]: task for line in lines}

    async def _pages(self, batch: dict[str, Any]) -> Pages:
        """The output lines of a batch, by request name, once it has ended."""
        while batch["status"] not in _ENDED:
            await asyncio.sleep(_POLL_S)
            batch = await self._ask("GET", f"/batches/{batch['id']}")
        files = (batch.get("output_file_id"), batch.get("error_file_id"))
        return {line["custom_id"]: line for file in files for line in await self._lines(file)}

    async def _lines(self, file: str | None) -> Any:
        return await self._ask("GET", f"/files/{file}/content") if file else []

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        """JSON, or a list of JSON lines. Retries while the server is unreachable.

        Raises:
            Fatal: the server refuses the request, or stays unreachable for `server.patience_s`.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.server.patience_s
        while True:
            try:
                return await asyncio.to_thread(self._send, method, path, options)
            except (httpx.HTTPError, Transient) as fault:
                if asyncio.get_running_loop().time() > deadline:
                    raise Fatal(f"{self._url}: {fault}") from None
                await asyncio.sleep(min(_POLL_S, self._settings.server.patience_s))

    def _send(self, method: str, path: str, options: dict[str, Any]) -> Any:
        headers, verify = self._headers | bodies.PACKED, bodies.certificates()
        url = self._url + path
        with httpx.stream(
            method, url, headers=headers, timeout=60, verify=verify, **options
        ) as page:
            body = Body(page, bodies.most(1 << 20))
            for piece in page.iter_raw():
                body.feed(piece)
        if page.status_code != 200:
            error_class = Fatal if page.status_code in (400, 401, 403, 404) else Transient
            raise error_class(f"{self._url}{path}: HTTP {page.status_code}: {body.text(200)}")
        if not path.endswith("/content"):
            return body.json()
        return [json.loads(line) for line in bytes(body.data).splitlines() if line.strip()]
