"""Measures rows in tokens, so that nobody trains on truncated rows unknowingly.

With a tokenizer lengths are exact. Without one they are estimated from the characters per token of
the replies in the row. If those have no token ids, 3.5 characters per token are assumed, which is low
for English prose and about right for mathematics.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tutelage.exports.taker import RowDict, Taker

_CHARACTERS = 3.5
"""Assumed characters per token."""
_FRAME = 6
"""Tokens that a chat template adds to a message: role, two marks, line ends."""


@dataclass(slots=True)
class Lengths:
    """Counts the exported rows that exceed the taker's limit."""

    taker: Taker
    tokenizer: Any = None
    beyond: int = 0
    """Rows above the limit."""
    longest: int = 0
    count: int = 0
    exact: bool = field(init=False)
    """Whether every length was counted rather than estimated."""

    def __post_init__(self) -> None:
        self.exact = True

    def add(self, exported: RowDict, unit: Sequence[RowDict]) -> None:
        """Measures an exported row that was made of `unit`."""
        length = self._length(exported, unit)
        self.count += 1
        self.longest = max(self.longest, length)
        self.beyond += bool(self.taker.limit) and length > self.taker.limit

    def _length(self, exported: RowDict, unit: Sequence[RowDict]) -> int:
        if "input_ids" in exported:
            return len(exported["input_ids"])
        if "nodes" in exported:
            return sum(len(node["token_ids"]) for node in exported["nodes"])
        chats = _chats(exported, self.taker.measured)
        if self.tokenizer is not None:
            return max((self._counted(chat) for chat in chats), default=0)
        self.exact = False
        per_token = _characters_per_token(unit)
        return max(
            (sum(int(len(text) / per_token) + _FRAME for _, text in chat) for chat in chats),
            default=0,
        )

    def _counted(self, chat: list[tuple[str, str]]) -> int:
        text = self.tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in chat], tokenize=False
        )
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def suggested_limit(self) -> int:
        """A limit that admits every row: the longest length, rounded up to a multiple of 64. If
        lengths were estimated, an eighth more, and never less than the taker's own limit."""
        longest = self.longest if self.exact else self.longest + self.longest // 8
        return max(64, -(-longest // 64) * 64, 0 if self.exact else self.taker.limit)


def _characters_per_token(unit: Sequence[RowDict]) -> float:
    """Characters per token in the student's replies of these dialogues."""
    characters = tokens = 0
    for row in unit:
        for message, entry in zip(row["messages"], row["trail"], strict=True):
            if entry["token_ids"]:
                characters += len(message["content"]) + len(entry["reasoning"])
                tokens += len(entry["token_ids"])
    return max(1.0, characters / tokens) if tokens else _CHARACTERS


def _chats(exported: RowDict, measured: str) -> list[list[tuple[str, str]]]:
    """The chats that a taker makes of a row, each a list of (role, text)."""
    if measured == "prompt":
        prompt = exported.get("prompt") or exported["responses_create_params"]["input"]
        return [[(m["role"], m["content"]) for m in prompt]]
    if "conversations" in exported:
        roles = {"human": "user", "gpt": "assistant"}
        turns = [(roles[m["from"]], m["value"]) for m in exported["conversations"]]
        return [[("system", exported["system"]), *turns] if exported.get("system") else turns]
    begin: list[dict[str, str]] = exported.get("prompt") or exported.get("messages") or []
    before = [(m["role"], m["content"]) for m in begin]
    ends = [exported[name] for name in ("completion", "chosen", "rejected") if name in exported]
    return [before + [(m["role"], m["content"]) for m in end] for end in ends] or [before]
