"""Request bodies for OpenAI-compatible servers, and replies parsed from their responses. No network
here.

A student's later turn goes to vLLM as token ids (`/completions`) that continue the sampled ones.
All other requests are chats (`/chat/completions`), which the server renders.
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
        request: the wanted message.
        model: the model's name on the server.
        is_vllm: whether the server returns token ids.
        prompt: the prompt's token ids; None sends a chat.
        folds: whether the system prompt is merged into the first user message.
    """
    sampling = request.sampling
    payload: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed,
    }
    if prompt is not None:
        payload |= {"prompt": prompt.ids, "add_special_tokens": False}
    else:
        chat = [{"role": role, "content": text} for role, text in request.chat]
        payload["messages"] = chat_template.folded(chat) if folds else chat
        if options := chat_template.arguments(asdict(sampling)):
            payload["chat_template_kwargs"] = options
    if sampling.stop:
        payload["stop"] = list(sampling.stop)
    extensions = {
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "presence_penalty": sampling.presence_penalty,
        "thinking_token_budget": sampling.reasoning_budget,
    }
    payload |= {name: value for name, value in extensions.items() if value}
    if request.player in TRAINS:
        payload["logprobs"] = 0 if prompt is not None else True
        if is_vllm:
            payload["return_token_ids"] = True
    extra: dict[str, Any] = json.loads(sampling.extra_body or "{}")
    extra.pop("chat_template_kwargs", None)
    return payload | extra


def reply(page: Any, request: Request, prompt: Prompt | None, chats: ChatTokens | None) -> Reply:
    """Parses a completion.

    Raises:
        Transient: the response is not a completion.
    """
    try:
        return _reply(page, request, prompt, chats)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        description = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Transient(f"not a completion: {description}") from None


def _reply(page: Any, request: Request, prompt: Prompt | None, chats: ChatTokens | None) -> Reply:
    choice = page["choices"][0]
    usage = page.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    trains = request.player in TRAINS
    reasoning = ""
    if prompt is None:
        message = choice["message"]
        text = _text(message.get("content") or "")
        reasoning = _text(message.get("reasoning_content") or message.get("reasoning") or "")
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
    is_open = prompt.opens if prompt else thinking.was_cut(text, request.sampling, finish_reason)
    return Reply(
        text=thinking.tagged(text, reasoning, is_open),
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
    """Prompt tokens that extend the request's history, or all of them; and whether the prompt
    continues it.
    """
    if prompt is not None:
        return tuple(prompt.added), prompt.continues
    ids, history = tuple(map(_count, page.get("prompt_token_ids") or ())), request.history
    continues = bool(history) and ids[: len(history)] == history
    return ids[len(history) :] if continues else ids, continues


def _written(tokens: Sequence[Mapping[str, Any]]) -> str:
    """The text of sampled tokens, from the bytes that the server reports."""
    byte_lists = (at.get("bytes") for at in tokens)
    whole = b"".join(
        bytes(code) if code is not None else at["token"].encode()
        for at, code in zip(tokens, byte_lists, strict=True)
    )
    return whole.decode("utf-8", "ignore")


def _text(value: Any) -> str:
    """Text that can be stored and sent again: lone surrogates are replaced."""
    if not isinstance(value, str):
        raise TypeError(f"wanted text, got {type(value).__name__}")
    return value.encode("utf-8", "replace").decode()


def _count(value: Any) -> int:
    """A token id or token count, checked to fit the shard's integer type."""
    if int(value) != value or not 0 <= value < 2**31:
        raise ValueError(f"{value!r} is no token id and no number of tokens")
    return int(value)
