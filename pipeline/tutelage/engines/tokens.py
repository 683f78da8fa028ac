"""A chat as token ids that only grow: the tokens of the turn before, and what the template adds.

    history   <prompt of turn 1> <sampled>
    prompt    <prompt of turn 1> <sampled> <|im_end|> <|im_start|>user ... <|im_start|>assistant

What a template adds is found by rendering the chat with a marker in the place of its last assistant
message: what stands behind the marker. If what stands before it is not the prompt of that message, the
template rewrites history, and the whole chat is rendered. Knows tokenizers by what they can do, and no
engine: vLLM in this process and the client of a server use it alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from tutelage import chat_template
from tutelage.records import Chat

_MARKER = "Zq7marker"
NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No arguments of the template."""
_BEFORE = "a"
"""Text in front of what is tokenised, so that a tokenizer does not take it for the begin of a text."""


class Tokenizer(Protocol):
    """What is used of a `transformers` tokenizer."""

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
    """What it adds to the request's history where it `continues` that, else all of it."""
    continues: bool
    opens: bool = False
    """Whether it ends in a block of reasoning that the model is to close."""


@dataclass(slots=True)
class ChatTokens:
    """Prompts of chats, with one tokenizer and its template."""

    tokenizer: Tokenizer
    _special: frozenset[int] = field(init=False)
    folds: bool = field(init=False)
    """Whether a system prompt becomes the beginning of the first user message."""

    def __post_init__(self) -> None:
        self.folds = chat_template.lacks_system(self.tokenizer)
        added = self.tokenizer.added_tokens_decoder  # Gemma's and Phi's stop has no named slot
        special = [*self.tokenizer.all_special_ids, *(i for i, t in added.items() if t.special)]
        self._special = frozenset(special)

    def prompt(
        self, chat: Chat, history: tuple[int, ...] = (), options: Mapping[str, Any] = NOTHING
    ) -> Prompt:
        """The prompt for the assistant's next message.

        Args:
            chat: what the model is shown.
            history: as a `Request` has it.
            options: arguments of the template; see `chat_template.arguments`.

        Raises:
            Exception: whatever the chat template raises on a chat that it does not take.
        """
        text = self._added(chat, options) if history else None
        if text is not None:
            added = self._ids_within(text)
            if history[-1] in self._special and added[:1] == [history[-1]]:
                added = added[1:]  # the stop token that was sampled
            return Prompt([*history, *added], added, True, _opens(text))
        text = self._text(chat, options)
        ids = self._ids(text)
        return Prompt(ids, ids, False, _opens(text))

    def agrees(
        self, chat: Chat, history: tuple[int, ...], options: Mapping[str, Any] = NOTHING
    ) -> bool:
        """Whether `history` begins as this tokenizer and template begin the chat.

        A server may have another template than the folder that it was started from.
        """
        first = next((i for i, (role, _) in enumerate(chat) if role == "assistant"), len(chat))
        ids = self._ids(self._text(chat[:first], options))
        return history[: len(ids)] == tuple(ids)

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""
        words: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return words

    def is_plain(self, sampled: Sequence[int]) -> bool:
        """Whether sampled tokens hold no special one before their end."""
        return not self._special.intersection(sampled[:-1])

    def _added(self, chat: Chat, options: Mapping[str, Any]) -> str | None:
        """What the template adds behind the last assistant message; None where it rewrites what
        stands before.
        """
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
        """The tokens of a text that does not stand at the begin."""
        before, whole = self._ids(_BEFORE), self._ids(_BEFORE + text)
        return whole[len(before) :] if whole[: len(before)] == before else self._ids(text)


def _opens(prompt: str) -> bool:
    return chat_template.OPENED.search(prompt) is not None


def local(model: str) -> ChatTokens | None:
    """The tokenizer of a model on this machine, a folder or one of the hub's cache; None without."""
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
        return ChatTokens(tokenizer) if tokenizer.chat_template else None
    except Exception:  # whatever it is, the server renders the chats then
        return None
