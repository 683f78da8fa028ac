"""A chat is put to a template in one way, for the engine that samples and the trainer that learns."""

from dataclasses import asdict
from typing import Any

import pytest

from tutelage import chat_template
from tutelage.engines.tokens import ChatTokens
from tutelage.records import Chat, Sampling

SYSTEM: Chat = (("system", "Be brief."), ("user", "2 + 2?"))


class Tokenizer:
    """A tokenizer of characters, whose template is a function of messages and arguments."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.all_special_ids = [0]
        self.added_tokens_decoder: dict[int, Any] = {}

    def apply_chat_template(self, conversation: list[Any], **options: Any) -> str:
        roles = [message["role"] for message in conversation]
        if self.kind == "refuses" and "system" in roles:
            raise ValueError("System role not supported")
        shown = [m for m in conversation if self.kind != "ignores" or m["role"] != "system"]
        text = "".join(f"<{m['role']}>{m['content']}</{m['role']}>" for m in shown)
        if not options["add_generation_prompt"]:
            return text
        opened = {True: "<think>\n", False: "<think></think>"}.get(
            options.get("enable_thinking"), ""
        )
        return f"{text}<assistant>{opened}"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, token_ids: Any, skip_special_tokens: bool) -> str:
        return "".join(map(chr, token_ids))


@pytest.mark.parametrize("kind", ["refuses", "ignores"])
def test_a_system_prompt_without_a_place_begins_the_first_message(kind: str) -> None:
    tokenizer = Tokenizer(kind)
    assert chat_template.lacks_system(tokenizer)
    chats = ChatTokens(tokenizer)
    prompt = chats.prompt(SYSTEM)
    assert chats.text(prompt.ids) == "<user>Be brief.\n\n2 + 2?</user><assistant>"
    later = (*SYSTEM, ("assistant", "5"), ("user", "No."))
    history = (*prompt.ids, *map(ord, "5"))
    grown = chats.prompt(later, history)  # type: ignore[arg-type]
    assert grown.continues
    assert chats.text(grown.ids).startswith("<user>Be brief.\n\n2 + 2?</user><assistant>5")


def test_a_system_prompt_with_a_place_stays_there() -> None:
    tokenizer = Tokenizer("takes")
    assert not chat_template.lacks_system(tokenizer)
    assert "<system>Be brief.</system>" in ChatTokens(tokenizer).tokenizer.decode(
        ChatTokens(tokenizer).prompt(SYSTEM).ids, True
    )


@pytest.mark.parametrize(
    ("thinking", "ending", "opens"),
    [("on", "<think>\n", True), ("off", "<think></think>", False), ("auto", "<assistant>", False)],
)
def test_a_template_is_told_whether_to_reason(thinking: str, ending: str, opens: bool) -> None:
    chats = ChatTokens(Tokenizer("takes"))
    options = chat_template.arguments(asdict(Sampling(thinking=thinking)))
    prompt = chats.prompt(SYSTEM, (), options)
    assert chats.text(prompt.ids).endswith(ending)
    assert prompt.opens is opens


def test_arguments_of_ones_own_go_first() -> None:
    body = '{"chat_template_kwargs": {"enable_thinking": true, "documents": []}}'
    given = chat_template.arguments({"thinking": "off", "extra_body": body})
    assert given["enable_thinking"] is True
    assert given["documents"] == []
    assert chat_template.arguments({}) == {}, "rows of earlier versions say nothing"
