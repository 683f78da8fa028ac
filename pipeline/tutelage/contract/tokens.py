"""A dialogue as token ids, with the tokens that are trained on.

Token in, token out: if the row has the tokens of the student's prompts, and this tokenizer and
template produce the first of them identically, the sequence consists of exactly the tokens that the
sampler saw and drew, turn by turn. Without recorded prompts, the chat template renders the
dialogue; a student's message still keeps its sampled tokens if this tokenizer decodes them to the
same text. Trained tokens are those of a message and the stop token after it. A message that hit its
length limit never stopped, so no stop token is trained there.

A dialogue is one piece as long as the prompt of turn n + 1 begins with the prompt and reply of turn
n. Otherwise (templates that drop earlier reasoning) each student message becomes a piece of its
own, after exactly the prompt that the sampler saw: several pieces, still one sample.

The trainer and the exports to other trainers use this module. Which rows are read, and how pieces
are batched, is decided in `train`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutelage import chat_template
from tutelage.contract.loss import redrawn
from tutelage.errors import ModelError
from tutelage.specials import neutralise

RowDict = Mapping[str, Any]

_SENTINEL = "Zq7sentinel"


@dataclass(frozen=True, slots=True)
class Piece:
    """A token sequence for one forward pass. All arrays have its length L."""

    ids: NDArray[np.int32]
    train: NDArray[np.bool_]
    """Whether the token is trained on, that is, predicted from the tokens before it."""
    turn: NDArray[np.int16]
    """The student's turn of a trained token; 0 elsewhere."""
    logprobs: NDArray[np.float32]
    """Log-probability of the token when it was sampled; NaN if unknown."""
    correction: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """Additional weight of the token (`train.loss.truncated`); 1 by default."""

    def __post_init__(self) -> None:
        if not len(self.correction):
            object.__setattr__(self, "correction", np.ones(len(self.ids), np.float32))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Sample:
    """One trajectory, which counts once in a loss."""

    key: str
    """Its dialogue id."""
    pieces: tuple[Piece, ...]
    weight: float = 1.0
    """1 in SFT, the advantage in RL."""
    return_: float = 0.0
    """The return of the dialogue."""

    @property
    def trained(self) -> int:
        """Number of trained tokens."""
        return sum(int(piece.train.sum()) for piece in self.pieces)

    @property
    def longest(self) -> int:
        """Length of its longest piece."""
        return max(map(len, self.pieces), default=0)


