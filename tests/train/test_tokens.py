"""A dialogue as token ids: what is trained on, and that it is what was sampled."""

import math
from typing import Any

import numpy as np
import pytest

from tutelage import chat_template
from tutelage.contract.tokens import Encoder
from tutelage.engines.tokens import ChatTokens
from tutelage.errors import ModelError
from tutelage.train.dataset import single


def trained_text(sample: Any, tokenizer: Any) -> list[str]:
    return [tokenizer.decode(piece.ids[piece.train].tolist()) for piece in sample.pieces]


def test_the_students_words_and_their_stop_are_trained_and_nothing_else(runs: Any, tokenizer: Any):
    row = runs.rows([runs.dialogue(3, turns=2)])[0]
    sample = Encoder(tokenizer).sample(row)
    assert trained_text(sample, tokenizer) == ["It is 7<|im_end|>It is 6<|im_end|>"]
    piece = sample.pieces[0]
    assert tokenizer.decode(piece.ids.tolist()) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 3 + 3?<|im_end|>\n"
        "<|im_start|>assistant\nIt is 7<|im_end|>\n"
        "<|im_start|>user\nOff by 1, look again.<|im_end|>\n"
        "<|im_start|>assistant\nIt is 6<|im_end|>"
    )
    assert sorted(set(piece.turn[piece.train].tolist())) == [1, 2]
    assert not piece.turn[~piece.train].any()
    assert tokenizer.pad_token_id not in piece.ids


