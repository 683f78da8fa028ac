"""Prompts as token ids that go on from what was sampled; and how a server is sent them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from tutelage.engines import completions
from tutelage.engines.tokens import ChatTokens
from tutelage.errors import Transient
from tutelage.records import Chat, Request


class Letters:
    """A tokenizer of one token a character; ␂ and ␃ are special, and open and close a message."""

    def __init__(self, rewrites: bool = False, closes: bool = True) -> None:
        self.all_special_ids = [ord("␂"), ord("␃")]
        self.added_tokens_decoder: dict[int, Any] = {}
        self.rewrites = rewrites
        self.end = "␃\n" if closes else "\n"

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> str:
        if conversation[0]["content"] == "refuse":
            raise ValueError("no such chat")
        last = len(conversation) - 1
        texts = [
            f"␂{m['role']}:"
            + ("old " if self.rewrites and i < last else "")
            + m["content"]
            + self.end
            for i, m in enumerate(conversation)
        ]
        return "".join(texts) + "␂assistant:"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}

    def decode(self, token_ids: Iterable[int], skip_special_tokens: bool) -> str:
        return "".join(chr(i) for i in token_ids if i not in self.all_special_ids)


CHAT: Chat = (("user", "2 + 3?"), ("assistant", "It is 6."), ("user", "No."))
FIRST = "␂user:2 + 3?␃\n␂assistant:"


def ids(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


@pytest.mark.parametrize(
    ("sampled", "added"),
    [
        (" It is 6.␃", "\n␂user:No.␃\n␂assistant:"),
        (" It is 6.", "␃\n␂user:No.␃\n␂assistant:"),
        ("It is 6.\n", "␃\n␂user:No.␃\n␂assistant:"),
    ],
    ids=["stopped", "cut", "spaces"],
)
def test_a_prompt_goes_on_from_what_was_sampled(sampled: str, added: str) -> None:
    prompt = ChatTokens(Letters()).prompt(CHAT, ids(FIRST + sampled))
    assert prompt.continues
    assert tuple(prompt.ids) == ids(FIRST + sampled + added)
    assert tuple(prompt.added) == ids(added)


def test_a_template_that_rewrites_history_gives_each_turn_its_own_prompt() -> None:
    chats = ChatTokens(Letters(rewrites=True))
    prompt = chats.prompt(CHAT, ids(FIRST + "It is 6.␃"))
    assert not prompt.continues and prompt.ids == prompt.added
    assert "old It is 6." in chats.text(prompt.ids)


def test_without_history_the_chat_is_rendered() -> None:
    prompt = ChatTokens(Letters()).prompt(CHAT[:1])
    assert (tuple(prompt.ids), prompt.continues) == (ids(FIRST), False)


def test_special_tokens_before_the_end_are_seen() -> None:
    chats = ChatTokens(Letters())
    assert chats.is_plain(ids("It is 6.␃")) and chats.is_plain(())
    assert not chats.is_plain(ids("It ␂user:is 6.␃"))


def test_another_template_does_not_agree() -> None:
    history = ids(FIRST + "It is 6.␃")
    assert ChatTokens(Letters()).agrees(CHAT, history)
    assert not ChatTokens(Letters(closes=False)).agrees(CHAT, history)


def test_a_server_is_sent_ids_where_the_prompt_goes_on(
    make_request: Callable[..., Request],
) -> None:
    chats = ChatTokens(Letters())
    request = make_request(chat=CHAT, stop=("Teacher:",))
    prompt = chats.prompt(CHAT, ids(FIRST + "It is 6.␃"))
    sent = completions.body(request, "m", True, prompt)
    assert sent["prompt"] == prompt.ids and "messages" not in sent
    assert sent["return_token_ids"] and sent["logprobs"] == 0
    text = "It is 5.\nTeacher:"
    page = {
        "choices": [
            {
                "text": "It is 5.\n",
                "token_ids": list(ids(text)),
                "logprobs": {"token_logprobs": [-0.5] * len(text)},
                "finish_reason": "stop",
                "stop_reason": "Teacher:",
            }
        ],
        "usage": {"prompt_tokens": 50, "completion_tokens": len(text)},
    }
    told = completions.reply(page, request, prompt, chats)
    assert (told.text, told.token_ids) == ("It is 5.\n", ids("It is 5.\n"))
    assert len(told.logprobs) == len(told.token_ids)
    assert (told.prompt_ids, told.continues) == (tuple(prompt.added), True)
    assert told.is_plain


@pytest.mark.parametrize(
    ("prompt_ids", "added", "continues"),
    [((1, 2, 3, 4), (3, 4), True), ((1, 9, 3, 4), (1, 9, 3, 4), False), ((), (), False)],
)
def test_a_chat_that_a_server_rendered_is_told_as_it_was(
    make_request: Callable[..., Request],
    prompt_ids: tuple[int, ...],
    added: tuple[int, ...],
    continues: bool,
) -> None:
    request = replace(make_request(chat=CHAT), history=(1, 2))
    page = {"choices": [{"message": {"content": "5"}, "token_ids": [5]}]}
    page |= {"prompt_token_ids": list(prompt_ids)}  # type: ignore[dict-item]
    told = completions.reply(page, request, None, None)
    assert (told.prompt_ids, told.continues) == (added, continues)
    assert not told.is_plain  # without a tokenizer nobody can tell


def test_a_page_that_is_no_completion_is_transient(make_request: Callable[..., Request]) -> None:
    prompt = ChatTokens(Letters()).prompt(CHAT, ids(FIRST + "It is 6.␃"))
    for page in (None, {}, {"choices": []}, {"choices": [{"text": None}]}):
        with pytest.raises(Transient, match="not a completion"):
            completions.reply(page, make_request(), prompt, None)