@dataclass(slots=True)
class Encoder:
    """Makes samples of rows, with one tokenizer and its chat template."""

    tokenizer: Any
    notes: Counter[str] = field(default_factory=Counter)
    """How messages were encoded: `sampled tokens`, `re-tokenised`, `other tokenizer`, `split`."""
    stop: int = field(init=False)
    """The token with which this template ends an assistant's message."""
    _folds: bool = field(init=False, default=False)
    """Whether a system prompt is merged into the first user message."""
    _options: dict[str, Any] = field(init=False, default_factory=dict)
    """Template arguments with which the current row was sampled, such as whether to reason."""
    _closing: str = field(init=False)
    _special: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        if not self.tokenizer.chat_template:
            raise ModelError("the tokenizer has no chat template: give one with --chat-template")
        question = {"role": "user", "content": "a"}
        self._folds = chat_template.lacks_system(self.tokenizer)
        text = self._render([question, {"role": "assistant", "content": _SENTINEL}], False)
        tail = self._ids(text.partition(_SENTINEL)[2])
        # the stop tokens of Gemma and Phi are not in all_special_ids
        added = self.tokenizer.added_tokens_decoder
        self._special = frozenset(
            [*self.tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)]
        )
        if tail and tail[0] in self._special:
            self.stop = tail[0]
        elif self.tokenizer.eos_token_id is not None:
            self.stop = self.tokenizer.eos_token_id
        else:
            raise ModelError("the chat template ends an assistant's message with no special token")
        self._closing = self.tokenizer.decode([self.stop])

    def sample(self, row: RowDict, policy: str = "", weight: float = 1.0) -> Sample:
        """A row of the contract as one sample; a loss `policy` overrides the row's `train` flags."""
        messages, trail = row["messages"], row["trail"]
        self._options = chat_template.arguments(row.get("sampling", {}).get("student", {}))
        trained = redrawn(row, policy) if policy else [entry["train"] for entry in trail]
        turns = [k for k, message in enumerate(messages) if message["role"] == "assistant"]
        drafts = self._recorded if self._is_recorded(row, turns) else self._rendered
        pieces = drafts(row, turns, trained)
        kept = tuple(draft.piece() for draft in pieces if any(draft.train))
        return_ = row.get("outcome", {}).get("return", 0.0)
        return Sample(row["dialogue_id"], kept, weight, return_)

    def _is_recorded(self, row: RowDict, turns: list[int]) -> bool:
        """Whether the row has every prompt, and this template renders the first one identically."""
        entries = [row["trail"][k] for k in turns]
        if not all(entry.get("prompt_ids") for entry in entries):
            return False
        if not all(
            self._reads(list(entry["token_ids"]), row["messages"][k]["content"], entry["reasoning"])
            for k, entry in zip(turns, entries, strict=True)
            if entry["token_ids"]
        ):
            return False
        first = self._ids(self._render(row["messages"][: turns[0]], True)) if turns else []
        return bool(first) and first == list(entries[0]["prompt_ids"])

    def _recorded(self, row: RowDict, turns: list[int], trained: list[bool]) -> list["_Draft"]:
        """The sampler's own sequence; a new piece begins where a prompt does not continue it.

        If a message ended without a stop token, the template's stop token is trained. If the
        template has none there, none can stand inside a sequence.
        """
        pieces: list[_Draft] = []
        overlap: list[int] = []  # tokens of the next prompt that the reply above already includes
        for k, next_turn in zip(turns, [*turns[1:], None], strict=True):
            entry = row["trail"][k]
            if not (entry["continues"] and pieces):
                self.notes["split"] += bool(pieces)
                pieces.append(_Draft())
                overlap = []
            pieces[-1].context(list(entry["prompt_ids"])[len(overlap) :])
            self.notes["sampled tokens"] += 1
            ids, logprobs = list(entry["token_ids"]), list(entry["logprobs"])
            if not ids:
                ids, logprobs = self._ids(row["messages"][k]["content"]), []
            closed, closed_logprobs = self._closed(ids, logprobs, entry["finish_reason"])
            overlap = closed[len(ids) :]
            next_entry = row["trail"][next_turn] if next_turn is not None else None
            if (
                next_entry
                and next_entry["continues"]
                and list(next_entry["prompt_ids"][:1]) != overlap
            ):
                closed, closed_logprobs, overlap = (
                    closed[: len(ids)],
                    closed_logprobs[: len(ids)],
                    [],
                )
            pieces[-1].reply(closed, closed_logprobs, entry["turn"], trained[k])
        return pieces

    def _rendered(self, row: RowDict, turns: list[int], trained: list[bool]) -> list["_Draft"]:
        """The dialogue in this template, with sampled tokens where they decode to the same text."""
        messages, trail = row["messages"], row["trail"]
        pieces: list[_Draft] = []
        text = None  # the text of the newest piece, if later turns may continue it
        for k in turns:
            prompt = self._render(messages[:k], True)
            if text is not None and prompt.startswith(text):
                pieces[-1].context(self._ids(prompt[len(text) :]))
            else:
                self.notes["split"] += bool(pieces)
                pieces.append(_Draft())
                pieces[-1].context(self._ids(prompt))
            reply_text = self._reply(pieces[-1], messages[: k + 1], trail[k], trained[k], prompt)
            text = None if reply_text is None else prompt + reply_text + self._closing
        return pieces

    def _closed(
        self, ids: list[int], logprobs: list[float], finish_reason: str
    ) -> tuple[list[int], list[float]]:
        """A message's tokens, and a stop token if it ended without one; unknown logprobs are NaN."""
        if len(logprobs) != len(ids):
            logprobs = [np.nan] * len(ids)
        if finish_reason != "length" and not self._special.intersection(ids[-1:]):
            return [*ids, self.stop], [*logprobs, np.nan]
        return ids, logprobs

    def _reply(
        self,
        draft: "_Draft",
        messages: Sequence[Mapping[str, str]],
        entry: RowDict,
        train: bool,
        prompt: str,
    ) -> str | None:
        """Adds a student's message, the last of `messages`; returns its text as later turns see it,
        None if they see less.
        """
        content = messages[-1]["content"]
        ids = list(entry["token_ids"])
        if ids and not self._reads(ids, content, entry["reasoning"]):
            self.notes["other tokenizer"] += 1
            ids = []
        self.notes["sampled tokens" if ids else "re-tokenised"] += 1
        logprobs = list(entry["logprobs"]) if ids else []
        if not ids:
            content = self._written(messages, prompt)
            ids = self._ids(content)
        ids, logprobs = self._closed(ids, logprobs, entry["finish_reason"])
        draft.reply(ids, logprobs, entry["turn"], train)
        if ids[-1:] != [self.stop]:
            draft.context([self.stop])  # the template closes what the student left open
        unclosed = ids[:-1] if ids[-1:] == [self.stop] else ids
        return content if self.tokenizer.decode(unclosed).strip() == content.strip() else None

    def _written(self, messages: Sequence[Mapping[str, str]], prompt: str) -> str:
        """The last message as the model itself would write it after the prompt.

        The model also has to write what the template puts between the two, such as the channel of a
        final answer. If the prompt opens a reasoning block, the model closes it first, so that an
        unclosed block is never trained.

        >>> # prompt "<|assistant|><think>\\n", message "42"   ->   "\\n</think>\\n\\n42"
        """
        content = messages[-1]["content"]
        rendered = self._render(messages, False)
        position = (
            rendered.find(content.strip(), len(prompt)) if rendered.startswith(prompt) else -1
        )
        head = rendered[len(prompt) : position] if position >= 0 else ""
        open_tag = chat_template.OPENED.search(prompt + head)
        if open_tag and f"</{open_tag[1]}>" not in head:
            head += f"\n</{open_tag[1]}>\n\n"
        return head + content

    def _reads(self, ids: list[int], content: str, reasoning: str) -> bool:
        """Whether this tokenizer could be the sampler's: the decoded text contains the message."""
        if max(ids) >= len(self.tokenizer):
            return False
        words = content.split() if reasoning else [content]
        texts = (self.tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False))
        return any(all(word in neutralise(text)[0] for word in words) for text in texts)

    def _render(self, messages: Sequence[Mapping[str, str]], prompting: bool) -> str:
        return chat_template.rendered(
            self.tokenizer, messages, prompting, self._folds, self._options
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


@dataclass(slots=True)
class _Draft:
    ids: list[int] = field(default_factory=list)
    train: list[bool] = field(default_factory=list)
    turn: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def context(self, ids: Sequence[int]) -> None:
        self._add(ids, [np.nan] * len(ids), 0, False)

    def reply(self, ids: Sequence[int], logprobs: Sequence[float], turn: int, train: bool) -> None:
        self._add(ids, logprobs, turn if train else 0, train)

    def _add(self, ids: Sequence[int], logprobs: Sequence[float], turn: int, train: bool) -> None:
        self.ids += ids
        self.logprobs += logprobs
        self.turn += [turn] * len(ids)
        self.train += [train] * len(ids)

    def piece(self) -> Piece:
        return Piece(
            np.array(self.ids, np.int32),
            np.array(self.train, np.bool_),
            np.array(self.turn, np.int16),
            np.array(self.logprobs, np.float32),
        )