def test_it_is_what_the_chat_template_gives(runs: Any, tokenizer: Any):
    """The mask is the one that `{% generation %}` marks, over the whole rendered dialogue."""
    row = runs.rows([runs.dialogue(5, turns=3)])[0]
    sample = Encoder(tokenizer).sample(row)
    whole = tokenizer.apply_chat_template(
        row["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    length = len(sample.pieces[0])
    assert sample.pieces[0].ids.tolist() == whole["input_ids"][:length]
    assert sample.pieces[0].train.tolist() == [bool(m) for m in whole["assistant_masks"][:length]]
    assert not any(whole["assistant_masks"][length:])


@pytest.mark.parametrize(
    ("policy", "texts"),
    [
        ("all_student", ["It is 9<|im_end|>It is 10<|im_end|>It is 8<|im_end|>"]),
        ("after_feedback", ["It is 10<|im_end|>It is 8<|im_end|>"]),
        ("final_only", ["It is 8<|im_end|>"]),
    ],
)
def test_a_loss_policy_can_be_drawn_anew(policy: str, texts: list[str], runs: Any, tokenizer: Any):
    row = runs.rows([runs.dialogue(4, turns=3)])[0]
    assert trained_text(Encoder(tokenizer).sample(row, policy), tokenizer) == texts


def test_sampled_tokens_stand_as_they_were_sampled(runs: Any, tokenizer: Any):
    """A reply is kept token for token also where tokenising its text would give others."""
    stop = tokenizer.eos_token_id

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = [*tokenizer(" " + text, add_special_tokens=False)["input_ids"], stop]  # a space first
        return ids, [-0.25 * i for i in range(len(ids))]

    row = runs.rows([runs.dialogue(3, turns=2, sampled=sampled)])[0]
    encoder = Encoder(tokenizer)
    sample = encoder.sample(row)
    assert encoder.notes == {"sampled tokens": 2, "split": 0}
    assert trained_text(sample, tokenizer) == [" It is 7<|im_end|> It is 6<|im_end|>"]
    piece = sample.pieces[0]
    known = piece.logprobs[piece.train]
    assert known.tolist() == 2 * [-0.25 * i for i in range(len(known) // 2)]
    assert np.isnan(piece.logprobs[~piece.train]).all()


@pytest.mark.parametrize(
    ("finish", "ends_with_stop", "trained_end"),
    [
        ("stop", True, "6<|im_end|>"),
        ("stop", False, "6<|im_end|>"),  # the engine kept the stop token to itself
        ("length", False, "6"),  # never stopped: no stop is taught
    ],
)
def test_the_stop_token(
    finish: str, ends_with_stop: bool, trained_end: str, runs: Any, tokenizer: Any
):
    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = [*ids, tokenizer.eos_token_id] if ends_with_stop else ids
        return ids, [-1.0] * len(ids)

    row = runs.rows([runs.dialogue(3, turns=1, sampled=sampled)])[0]
    row["trail"][-1]["finish_reason"] = finish
    piece = Encoder(tokenizer).sample(row).pieces[0]
    assert tokenizer.decode(piece.ids[piece.train].tolist()).endswith("It is " + trained_end)
    assert tokenizer.decode(piece.ids.tolist()).endswith("It is 6<|im_end|>")
    last = piece.logprobs[piece.train][-1]
    assert math.isnan(last) == (finish == "stop" and not ends_with_stop)


def test_tokens_of_another_tokenizer_are_not_taken(runs: Any, tokenizer: Any):
    row = runs.rows([runs.dialogue(3, turns=1, sampled=lambda _: ([9, 11, 13], [-1.0] * 3))])[0]
    encoder = Encoder(tokenizer)
    assert trained_text(encoder.sample(row), tokenizer) == ["It is 6<|im_end|>"]
    assert encoder.notes["other tokenizer"] == 1
    far = runs.rows([runs.dialogue(3, turns=1, sampled=lambda _: ([99_999], [-1.0]))])[0]
    assert trained_text(encoder.sample(far), tokenizer) == ["It is 6<|im_end|>"]


def test_special_tokens_among_the_sampled_are_kept_and_split_the_dialogue(
    runs: Any, tokenizer: Any
):
    """Later turns saw the text without them, so the first turn is no part of their context."""

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = tokenizer("<|im_start|>" + text, add_special_tokens=False)["input_ids"]
        return [*ids, tokenizer.eos_token_id], [-1.0] * (len(ids) + 1)

    row = runs.rows([runs.dialogue(3, turns=2, sampled=sampled)])[0]
    encoder = Encoder(tokenizer)
    assert trained_text(encoder.sample(row), tokenizer) == [
        "<|im_start|>It is 7<|im_end|>",
        "<|im_start|>It is 6<|im_end|>",
    ]
    assert encoder.notes["sampled tokens"] == 2


def test_where_later_turns_see_something_else_each_turn_is_a_piece(runs: Any, small: Any):
    """The template changes earlier replies, so each turn follows the prompt that it really had."""
    tokenizer = small.tokenizer(small.forgetful)
    row = runs.rows([runs.dialogue(3, turns=3, system=False)])[0]
    encoder = Encoder(tokenizer)
    sample = encoder.sample(row)
    assert trained_text(sample, tokenizer) == [
        "It is 7<|im_end|>",
        "It is 8<|im_end|>",
        "It is 6<|im_end|>",
    ]
    assert encoder.notes["split"] == 2
    texts = [tokenizer.decode(piece.ids.tolist()) for piece in sample.pieces]
    for turn, text in enumerate(texts, 1):
        prompt = tokenizer.apply_chat_template(
            row["messages"][: 2 * turn - 1], tokenize=False, add_generation_prompt=True
        )
        assert text == prompt + row["messages"][2 * turn - 1]["content"] + "<|im_end|>"


def test_reasoning_that_later_turns_do_not_see_splits_too(runs: Any, tokenizer: Any):
    thought = "<think>hm</think>"

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = tokenizer(thought + text, add_special_tokens=False)["input_ids"]
        return [*ids, tokenizer.eos_token_id], [-1.0] * (len(ids) + 1)

    row = runs.rows([runs.dialogue(3, turns=2, sampled=sampled)])[0]
    for entry in row["trail"]:
        entry["reasoning"] = "hm" if entry["speaker"] == "student" else ""
    sample = Encoder(tokenizer).sample(row)
    assert trained_text(sample, tokenizer) == [
        thought + "It is 7<|im_end|>",
        thought + "It is 6<|im_end|>",
    ]
    assert thought not in tokenizer.decode(sample.pieces[1].ids[~sample.pieces[1].train].tolist())


def test_a_tokenizer_without_a_chat_template_is_a_mistake(small: Any):
    with pytest.raises(ModelError, match="no chat template"):
        Encoder(small.tokenizer(""))


def test_a_stop_that_is_no_named_special_token_is_the_templates_own(runs: Any, small: Any):
    """Gemma's `<end_of_turn>` is special, and neither its eos nor any other slot."""
    tokenizer = small.tokenizer(
        "{% for m in messages %}{{ '<start_of_turn>' + m['role'] + '\n' + m['content'] }}"
        "{{ '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>assistant\n' }}{% endif %}"
    )
    tokenizer.add_tokens(["<start_of_turn>", "<end_of_turn>"], special_tokens=True)
    assert "<end_of_turn>" not in tokenizer.all_special_tokens
    encoder = Encoder(tokenizer)
    assert tokenizer.decode([encoder.stop]) == "<end_of_turn>"

    def sampled(text: str) -> tuple[list[int], list[float]]:
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], encoder.stop]
        return ids, [-1.0] * len(ids)

    for how in (None, sampled):
        row = runs.rows([runs.dialogue(3, turns=2, sampled=how)])[0]
        texts = trained_text(encoder.sample(row), tokenizer)
        assert texts == ["It is 7<end_of_turn>It is 6<end_of_turn>"]  # one piece


OPENING = (
    "{%- for m in messages -%}"
    "{%- set said = m['content'].split('</think>')[-1].strip() -%}"
    "{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{%- if m['role'] == 'assistant' and loop.last and empty -%}{{ '<think>\n\n</think>\n\n' }}"
    "{%- endif -%}{{ said + '<|im_end|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n<think>\n' }}{%- endif -%}"
)
"""The prompt opens a block of reasoning (DeepSeek-R1, QwQ, Qwen3-Thinking)."""
CHANNELS = (
    "{%- for m in messages -%}"
    "{%- if m['role'] == 'assistant' -%}"
    "{{ '<|im_start|>assistant<|channel|>final<|message|>' + m['content'] + '<|im_end|>' }}"
    "{%- else -%}{{ '<|im_start|>' + m['role'] + '<|message|>' + m['content'] + '<|im_end|>' }}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant' }}{%- endif -%}"
)
"""A message has a channel, and the prompt ends before it (gpt-oss)."""
NO_SYSTEM = (
    "{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('no system role') }}{%- endif -%}"
    "{%- for m in messages -%}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
"""Gemma 1 and 2, Mistral 0.1."""
SILENT = NO_SYSTEM.replace("{{ raise_exception('no system role') }}", "").replace(
    "{%- for m in messages -%}", "{%- for m in messages if m['role'] != 'system' -%}"
)
"""The same, and nothing is said."""


@pytest.mark.parametrize("empty", ["true", "false"])
@pytest.mark.parametrize("control", [False, True])
def test_a_block_that_the_prompt_opens_is_closed_before_the_message(
    control: bool, empty: str, runs: Any, small: Any
):
    """Whether or not the template writes an empty block in the last message of a dialogue."""
    tokenizer = small.tokenizer("{%- set empty = " + empty + " -%}" + OPENING)
    row = runs.rows([runs.dialogue(3, turns=2)])[0]
    sample = Encoder(tokenizer).sample(single(row) if control else row)
    texts = trained_text(sample, tokenizer)
    last = "3 + 3 = 6" if control else "It is 6"
    assert texts[-1].endswith(f"</think>\n\n{last}<|im_end|>") and "<think>" not in texts[-1]
    for piece in sample.pieces:
        whole = tokenizer.decode(piece.ids.tolist())
        assert whole.count("<think>") == whole.count("</think>") == 1


def test_a_channel_is_trained_as_the_model_writes_it(runs: Any, small: Any):
    row = runs.rows([runs.dialogue(3, turns=2)])[0]
    tokenizer = small.tokenizer(CHANNELS)
    sample = Encoder(tokenizer).sample(row)
    head = "<|channel|>final<|message|>"
    assert trained_text(sample, tokenizer) == [
        f"{head}It is 7<|im_end|>{head}It is 6<|im_end|>"  # and the dialogue is one piece
    ]


@pytest.mark.parametrize("template", [NO_SYSTEM, SILENT])
def test_without_a_system_role_its_prompt_begins_the_first_message(
    template: str, runs: Any, small: Any
):
    row = runs.rows([runs.dialogue(3, turns=2)])[0]
    tokenizer = small.tokenizer(template)
    sample = Encoder(tokenizer).sample(row)
    (piece,) = sample.pieces
    assert tokenizer.decode(piece.ids.tolist()).startswith(
        "<|im_start|>user\nBe brief.\n\nWhat is 3 + 3?<|im_end|>\n<|im_start|>assistant\nIt is 7"
    )
    assert trained_text(sample, tokenizer) == ["It is 7<|im_end|>It is 6<|im_end|>"]


SWITCH = (
    "{%- if add_generation_prompt and enable_thinking is defined and not enable_thinking -%}"
    "{{ '<think>\n\n</think>\n\n' }}{%- endif -%}"
)
"""As in Qwen 3: a model that is not to reason is given an empty block."""


@pytest.mark.parametrize("template", [NO_SYSTEM + SWITCH, SILENT + SWITCH])
@pytest.mark.parametrize("thinking", ["auto", "off"])
def test_sampler_and_trainer_put_one_chat_to_the_template(
    template: str, thinking: str, runs: Any, small: Any
):
    """What the engine samples after is what is trained after, whatever the template was told."""
    tokenizer = small.tokenizer(template)
    row = runs.rows([runs.dialogue(3, turns=1)])[0]
    student = row["sampling"]["student"] | {"thinking": thinking}
    chat = tuple((message["role"], message["content"]) for message in row["messages"][:-1])
    prompt = ChatTokens(tokenizer).prompt(chat, (), chat_template.arguments(student))
    reply = tokenizer("It is 6<|im_end|>", add_special_tokens=False)["input_ids"]
    entry = row["trail"][-1] | {
        "prompt_ids": prompt.ids, "token_ids": reply, "logprobs": [-0.5] * len(reply),
        "continues": False, "finish_reason": "stop",
    }  # fmt: skip
    row = row | {
        "sampling": row["sampling"] | {"student": student},
        "trail": [*row["trail"][:-1], entry],
    }
    encoder = Encoder(tokenizer)
    (piece,) = encoder.sample(row).pieces
    assert piece.ids.tolist() == [*prompt.ids, *reply]
    assert encoder.notes["sampled tokens"] == 1
    assert np.isfinite(piece.logprobs[piece.train]).all()
