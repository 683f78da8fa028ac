"""What is sent to an OpenAI-compatible server, and what its pages say: bodies and replies, no network.

A student's later turn goes to vLLM as token ids (`/completions`) that go on from what was sampled; all
else is a chat (`/chat/completions`), which the server renders.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tutelage import chat_template
from tutelage.engines import stops, thinking
from tutelage.engines.tokens import ChatTokens, Prompt
from tutelage.errors import Transient
from tutelage.records import Reply, Request, Usage

TRAINS = ("student", "question")
"""Players whose tokens are trained on."""


def body(
    request: Request, model: str, is_vllm: bool, prompt: Prompt | None, folds: bool = False
) -> dict[str, Any]:
    """The request as JSON.

    Args:
        request: what is wanted.
        model: its name at the server.
        is_vllm: whether the server gives token ids.
        prompt: where the request goes as token ids.
        folds: whether the system prompt goes into the first user message.
    """
    sampling = request.sampling
    sent: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed,
    }
    if prompt is not None:
        sent |= {"prompt": prompt.ids, "add_special_tokens": False}
    else:
        chat = [{"role": role, "content": text} for role, text in request.chat]
        sent["messages"] = chat_template.folded(chat) if folds else chat
        if options := chat_template.arguments(asdict(sampling)):
            sent["chat_template_kwargs"] = options
    if sampling.stop:
        sent["stop"] = list(sampling.stop)
    further = {
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "presence_penalty": sampling.presence_penalty,
        "thinking_token_budget": sampling.reasoning_budget,
    }
    sent |= {name: value for name, value in further.items() if value}
    if request.player in TRAINS:
        sent["logprobs"] = 0 if prompt is not None else True
        if is_vllm:
            sent["return_token_ids"] = True
    extra: dict[str, Any] = json.loads(sampling.extra_body or "{}")
    extra.pop("chat_template_kwargs", None)
    return sent | extra


def reply(page: Any, request: Request, prompt: Prompt | None, chats: ChatTokens | None) -> Reply:
    """A completion as a `Reply`.

    Raises:
        Transient: it is none.
    """
    try:
        return _reply(page, request, prompt, chats)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Transient(f"not a completion: {words}") from None


def _reply(page: Any, request: Request, prompt: Prompt | None, chats: ChatTokens | None) -> Reply:
    choice = page["choices"][0]
    usage = page.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    trains = request.player in TRAINS
    apart = ""
    if prompt is None:
        message = choice["message"]
        text = _text(message.get("content") or "")
        apart = _text(message.get("reasoning_content") or message.get("reasoning") or "")
        sampled = (choice.get("logprobs") or {}).get("content") or []
        logprobs = [float(at["logprob"]) for at in sampled]
        decode: Callable[[int], str] = lambda n: _written(sampled[:n])  # noqa: E731
    else:
        text = _text(choice["text"])
        logprobs = [float(at) for at in (choice.get("logprobs") or {}).get("token_logprobs") or []]
        decode = lambda n: chats.text(token_ids[:n]) if chats else ""  # noqa: E731
    token_ids = tuple(map(_count, choice.get("token_ids") or ())) if trains else ()
    if token_ids and isinstance(choice.get("stop_reason"), str):
        count = stops.kept(len(token_ids), text, decode)
        text = decode(count)
        token_ids, logprobs = token_ids[:count], logprobs[:count]
    added, continues = _added(page, request, prompt) if trains else ((), False)
    finish_reason = _text(choice.get("finish_reason") or "")
    opened = prompt.opens if prompt else thinking.was_cut(text, request.sampling, finish_reason)
    return Reply(
        text=thinking.tagged(text, apart, opened),
        token_ids=token_ids,
        logprobs=tuple(logprobs) if trains else (),
        finish_reason=finish_reason,
        usage=Usage(
            _count(usage.get("prompt_tokens") or 0),
            _count(details.get("cached_tokens") or 0),
            _count(usage.get("completion_tokens") or 0),
        ),
        prompt_ids=added,
        continues=continues,
        is_plain=chats is not None and chats.is_plain(token_ids),
    )


def _added(page: Any, request: Request, prompt: Prompt | None) -> tuple[tuple[int, ...], bool]:
    """What the prompt adds to the request's history, or all of it; whether it continues that."""
    if prompt is not None:
        return tuple(prompt.added), prompt.continues
    ids, history = tuple(map(_count, page.get("prompt_token_ids") or ())), request.history
    continues = bool(history) and ids[: len(history)] == history
    return ids[len(history) :] if continues else ids, continues


def _written(tokens: Sequence[Mapping[str, Any]]) -> str:
    """The text of sampled tokens, as the server tells their bytes."""
    codes = (at.get("bytes") for at in tokens)
    whole = b"".join(
        bytes(code) if code is not None else at["token"].encode()
        for at, code in zip(tokens, codes, strict=True)
    )
    return whole.decode("utf-8", "ignore")


def _text(value: Any) -> str:
    """Text that can be written down and sent again: half of a surrogate pair is neither."""
    if not isinstance(value, str):
        raise TypeError(f"wanted text, got {type(value).__name__}")
    return value.encode("utf-8", "replace").decode()


def _count(value: Any) -> int:
    """A token id or a number of tokens, as a shard can hold it."""
    if int(value) != value or not 0 <= value < 2**31:
        raise ValueError(f"{value!r} is no token id and no number of tokens")
    return int(value)
