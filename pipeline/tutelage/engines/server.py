"""Client of an OpenAI-compatible server, ours or anybody's: one request a request, no batches.

Retries only what may pass (connection, 408, 409, 429, 5xx), with back-off and jitter, and later if
the server says so (`Retry-After`). The time-out of a reply is long, because a client that gives up
on a long generation and sends it again doubles the load that made it slow. A server that refuses
connections is starting, or being started again: it is waited for. Against vLLM it also asks for the
token ids of prompt and reply, and sends a student's later turns as ids where the model's tokenizer
is on this machine (`completions`). It starts nothing: `engines.launch` does.
"""

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from tutelage import models
from tutelage.engines import completions, metrics, tokens
from tutelage.engines.tokens import ChatTokens, Prompt
from tutelage.errors import Fatal, ModelError, Permanent, SettingsError, Transient
from tutelage.records import Reply, Request
from tutelage.seeds import fraction
from tutelage.settings import Player, Settings

_TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT_S = 30.0
_LONGEST_ASKED_S = 120.0
"""What a server may ask for by `Retry-After`."""
_LOOK_S = 2.0
"""Between two looks for a server that is away."""
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=256)
_LOOPBACK = re.compile(r"https?://(localhost|127\.[\d.]+|\[::1\])([:/]|$)", re.IGNORECASE)
"""Asked directly: a proxy that the environment names cannot reach this machine's own servers."""


class _Away(Transient):
    """Nobody listens there."""


