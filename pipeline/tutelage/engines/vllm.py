"""vLLM inside this process: one thread owns and steps the engine; replies return as futures.

vLLM batches continuously: each request joins the running batch at the next step, so nothing is
batched here. Used when one process does all the work. Several processes share a server instead
(`engines.launch`), because each in-process engine would load the model again. The OpenAI protocol
is in `engines.server`.
"""

import asyncio
import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass
from typing import Any

from tutelage import chat_template, models
from tutelage.engines import metrics, stops, thinking, weights
from tutelage.engines.tokens import Prompt
from tutelage.engines.vllm_options import advised, arguments
from tutelage.engines.vllm_start import Started, hushed, start
from tutelage.errors import EngineError, Fatal, ModelError, Permanent
from tutelage.records import Reply, Request, Usage
from tutelage.settings import Player, Settings, Vllm

_HEADROOM = 1
"""Tokens that the context must have left for the reply."""


@dataclass(slots=True)
class _Pending:
    """A request without its reply."""

    request: Request
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Reply]"
    prompt: Prompt | None = None


class InProcess:
    """The `vllm` engine of one process."""

    started: Started

    def __init__(
        self,
        player: Player,
        settings: Settings,
        start: Callable[[dict[str, Any], Vllm, Set[str]], Started] = start,
    ) -> None:
        """Starts the engine, by `start` in a thread of its own, and returns when it is ready to serve.

        Raises:
            ModelError: the model is not available, or vLLM is not installed or cannot load it.
        """
        self._start = start
        self._inbox: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._pending: dict[str, _Pending] = {}
        self._sent = 0
        self._busy = 0.0
        self._last_progress = time.monotonic()
        """When the engine's thread was last outside a step, on the monotonic clock."""
        self._stall_s = settings.vllm.stall_s
        self._dead = ""
        model = weights.on_this_machine(player.model)
        chosen = arguments(model, settings, models.is_bundled(player.model))
        self._capacity = int(chosen["max_num_seqs"])
        players = (settings.student, settings.teacher, settings.judge)
        on_vllm = [_further(each.extra_body) for each in players if each.engine == "vllm"]
        self._extra = {name for extra in on_vllm for name in extra}
        started: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, args=(chosen, settings.vllm, started), name="vllm", daemon=True
        )
        self._thread.start()
        if (fault := started.get()) is not None:
            raise ModelError(
                f"vLLM cannot serve {player.model!r}: {advised(_cause(fault))}"
            ) from fault
        threading.Thread(target=self._watch, name="vllm watchdog", daemon=True).start()

    @property
    def capacity(self) -> int:
        """vLLM's `max_num_seqs`."""
        return self._capacity

    async def reply(self, request: Request) -> Reply:
        """Returns one reply; see `Engine`."""
        if self._dead:
            raise Fatal(self._dead)
        loop = asyncio.get_running_loop()
        pending = _Pending(request, loop, loop.create_future())
        self._inbox.put(pending)
        if self._dead:  # the engine died meanwhile, so the inbox is not read any more
            raise Fatal(self._dead)
        return await pending.future

    def gauges(self) -> Mapping[str, float]:
        """Seconds spent computing, requests in flight, and vLLM's own metrics."""
        counters = {"busy_s": self._busy, "in_flight": float(len(self._pending))}
        if not self._dead and self._thread.is_alive():
            counters |= metrics.snapshot()
        return counters

    def close(self) -> None:
        """Stops the thread, and the engine with it."""
        self._inbox.put(None)
        self._thread.join(timeout=1 if self._dead else 30)

    def _run(self, chosen: dict[str, Any], vllm: Vllm, started: queue.SimpleQueue[Any]) -> None:
        try:
            with hushed():
                self.started = self._start(chosen, vllm, self._extra)
        except BaseException as fault:
            started.put(fault)
            return
        started.put(None)
        try:
            while self._admit() and not self._dead:
                self._last_progress = time.monotonic()
                start = time.perf_counter()
                for output in self.started.engine.step():
                    if output.finished:
                        self._answer(output)
                self._busy += time.perf_counter() - start
        except BaseException as fault:
            self._dead = f"vLLM stopped: {_cause(fault)}"
        finally:
            self._dead = self._dead or "vLLM was closed"
            self._drain()
            self._release()

    def _release(self) -> None:
        """Frees the memory. vLLM hides its objects from Python's collector, so they would outlive this
        one, and on a GPU nothing else of this process would find room: no trainer, no further engine.
        """
        with contextlib.suppress(Exception):  # of an engine that died
            self.started.release()
        del self.started

    def _watch(self) -> None:
        """Fails all requests if the engine stays in one step for too long."""
        while not self._dead:
            time.sleep(min(1.0, self._stall_s / 4))
            if self._pending and time.monotonic() - self._last_progress > self._stall_s:
                self._dead = (
                    f"vLLM has computed nothing for {self._stall_s:g} s with {len(self._pending)} "
                    "requests in hand (vllm.stall_s)"
                )
                self._drain()

    def _admit(self) -> bool:
        """Passes requests from the inbox to vLLM; blocks while the engine is idle. False: time to
        stop.
        """
        while True:
            try:
                pending = self._inbox.get(block=not self._pending)
            except queue.Empty:
                return True
            if pending is None:
                return False
            try:
                self._send(pending)
            except EngineError as fault:
                _settle(pending, fault)
            except (
                Exception
            ) as fault:  # including errors of a chat template: other requests are not affected
                _settle(pending, Permanent(f"refused by vLLM: {_cause(fault)}"))

    def params(self, request: Request, room: int) -> Any:
        """vLLM's sampling parameters for a request; `room` is the number of tokens left in the
        context.
        """
        sampling = request.sampling
        return self.started.params(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=min(sampling.max_tokens, room),
            stop=list(sampling.stop) or None,
            seed=request.seed,
            logprobs=0 if request.player in ("student", "question") else None,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            presence_penalty=sampling.presence_penalty,
            thinking_token_budget=sampling.reasoning_budget or None,
            **_further(json.loads(sampling.extra_body or "{}")),
        )

    def _send(self, pending: _Pending) -> None:
        request = pending.request
        options = chat_template.arguments(asdict(request.sampling))
        prompt = pending.prompt = self.started.chats.prompt(request.chat, request.history, options)
        room = self.started.length - len(prompt.ids)
        if room < _HEADROOM:
            raise Permanent(
                f"context: {len(prompt.ids)} tokens, the model takes {self.started.length}"
            )
        params = self.params(request, room)
        self._sent += 1
        name = str(self._sent)
        self._last_progress = time.monotonic()
        self._pending[name] = pending
        try:
            self.started.engine.add_request(name, {"prompt_token_ids": prompt.ids}, params)
        except BaseException:
            del self._pending[name]
            raise

    def _answer(self, output: Any) -> None:
        pending = self._pending.pop(output.request_id)
        completion = output.outputs[0]
        is_trained = pending.request.player in ("student", "question")
        text, count = completion.text, len(completion.token_ids)
        if isinstance(completion.stop_reason, str):
            count = stops.kept(
                count, text, lambda n: self.started.chats.text(completion.token_ids[:n])
            )
            text = self.started.chats.text(completion.token_ids[:count])
        ids = tuple(completion.token_ids[:count])
        prompt = pending.prompt
        reply = Reply(
            text=thinking.tagged(text, opened=prompt is not None and prompt.opens),
            token_ids=ids if is_trained else (),
            logprobs=_logprobs(completion)[:count] if is_trained else (),
            finish_reason=completion.finish_reason or "",
            usage=Usage(
                prompt=len(output.prompt_token_ids or ()),
                cached=output.num_cached_tokens or 0,
                completion=len(completion.token_ids),
            ),
            prompt_ids=tuple(prompt.added) if is_trained and prompt else (),
            continues=prompt.continues if prompt else False,
            is_plain=self.started.chats.is_plain(ids),
        )
        _settle(pending, reply)

    def _drain(self) -> None:
        """Fails all requests that have no reply, also if the engine died."""
        while not self._inbox.empty():
            pending = self._inbox.get()
            if pending is not None:
                _settle(pending, Fatal(self._dead))
        for pending in list(self._pending.values()):
            _settle(pending, Fatal(self._dead))
        self._pending.clear()


def _settle(pending: _Pending, result: Reply | EngineError) -> None:
    def settle() -> None:
        if pending.future.done():
            return
        if isinstance(result, Reply):
            pending.future.set_result(result)
        else:
            pending.future.set_exception(result)

    with contextlib.suppress(RuntimeError):  # the event loop is closed, so nobody awaits the future
        pending.loop.call_soon_threadsafe(settle)


def _logprobs(completion: Any) -> tuple[float, ...]:
    """Log-probability of each sampled token; vLLM returns one dict per position, keyed by token id."""
    if completion.logprobs is None:
        return ()
    return tuple(
        float(at[token].logprob)
        for at, token in zip(completion.logprobs, completion.token_ids, strict=True)
    )


def _further(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The sampling parameters in `extra_body`; the remainder is for the chat template."""
    return {name: value for name, value in extra.items() if name != "chat_template_kwargs"}


def _cause(fault: BaseException) -> str:
    """The error message in one line, short enough for a terminal."""
    return " ".join(str(fault).split())[:300] or type(fault).__name__
