"""A chat as token ids that only grow: the tokens of the turn before, and what the template adds.

    history   <prompt of turn 1> <sampled>
    prompt    <prompt of turn 1> <sampled> <|im_end|> <|im_start|>user ... <|im_start|>assistant

What a template adds is found by rendering the chat with a marker in the place of its last assistant
message: what stands behind the marker. If what stands before it is not the prompt of that message, the
template rewrites history, and the whole chat is rendered. Knows tokenizers by what they can do, and no
engine: vLLM in this process and the client of a server use it alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tutelage.records import Chat

_MARKER = "Zq7marker"
_BEFORE = "a"
"""Text in front of what is tokenised, so that a tokenizer does not take it for the begin of a text."""


class Tokenizer(Protocol):
    """What is used of a `transformers` tokenizer."""

    all_special_ids: list[int]
    added_tokens_decoder: dict[int, Any]

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any:
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


@dataclass(slots=True)
class ChatTokens:
    """Prompts of chats, with one tokenizer and its template."""

    tokenizer: Tokenizer
    _special: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        added = self.tokenizer.added_tokens_decoder  # Gemma's and Phi's stop has no named slot
        special = [*self.tokenizer.all_special_ids, *(i for i, t in added.items() if t.special)]
        self._special = frozenset(special)

    def prompt(self, chat: Chat, history: tuple[int, ...] = ()) -> Prompt:
        """The prompt for the assistant's next message; `history` as a `Request` has it.

        Raises:
            Exception: whatever the chat template raises on a chat that it does not take.
        """
        added = self._added(chat, history[-1]) if history else None
        if added is not None:
            return Prompt([*history, *added], added, True)
        ids = self._ids(self._text(chat))
        return Prompt(ids, ids, False)

    def agrees(self, chat: Chat, history: tuple[int, ...]) -> bool:
        """Whether `history` begins as this tokenizer and template begin the chat.

        A server may have another template than the folder that it was started from.
        """
        first = next((i for i, (role, _) in enumerate(chat) if role == "assistant"), len(chat))
        ids = self._ids(self._text(chat[:first]))
        return history[: len(ids)] == tuple(ids)

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""
        words: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return words

    def is_plain(self, sampled: Sequence[int]) -> bool:
        """Whether sampled tokens hold no special one before their end."""
        return not self._special.intersection(sampled[:-1])

    def _added(self, chat: Chat, newest: int) -> list[int] | None:
        """What the template adds behind the last assistant message, the stop token that was sampled
        (`newest`) left out; None where it rewrites what stands before.
        """
        last = max((i for i, (role, _) in enumerate(chat) if role == "assistant"), default=-1)
        if last < 0:
            return None
        before = self._text(chat[:last])
        marked = self._text((*chat[:last], ("assistant", _MARKER), *chat[last + 1 :]))
        if not marked.startswith(before + _MARKER):
            return None
        added = self._ids_within(marked[len(before) + len(_MARKER) :])
        return added[1:] if newest in self._special and added[:1] == [newest] else added

    def _text(self, chat: Chat) -> str:
        messages = [{"role": role, "content": content} for role, content in chat]
        text: str = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return text

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _ids_within(self, text: str) -> list[int]:
        """The tokens of a text that does not stand at the begin."""
        before, whole = self._ids(_BEFORE), self._ids(_BEFORE + text)
        return whole[len(before) :] if whole[: len(before)] == before else self._ids(text)


def local(model: str) -> ChatTokens | None:
    """The tokenizer of a model on this machine, a folder or one of the hub's cache; None without."""
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
        return ChatTokens(tokenizer) if tokenizer.chat_template else None
    except Exception:  # whatever it is, the server renders the chats then
        return None
