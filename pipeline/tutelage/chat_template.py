"""How a chat is put to a model's chat template: the same where it is sampled and where it is trained.

Two things vary by model. Some templates have no place for a system prompt (Gemma 1 and 2, Mistral
0.1): it then becomes the beginning of the first user message. And models that can reason before they
answer are told by an argument of the template whether to, whose name varies.

Not here: tokens (`engines.tokens` for prompts, `contract.tokens` for what is trained).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Messages = Sequence[Mapping[str, str]]

OPENED = re.compile(r"<(\w*(?:think|thought|reason)\w*)>\s*\Z", re.IGNORECASE)
"""A block of reasoning that a prompt opens and leaves to the model to close."""
_SENTINEL = "Zq7sentinel"
_THINKING: dict[str, dict[str, Any]] = {
    "on": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"},
    "off": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"},
}
"""Qwen 3 and SmolLM3; DeepSeek 3.1 and Granite; gpt-oss. A template takes no notice of the others."""


class Template(Protocol):
    """What is used of a `transformers` tokenizer."""

    def apply_chat_template(self, conversation: list[Any], **options: Any) -> Any:
        """The chat as text."""


def arguments(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the template by a sampling, a row's columns or a record's fields: whether to reason,
    and what `extra_body` names under `chat_template_kwargs`, which goes before that.
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
        prompting: whether an assistant's message is to follow.
        folds: whether the template has no place for a system prompt; see `lacks_system`.
        options: further arguments of the template; see `arguments`.

    Raises:
        Exception: whatever the template raises on a chat that it does not take.
    """
    chat = list(folded(messages) if folds else messages)
    text: str = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=prompting, **options
    )
    return text


def lacks_system(tokenizer: Template) -> bool:
    """Whether the template has no place for a system prompt: it refuses one, or leaves it out."""
    chat = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "a"}]
    try:
        return _SENTINEL not in rendered(tokenizer, chat, True, False, {})
    except Exception:  # a template says so by raising whatever it likes
        return True


def folded(messages: Messages) -> list[Mapping[str, str]]:
    """The messages with the system prompt at the beginning of the first user message.

    >>> folded([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}])
    [{'role': 'user', 'content': 'Be brief.\\n\\n2 + 2?'}]
    """
    if len(messages) < 2 or messages[0]["role"] != "system":
        return list(messages)
    system, first, *rest = messages
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
