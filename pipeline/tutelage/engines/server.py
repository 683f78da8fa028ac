"""Client of an OpenAI-compatible server, ours or anybody's: one request a request, no batches.

Retries only what may pass (`tries`); the time-out of a reply is long, because a client that gives up on
a long generation and sends it again doubles the load that made it slow. A server that has too many
requests is sent fewer (`window`), and no reply is read beyond what it can need (`bodies`). Against vLLM
it also asks for the token ids of prompt and reply, and sends a student's later turns as ids where the
model's tokenizer is on this machine (`completions`). It starts nothing: `engines.launch` does.
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
"""Asked directly: a proxy that the environment names cannot reach this machine's own servers."""


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
            "verify": bodies.certificates(),
        }
        self._idle: dict[asyncio.AbstractEventLoop, list[httpx.AsyncClient]] = {}
        """One client for each request in flight, because one with many connections looks through all
        of them at each request: with 500 in flight that took more time than everything else."""
        self._windows: dict[asyncio.AbstractEventLoop, Window] = {}
        self._retried = 0
        self._throttled = 0
        self._folds = False
        """Whether its template has no place for a system prompt."""
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
    def is_vllm(self) -> bool:
        """Whether it gives token ids, and keeps to a budget of reasoning."""
        return self._is_vllm

    @property
    def capacity(self) -> int:
        """How many requests are kept in flight; the server queues what it cannot run."""
        return self._capacity

    async def reply(self, request: Request) -> Reply:
        """One reply; see `Engine`."""
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
                    # vLLM refuses what might not fit, where vLLM in this process stops when full.
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
        """The page for a request, sent when the server is thought to take it."""
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
        """Retries, and what vLLM's `/metrics` has counted since this client began."""
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
        """Connections close with their event loop; nothing else is held."""
        self._idle.clear()

    def _probe(self, wanted: str) -> tuple[str, bool]:
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
        options = chat_template.arguments(asdict(request.sampling))
        try:
            if not self._chats.agrees(request.chat, request.history, options):
                return None
            prompt = self._chats.prompt(request.chat, request.history, options)
        except Exception:  # a template may refuse a chat; the server says so itself
            return None
        return prompt if prompt.continues else None

    def _look(self) -> None:
        """Loads the tokenizer, once however many requests wait for it."""
        with self._looking:
            if not self._has_looked:
                self._chats = tokens.local(self._root)
                self._folds = self._folds or (self._chats is not None and self._chats.folds)
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
            root = self._url.removesuffix("/v1")
            tokenized = await self._post(asked, bodies.SMALL, f"{root}/tokenize")
            count = int(tokenized["count"]) if ids is None else len(ids)
            takes = int(tokenized["max_model_len"])
        except (Permanent, KeyError, TypeError, ValueError):
            return False
        if count >= takes:
            raise Permanent(f"context: {count} tokens, the model takes {takes}")
        room, wanted = takes - count, int(body["max_tokens"])
        body["max_tokens"] = min(room, wanted)
        return room < wanted

    async def _post(self, body: dict[str, Any], limit: int, url: str = "") -> Any:
        """What the server says to a request, of at most `limit` bytes."""
        idle = self._idle.setdefault(asyncio.get_running_loop(), [])
        client = idle.pop() if idle else httpx.AsyncClient(**self._options)
        begun = time.monotonic()
        try:
            # httpx's own time-out is for one read: a server that trickles would never meet it.
            async with asyncio.timeout(self._timeout_s):
                way = "completions" if "prompt" in body else "chat/completions"
                to = url or f"{self._url}/{way}"
                page, reply = await bodies.post(client, to, body, limit)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(self._url, _words(error)) from None
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
        finally:
            idle.append(client)
        self._heard = time.monotonic()
        if page.status_code in PASSING:
            raise Busy(page.status_code, page.headers, reply.text(200))
        if page.status_code != 200:
            kind = Refused if page.status_code == 400 else Permanent
            raise kind(f"HTTP {page.status_code}: {reply.text(300)}")
        return reply.json()


def _words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
