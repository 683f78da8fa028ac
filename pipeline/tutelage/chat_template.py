"""Applies a model's chat template, in the same way for sampling and for training.

Two things vary by model. Some templates have no system role (Gemma 1 and 2, Mistral 0.1): the
system prompt is then merged into the first user message. And models that can reason before they
answer have a template argument to switch that on or off, whose name varies.

Tokens are made in `engines.tokens` (for prompts) and `contract.tokens` (for training).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Messages = Sequence[Mapping[str, str]]

OPENED = re.compile(r"<(\w*(?:think|thought|reason)\w*)>\s*\Z", re.IGNORECASE)
"""The opening tag of a reasoning block at the end of a prompt, which the model has to close."""
_SENTINEL = "Zq7sentinel"
_THINKING: dict[str, dict[str, Any]] = {
    "on": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"},
    "off": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"},
}
"""For Qwen 3 and SmolLM3; DeepSeek 3.1 and Granite; gpt-oss. Templates ignore the others' arguments."""


class Template(Protocol):
    """The part of a `transformers` tokenizer that is used."""

    def apply_chat_template(self, conversation: list[Any], **options: Any) -> Any:
        """The chat as text."""


def arguments(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Template arguments for a sampling (a row's columns or a record's fields): whether to reason,
    overridden by `chat_template_kwargs` in `extra_body`.
    """
    extra = json.loads(sampling.get("extra_body") or "{}")
    options: dict[str, Any] = _THINKING.get(sampling.get("thinking") or "auto", {})
    return {**options, **extra.get("chat_template_kwargs", {})}


def rendered(
    tokenizer: Template,
    messages: Messages,
    prompting: bool,
    folds: bool,
    options: Mapping[str, Any],
) -> str:
    """The chat as the model reads it.

    Args:
        tokenizer: has the template.
        messages: with `role` and `content`.
        prompting: whether an assistant message is to follow.
        folds: whether to merge the system prompt into the first user message; see `lacks_system`.
        options: further arguments of the template; see `arguments`.

    Raises:
        Exception: whatever the template raises for a chat that it rejects.
    """
    chat = list(folded(messages) if folds else messages)
    text: str = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=prompting, **options
    )
    return text


def lacks_system(tokenizer: Template) -> bool:
    """Whether the template rejects a system prompt or leaves it out."""
    chat = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "a"}]
    try:
        return _SENTINEL not in rendered(tokenizer, chat, True, False, {})
    except Exception:  # templates reject a chat by raising any exception
        return True


def folded(messages: Messages) -> list[Mapping[str, str]]:
    """The messages with the system prompt merged into the first user message.

    >>> folded([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}])
    [{'role': 'user', 'content': 'Be brief.\\n\\n2 + 2?'}]
    """
    if len(messages) < 2 or messages[0]["role"] != "system":
        return list(messages)
    system, first, *rest = messages
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
