"""Client of an OpenAI-compatible server, ours or a third party's. One HTTP call per request.

Only failures that may pass are retried (`tries`). The reply time-out is long, because a client that
abandons a long generation and sends it again doubles the load that made it slow. The number of
requests in flight adapts to an overloaded server (`window`), and bodies are read up to a limit
(`bodies`). From vLLM it also requests the token ids of prompt and reply, and it sends a student's
later turns as token ids if the model's tokenizer is available locally (`completions`). It starts no
server: `engines.launch` does.
"""

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import httpx

from tutelage import chat_template, models
from tutelage.engines import bodies, completions, metrics, tokens
from tutelage.engines.tokens import ChatTokens, Prompt
from tutelage.engines.tries import PASSING, Away, Busy, Refused, Tries
from tutelage.engines.window import Window
from tutelage.errors import Fatal, ModelError, Permanent, SettingsError, Transient
from tutelage.records import Reply, Request
from tutelage.settings import Player, Settings

_LOOPBACK = re.compile(r"https?://(localhost|127\.[\d.]+|\[::1\])([:/]|$)", re.IGNORECASE)
"""Loopback servers are contacted directly: a proxy from the environment could not reach them."""


class Client:
    """The `server` engine."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Finds out what kind of server it is and which model it serves.

        Raises:
            SettingsError: no URL is given.
            ModelError: no server answers at the URL, or it does not serve the model.
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
            "verify": bodies.certificates(),
        }
        self._idle: dict[asyncio.AbstractEventLoop, list[httpx.AsyncClient]] = {}
        """Idle HTTP clients; each request in flight has one to itself. A single client scans all of
        its connections at each request: with 500 in flight, that took more time than everything
        else.
        """
        self._windows: dict[asyncio.AbstractEventLoop, Window] = {}
        self._retried = 0
        self._throttled = 0
        self._folds = False
        """Whether the chat template lacks a system role."""
        self._in_flight = 0
        self._patience_s = server.patience_s
        self._last_response = 0.0
        """When the last response of any kind arrived, on the monotonic clock."""
        self._chats: ChatTokens | None = None
        self._load_attempted = False
        self._tokenizer_lock = threading.Lock()
        self._root = ""
        """What the server loaded its model from: a folder or a hub id."""
        self._model, self._is_vllm = self._probe(player.model)
        self._meter = metrics.Meter()
        self.gauges()  # the server's counters start at zero from here

    @property
    def is_vllm(self) -> bool:
        """Whether the server returns token ids and honours a reasoning budget."""
        return self._is_vllm

    @property
    def capacity(self) -> int:
        """Concurrency limit; the server queues what it cannot run yet."""
        return self._capacity

    async def reply(self, request: Request) -> Reply:
        """Returns one reply; see `Engine`."""
        prompt = await self._prompt(request)
        tries = Tries(request, self._folds, self._retries, self._patience_s)
        body = completions.body(request, self._model, self._is_vllm, prompt, tries.folds)
        limit = bodies.most(request.sampling.max_tokens)
        self._in_flight += 1
        try:
            while True:
                try:
                    page = await self._in_turn(body, limit, tries.is_new)
                    self._folds = tries.folds
                    return completions.reply(page, request, prompt, self._chats)
                except Refused as fault:
                    if "messages" in body and tries.may_fold(fault):
                        tries.folds = True
                        body = completions.body(request, self._model, self._is_vllm, None, True)
                    # A vLLM server rejects a request that might exceed the context; vLLM in this
                    # process stops when the context is full.
                    elif not tries.fitted and self._is_vllm and await self._fit(body):
                        tries.fitted = True
                    else:
                        raise
                except Transient as fault:
                    retried = tries.failed
                    await asyncio.sleep(tries.rest(fault))
                    self._retried += tries.failed - retried
        finally:
            self._in_flight -= 1

    async def _in_turn(self, body: dict[str, Any], limit: int, is_new: bool) -> Any:
        """Sends a request when the window has a slot, and returns the parsed response."""
        window = self._windows.setdefault(asyncio.get_running_loop(), Window())
        entered = await window.enter(is_new)
        try:
            page = await self._post(body, limit)
            window.succeeded()
            return page
        except Busy as fault:
            if fault.has_too_many:
                self._throttled += 1
                fault.is_crowded = window.refused(entered, fault.after_s)
            raise
        finally:
            window.leave()

    def gauges(self) -> Mapping[str, float]:
        """Retries, and vLLM's `/metrics` since this client started."""
        counters = {"retries": float(self._retried)}
        if self._throttled:
            counters["throttled"] = float(self._throttled)
        if self._is_vllm:
            root, now = self._url.removesuffix("/v1"), {}
            with contextlib.suppress(httpx.HTTPError, Transient):
                page, body = bodies.get(f"{root}/metrics", self._options | {"timeout": 2.0})
                now = metrics.parse(body.text(bodies.SMALL)) if page.status_code == 200 else {}
            counters |= metrics.marked(self._meter.read(now), root)
        return counters

    def close(self) -> None:
        """Connections close with their event loop; there is nothing else to release."""
        self._idle.clear()

    def _probe(self, model_name: str) -> tuple[str, bool]:
        try:
            page, body = bodies.get(f"{self._url}/models", self._options | {"timeout": 10.0})
            page.raise_for_status()
            served = body.json()["data"]
            names = [str(model["id"]) for model in served]
            is_vllm = any(model.get("owned_by") == "vllm" for model in served)
        except (
            *(httpx.HTTPError, httpx.InvalidURL, Transient),
            *(ValueError, KeyError, TypeError, AttributeError),
        ) as error:
            reason, advice = _words(error), "start one, or correct server.url"
            if reason in ("HTTP 401", "HTTP 403"):
                advice = f"it wants a key, which {self._key_env} should hold (server.api_key_env)"
            raise ModelError(
                f"no OpenAI-compatible server answers at {self._url} ({reason}): {advice}"
            ) from None
        self._root = str(served[0].get("root") or names[0]) if names else ""
        accepted = {model_name}
        if models.is_bundled(model_name):
            accepted = {models.BUNDLED, str(models.folder())}
        for name in names:
            if name in accepted:
                return name, is_vllm
        if models.is_bundled(model_name) and len(names) == 1:
            return names[0], is_vllm
        raise ModelError(
            f"{self._url} serves {', '.join(names) or 'nothing'}, wanted {model_name!r}"
        )

    async def _prompt(self, request: Request) -> Prompt | None:
        """The prompt as token ids if it continues the sampled ones; None: send a chat."""
        if not self._is_vllm or request.player != "student":
            return None
        if not self._load_attempted:
            await asyncio.to_thread(self._load_tokenizer)
        if not (request.history and self._chats):
            return None
        options = chat_template.arguments(asdict(request.sampling))
        try:
            if not self._chats.agrees(request.chat, request.history, options):
                return None
            prompt = self._chats.prompt(request.chat, request.history, options)
        except Exception:  # the template may reject the chat; the server then reports it
            return None
        return prompt if prompt.continues else None

    def _load_tokenizer(self) -> None:
        """Loads the tokenizer once, however many requests wait for it."""
        with self._tokenizer_lock:
            if not self._load_attempted:
                self._chats = tokens.local(self._root)
                self._folds = self._folds or (self._chats is not None and self._chats.folds)
                self._load_attempted = True

    async def _fit(self, body: dict[str, Any]) -> bool:
        """Lowers `max_tokens` to the room left in the context; returns whether that lowered it.

        Raises:
            Permanent: there is no room.
        """
        question: dict[str, Any] = {
            key: body[key] for key in ("model", "messages", "prompt") if key in body
        }
        ids = question.get("prompt")
        if ids is not None:
            question["prompt"] = ""  # ids are counted here; the server only reports its limit
        try:
            root = self._url.removesuffix("/v1")
            tokenized = await self._post(question, bodies.SMALL, f"{root}/tokenize")
            count = int(tokenized["count"]) if ids is None else len(ids)
            context = int(tokenized["max_model_len"])
        except (Permanent, KeyError, TypeError, ValueError):
            return False
        if count >= context:
            raise Permanent(f"context: {count} tokens, the model takes {context}")
        room, wanted = context - count, int(body["max_tokens"])
        body["max_tokens"] = min(room, wanted)
        return room < wanted

    async def _post(self, body: dict[str, Any], limit: int, url: str = "") -> Any:
        """POSTs a body and returns the parsed response of at most `limit` bytes."""
        idle = self._idle.setdefault(asyncio.get_running_loop(), [])
        client = idle.pop() if idle else httpx.AsyncClient(**self._options)
        start = time.monotonic()
        try:
            # httpx's own time-out is per read, which a server that trickles data never exceeds.
            async with asyncio.timeout(self._timeout_s):
                endpoint = "completions" if "prompt" in body else "chat/completions"
                target = url or f"{self._url}/{endpoint}"
                page, reply = await bodies.post(client, target, body, limit)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(self._url, _words(error)) from None
        except (httpx.ReadTimeout, TimeoutError) as error:
            if self._last_response < start and self._in_flight > 1:
                raise Fatal(
                    f"{self._url} answered none of {self._in_flight} requests for "
                    f"{self._timeout_s:g} s: it hangs, or server.timeout_s is too short for it"
                ) from None
            raise Transient(f"{_words(error)} at {self._url}") from None
        except httpx.HTTPError as error:
            raise Transient(f"{_words(error)} at {self._url}") from None
        except UnicodeEncodeError as error:
            raise Permanent(f"the chat is no Unicode text: {_words(error)}") from None
        finally:
            idle.append(client)
        self._last_response = time.monotonic()
        if page.status_code in PASSING:
            raise Busy(page.status_code, page.headers, reply.text(200))
        if page.status_code != 200:
            error_class = Refused if page.status_code == 400 else Permanent
            raise error_class(f"HTTP {page.status_code}: {reply.text(300)}")
        return reply.json()


def _words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