class _Busy(Transient):
    """Asked to come back, not before `after_s` seconds from now where the server says when."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__(f"HTTP {page.status_code}: {page.text[:200]}")
        said = page.headers.get("retry-after", "")
        self.after_s = min(float(said), _LONGEST_ASKED_S) if said.isdecimal() else 0.0


class _Refused(Permanent):
    """HTTP 400: the request itself."""


class Client:
    """The `server` engine."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Finds out what the server is and which model it serves.

        Raises:
            SettingsError: no URL was given.
            ModelError: nobody answers there, or the model is not served.
        """
        server = settings.server
        if not server.url:
            raise SettingsError(
                "the server engine wants --set server.url=http://host:port/v1, got none"
            )
        key = os.environ.get(server.api_key_env, "")
        self._key_env = server.api_key_env
        self._url = server.url.rstrip("/")
        self._retries = server.retries
        self._timeout_s = server.timeout_s
        self._capacity = settings.driver.concurrency or settings.vllm.max_num_seqs or 128
        self._options: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": httpx.Timeout(server.timeout_s, connect=10.0),
            "trust_env": not _LOOPBACK.match(self._url),
        }
        self._clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}
        self._retried = 0
        self._in_flight = 0
        self._patience_s = server.patience_s
        self._heard = 0.0
        """When the server said something last, whatever it was."""
        self._chats: ChatTokens | None = None
        self._has_looked = False
        self._looking = threading.Lock()
        self._root = ""
        """What the server was started from: a folder or the hub's name of a model."""
        self._model, self._is_vllm = self._probe(player.model)
        self._meter = metrics.Meter()
        self.gauges()  # from here on the server's counters are ours

    @property
    def capacity(self) -> int:
        """How many requests are kept in flight; the server queues what it cannot run."""
        return self._capacity

    async def reply(self, request: Request) -> Reply:
        """One reply; see `Engine`."""
        prompt = await self._prompt(request)
        body = completions.body(request, self._model, self._is_vllm, prompt)
        failed, away_since, fitted = 0, 0.0, False
        self._in_flight += 1
        try:
            while True:
                try:
                    page = await self._post(body)
                    return completions.reply(page, request, prompt, self._chats)
                except _Away as fault:
                    away_since = away_since or time.monotonic()
                    if time.monotonic() - away_since >= self._patience_s:
                        raise Fatal(
                            f"nobody has listened at {self._url} for {self._patience_s:g} s "
                            f"({fault}): start the server again (server.patience_s)"
                        ) from None
                    await asyncio.sleep(min(_LOOK_S, self._patience_s))
                except _Refused:
                    # vLLM refuses what might not fit, where vLLM in this process stops when full.
                    if fitted or not self._is_vllm or not await self._fit(body):
                        raise
                    fitted = True
                except Transient as fault:
                    away_since = 0.0
                    if failed == self._retries:
                        raise
                    self._retried += 1
                    asked = fault.after_s if isinstance(fault, _Busy) else 0.0
                    await asyncio.sleep(asked + _wait(request.seed, failed))
                    failed += 1
        finally:
            self._in_flight -= 1

    def gauges(self) -> Mapping[str, float]:
        """Retries, and what vLLM's `/metrics` has counted since this client began."""
        counters = {"retries": float(self._retried)}
        if self._is_vllm:
            root, now = self._url.removesuffix("/v1"), {}
            with contextlib.suppress(httpx.HTTPError):
                page = httpx.get(f"{root}/metrics", **self._options | {"timeout": 2.0})
                now = metrics.parse(page.text) if page.status_code == 200 else {}
            counters |= metrics.marked(self._meter.read(now), root)
        return counters

    def close(self) -> None:
        """Connections close with their event loop; nothing else is held."""
        self._clients.clear()

    def _probe(self, wanted: str) -> tuple[str, bool]:
        try:
            page = httpx.get(f"{self._url}/models", **self._options | {"timeout": 10.0})
            page.raise_for_status()
            served = page.json()["data"]
            names = [str(model["id"]) for model in served]
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            reason, advice = _words(error), "start one, or correct server.url"
            if reason in ("HTTP 401", "HTTP 403"):
                advice = f"it wants a key, which {self._key_env} should hold (server.api_key_env)"
            raise ModelError(
                f"no OpenAI-compatible server answers at {self._url} ({reason}): {advice}"
            ) from None
        is_vllm = any(model.get("owned_by") == "vllm" for model in served)
        self._root = str(served[0].get("root") or names[0]) if names else ""
        known = {wanted}
        if models.is_bundled(wanted):
            known = {models.BUNDLED, str(models.folder())}
        for name in names:
            if name in known:
                return name, is_vllm
        if models.is_bundled(wanted) and len(names) == 1:
            return names[0], is_vllm
        raise ModelError(f"{self._url} serves {', '.join(names) or 'nothing'}, wanted {wanted!r}")

    async def _prompt(self, request: Request) -> Prompt | None:
        """The prompt as token ids where it goes on from what was sampled; None: as a chat."""
        if not self._is_vllm or request.player != "student":
            return None
        if not self._has_looked:
            await asyncio.to_thread(self._look)
        if not (request.history and self._chats):
            return None
        if not self._chats.agrees(request.chat, request.history):
            return None
        try:
            prompt = self._chats.prompt(request.chat, request.history)
        except Exception:  # a template may refuse a chat; the server says so itself
            return None
        return prompt if prompt.continues else None

    def _look(self) -> None:
        """Loads the tokenizer, once however many requests wait for it."""
        with self._looking:
            if not self._has_looked:
                self._chats = tokens.local(self._root)
                self._has_looked = True

    async def _fit(self, body: dict[str, Any]) -> bool:
        """Lowers `max_tokens` to what the chat leaves of the context; whether that was lower.

        Raises:
            Permanent: nothing is left.
        """
        asked: dict[str, Any] = {
            key: body[key] for key in ("model", "messages", "prompt") if key in body
        }
        ids = asked.get("prompt")
        if ids is not None:
            asked["prompt"] = ""  # only the limit is asked for: ids are counted here
        try:
            tokenized = await self._post(asked, f"{self._url.removesuffix('/v1')}/tokenize")
            count = int(tokenized["count"]) if ids is None else len(ids)
            takes = int(tokenized["max_model_len"])
        except (Permanent, KeyError, TypeError, ValueError):
            return False
        if count >= takes:
            raise Permanent(f"context: {count} tokens, the model takes {takes}")
        room, wanted = takes - count, int(body["max_tokens"])
        body["max_tokens"] = min(room, wanted)
        return room < wanted

    async def _post(self, body: dict[str, Any], url: str = "") -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx.AsyncClient(**self._options, limits=_LIMITS)
        begun = time.monotonic()
        try:
            # httpx's own time-out is for one read: a server that trickles would never meet it.
            async with asyncio.timeout(self._timeout_s):
                way = "completions" if "prompt" in body else "chat/completions"
                to = url or f"{self._url}/{way}"
                page = await self._clients[loop].post(to, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Away(_words(error)) from None
        except (httpx.ReadTimeout, TimeoutError) as error:
            if self._heard < begun and self._in_flight > 1:
                raise Fatal(
                    f"{self._url} answered none of {self._in_flight} requests for "
                    f"{self._timeout_s:g} s: it hangs, or server.timeout_s is too short for it"
                ) from None
            raise Transient(f"{_words(error)} at {self._url}") from None
        except httpx.HTTPError as error:
            raise Transient(f"{_words(error)} at {self._url}") from None
        except UnicodeEncodeError as error:
            raise Permanent(f"the chat is no Unicode text: {_words(error)}") from None
        self._heard = time.monotonic()
        if page.status_code in _TRANSIENT:
            raise _Busy(page)
        if page.status_code != 200:
            kind = _Refused if page.status_code == 400 else Permanent
            raise kind(f"HTTP {page.status_code}: {page.text[:300]}")
        try:
            return page.json()
        except ValueError:
            raise Transient(f"no JSON in the reply: {page.text[:100]!r}") from None


def _wait(drawn: int, attempt: int) -> float:
    """Seconds before try `attempt` + 2: 0.5, 1, 2, ... with up to half of it off."""
    longest = min(_LONGEST_WAIT_S, 0.5 * 2.0**attempt)
    return longest * (1 - 0.5 * fraction("wait", drawn, attempt))


def _words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
