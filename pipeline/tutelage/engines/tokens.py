"""Prompts as token ids that only grow: those of the turns before, and those of the template.

    history   <prompt of turn 1> <sampled>
    prompt    <prompt of turn 1> <sampled> <|im_end|> <|im_start|>user ... <|im_start|>assistant

To find what the template adds, the chat is rendered with a marker in place of its last assistant
message; the added text follows the marker. If the text before the marker is not the prompt of that
message, the template rewrites history, and the whole chat is rendered instead. Any tokenizer with
the methods below will do; vLLM in this process and the client of a server share this code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from tutelage import chat_template
from tutelage.records import Chat

_MARKER = "Zq7marker"
NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No template arguments."""
_BEFORE = "a"
"""Put before a text, so that the tokenizer does not treat it as the start of a sequence."""


class Tokenizer(Protocol):
    """The part of a `transformers` tokenizer that is used."""

    all_special_ids: list[int]
    added_tokens_decoder: dict[int, Any]

    def apply_chat_template(self, conversation: list[Any], **options: Any) -> Any:
        """The chat as text."""

    def __call__(self, text: str, add_special_tokens: bool) -> Any:
        """`input_ids` of a text."""

    def decode(self, token_ids: Sequence[int], skip_special_tokens: bool) -> Any:
        """The text of tokens."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of one request."""

    ids: list[int]
    added: list[int]
    """The ids after the request's history if the prompt `continues` it, else all ids."""
    continues: bool
    opens: bool = False
    """Whether it ends inside a reasoning block that the model has to close."""


@dataclass(slots=True)
class ChatTokens:
    """Builds prompts with one tokenizer and its chat template."""

    tokenizer: Tokenizer
    _special: frozenset[int] = field(init=False)
    folds: bool = field(init=False)
    """Whether a system prompt is merged into the first user message."""

    def __post_init__(self) -> None:
        self.folds = chat_template.lacks_system(self.tokenizer)
        # The stop tokens of Gemma and Phi are not in all_special_ids.
        added = self.tokenizer.added_tokens_decoder
        special = [*self.tokenizer.all_special_ids, *(i for i, t in added.items() if t.special)]
        self._special = frozenset(special)

    def prompt(
        self, chat: Chat, history: tuple[int, ...] = (), options: Mapping[str, Any] = NOTHING
    ) -> Prompt:
        """The prompt for the assistant's next message.

        Args:
            chat: the messages that the model sees.
            history: see `Request`.
            options: arguments of the template; see `chat_template.arguments`.

        Raises:
            Exception: whatever the chat template raises for a chat that it rejects.
        """
        text = self._added(chat, options) if history else None
        if text is not None:
            added = self._ids_within(text)
            if history[-1] in self._special and added[:1] == [history[-1]]:
                added = added[1:]  # the stop token was sampled
            return Prompt([*history, *added], added, True, _opens(text))
        text = self._text(chat, options)
        ids = self._ids(text)
        return Prompt(ids, ids, False, _opens(text))

    def agrees(
        self, chat: Chat, history: tuple[int, ...], options: Mapping[str, Any] = NOTHING
    ) -> bool:
        """Whether `history` begins with the tokens of the chat's beginning.

        If not, the server's template is not the one in the folder that it loaded.
        """
        first = next((i for i, (role, _) in enumerate(chat) if role == "assistant"), len(chat))
        ids = self._ids(self._text(chat[:first], options))
        return history[: len(ids)] == tuple(ids)

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        words: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return words

    def is_plain(self, sampled: Sequence[int]) -> bool:
        """Whether sampled tokens contain no special token before the last one."""
        return not self._special.intersection(sampled[:-1])

    def _added(self, chat: Chat, options: Mapping[str, Any]) -> str | None:
        """What the template adds after the last assistant message; None if it rewrites history."""
        last = max((i for i, (role, _) in enumerate(chat) if role == "assistant"), default=-1)
        if last < 0:
            return None
        before = self._text(chat[:last], options)
        marked = self._text((*chat[:last], ("assistant", _MARKER), *chat[last + 1 :]), options)
        head = before + _MARKER
        return marked[len(head) :] if marked.startswith(head) else None

    def _text(self, chat: Chat, options: Mapping[str, Any]) -> str:
        messages = [{"role": role, "content": content} for role, content in chat]
        return chat_template.rendered(self.tokenizer, messages, True, self.folds, options)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _ids_within(self, text: str) -> list[int]:
        """The tokens of a text that is not at the start."""
        before, whole = self._ids(_BEFORE), self._ids(_BEFORE + text)
        return whole[len(before) :] if whole[: len(before)] == before else self._ids(text)


def _opens(prompt: str) -> bool:
    return chat_template.OPENED.search(prompt) is not None


def local(model: str) -> ChatTokens | None:
    """The tokenizer of a model folder or cached hub model; None if it is not on this machine."""
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
        return ChatTokens(tokenizer) if tokenizer.chat_template else None
    except Exception:  # without a tokenizer the server renders the chats
        return None
