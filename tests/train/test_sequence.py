"""Token in, token out, across turns: what is trained on is what the sampler had, token for token.

Eight families' templates, as small as they can be and written anew; a sampler that writes what no
tokenizer would make of its text, is cut off, stops at a word, thinks, and says special tokens.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
import pytest

from tutelage import contract
from tutelage import dialogue as protocol
from tutelage.contract.tokens import Encoder
from tutelage.engines.tokens import ChatTokens
from tutelage.records import (
    Dialogue,
    Gold,
    Leak,
    LeakRequest,
    Problem,
    Reply,
    Request,
    Rules,
    Sampling,
    Verdict,
    VerifyRequest,
)

torch = pytest.importorskip("torch")

LOOP = "{%- for m in messages -%}"
END = "{%- endfor -%}"
ASK = "{%- if add_generation_prompt -%}"
DONE = "{%- endif -%}"
THOUGHT = "{%- set c = m.content.split('</think>')[-1] if not loop.last else m.content -%}"


@dataclass(frozen=True)
class Family:
    """A way in which chats are written down, and its special tokens; the first ends a message."""

    template: str
    special: tuple[str, ...]
    rewrites: bool = False
    """Whether earlier replies are written in another way than they were sampled."""


FAMILIES = {
    "chatml": Family(
        LOOP + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}" + END
        + ASK + "{{ '<|im_start|>assistant\n' }}" + DONE,
        ("<|im_end|>", "<|im_start|>"),
    ),
    "llama 3": Family(
        "{{ '<|begin_of_text|>' }}" + LOOP
        + "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' }}"
        "{{ m.content | trim + '<|eot_id|>' }}" + END
        + ASK + "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}" + DONE,
        ("<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
    ),
    "gemma": Family(
        "{{ '<bos>' }}" + LOOP + "{%- set r = 'model' if m.role == 'assistant' else 'user' -%}"
        "{{ '<start_of_turn>' + r + '\n' + m.content | trim + '<end_of_turn>\n' }}" + END
        + ASK + "{{ '<start_of_turn>model\n' }}" + DONE,
        ("<end_of_turn>", "<bos>", "<start_of_turn>"),
    ),
    "mistral": Family(
        "{{ '<s>' }}" + LOOP + "{%- if m.role == 'assistant' -%}{{ ' ' + m.content + '</s>' }}"
        "{%- else -%}{{ '[INST] ' + m.content + ' [/INST]' }}{%- endif -%}" + END,
        ("</s>", "<s>", "[INST]", "[/INST]"),
        rewrites=True,  # a space before a reply, of which the prompt knows nothing
    ),
    "phi": Family(
        LOOP + "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}" + END
        + ASK + "{{ '<|assistant|>\n' }}" + DONE,
        ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>"),
    ),
    "qwen 3": Family(
        LOOP + THOUGHT + "{{ '<|im_start|>' + m.role + '\n' + c + '<|im_end|>\n' }}" + END
        + ASK + "{{ '<|im_start|>assistant\n' }}" + DONE,
        ("<|im_end|>", "<|im_start|>"),
    ),
    "deepseek r1": Family(
        "{{ '<｜begin｜>' }}" + LOOP + THOUGHT + "{{ '<｜' + m.role + '｜>' + c }}"
        "{%- if m.role == 'assistant' -%}{{ '<｜end｜>' }}{%- endif -%}" + END
        + ASK + "{{ '<｜assistant｜><think>\n' }}" + DONE,
        ("<｜end｜>", "<｜begin｜>", "<｜system｜>", "<｜user｜>", "<｜assistant｜>"),
        rewrites=True,  # the prompt opens a thought that later prompts leave out
    ),
    "plain words": Family(
        LOOP + "{{ m.role + ': ' + m.content + '\n' }}" + END + ASK + "{{ 'assistant: ' }}" + DONE,
        ("<|endoftext|>",),
    ),
    "olmo": Family(
        "{{ '<|endoftext|>' }}" + LOOP + "{{ '<|' + m.role + '|>\n' + m.content }}"
        "{%- if m.role == 'assistant' -%}{{ '<|endoftext|>' }}{%- endif -%}{{ '\n' }}" + END
        + ASK + "{{ '<|assistant|>\n' }}" + DONE,
        ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>"),
    ),
}  # fmt: skip


def make_tokenizer(family: Family) -> Any:
    """Bytes and a few merges, so that one text can be written in several ways."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("I", "t"), ("Ġ", "i"), ("Ġi", "s"), ("Ċ", "Ċ"), (".", "Ċ"), ("1", "2"), ("e", "r")]
    words = [*alphabet, *(a + b for a, b in merges)]
    made = Tokenizer(BPE({word: i for i, word in enumerate(words)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=family.special[0],
        additional_special_tokens=list(family.special[1:]),
        clean_up_tokenization_spaces=False,
        chat_template=family.template,
    )


ENDS = ("stop", "length", "word", "thought", "special", "spaces")


@dataclass
class Sampler:
    """A student that draws tokens byte by byte, and remembers exactly what it had before it."""

    tokenizer: Any
    draw: Random
    ends: tuple[str, ...] = ENDS
    model: Any = None
    seen: dict[tuple[str, int], tuple[list[int], list[int]]] = field(default_factory=dict)
    """(dialogue, turn) -> prompt and reply."""
    continued: int = 0

    def reply(self, request: Request) -> Reply:
        tokens = ChatTokens(self.tokenizer)
        prompt = tokens.prompt(request.chat, request.history)
        how = self.draw.choice(self.ends)
        text = f"It is {self.draw.randrange(100)}.\n"
        text = {"thought": f"<think>hm {text}</think>{text}", "spaces": f"  {text} "}.get(how, text)
        ids = [i for char in text.encode() for i in self._byte(char)]
        special = self.tokenizer.all_special_ids
        if how == "special":
            ids[3:3] = [special[-1]]
        if how in ("stop", "thought", "special", "spaces"):
            ids.append(self.tokenizer.eos_token_id)
        turn = request.dialogue.messages[-1].turn + 1
        self.seen[request.dialogue.dialogue_id, turn] = (prompt.ids, ids)
        self.continued += prompt.continues
        return Reply(
            self.tokenizer.decode(ids, skip_special_tokens=True),
            tuple(ids),
            self._logprobs(prompt.ids, ids),
            "length" if how == "length" else "stop",
            prompt_ids=tuple(prompt.added),
            continues=prompt.continues,
            is_plain=tokens.is_plain(ids),
        )

    def _byte(self, char: int) -> list[int]:
        from transformers.convert_slow_tokenizer import bytes_to_unicode

        return [self.tokenizer.convert_tokens_to_ids(bytes_to_unicode()[char])]

    def _logprobs(self, prompt: list[int], ids: list[int]) -> tuple[float, ...]:
        if self.model is None:
            return (-1.0,) * len(ids)
        with torch.no_grad():
            logits = self.model(torch.tensor([prompt + ids])).logits[0].float()
        logp = logits.log_softmax(-1)[len(prompt) - 1 : -1]
        return tuple(logp[range(len(ids)), ids].tolist())


def played(sampler: Sampler, sample: int, q_base: float = 0.0) -> Dialogue:
    """Four wrong turns."""
    rules = Rules(turns=4, student=Sampling(1.0), leak_policy="off", q_base=q_base)
    posed = Problem("p", "math", "t", "l", "What is 6 + 6?", Gold("answer", "12"), "6 + 6 = 12")
    dialogue = protocol.begin(posed, rules, 0, sample)
    while (want := protocol.need(dialogue)) is not None:
        response: Reply | Verdict | Leak
        if isinstance(want, VerifyRequest):
            response = Verdict("incorrect", "7")
        elif isinstance(want, LeakRequest):
            response = Leak()
        elif want.player == "student":
            response = sampler.reply(want)
        elif want.player == "question":
            ids = sampler.tokenizer("Which part is it?", add_special_tokens=False)["input_ids"]
            stop = sampler.tokenizer.eos_token_id
            response = Reply("Which part is it?", (*ids, stop), (-2.0,) * (len(ids) + 1))
        else:
            response = Reply(f"Not yet, look at part {sampler.draw.randrange(9)}.")
        dialogue = protocol.advance(dialogue, response)
    return dialogue


def turns(row: Any, tokenizer: Any) -> dict[int, tuple[list[int], list[int], list[float]]]:
    """Turn -> what the trainer reads before it, its trained tokens, and their log-probabilities."""
    found = {}
    for piece in Encoder(tokenizer).sample(row, "all_student").pieces:
        for turn in sorted(set(piece.turn.tolist()) - {0}):
            (at,) = np.nonzero(piece.turn == turn)
            found[turn] = (
                piece.ids[: at[0]].tolist(),
                piece.ids[at].tolist(),
                piece.logprobs[at].tolist(),
            )
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_no_turn_is_trained_after_other_tokens_than_the_sampler_had(name: str) -> None:
    family = FAMILIES[name]
    tokenizer = make_tokenizer(family)
    sampler = Sampler(tokenizer, Random(name))
    differ, count = 0, 0
    for sample in range(25):
        dialogue = played(sampler, sample)
        row = contract.row(dialogue, contract.Stamp("r"))
        trained = turns(row, tokenizer)
        assert sorted(trained) == [1, 2, 3, 4]
        for turn, (before, ids, _) in trained.items():
            prompt, sampled = sampler.seen[dialogue.dialogue_id, turn]
            count += 1
            differ += before != prompt or ids[: len(sampled)] != sampled
            # What is taught besides is one stop, where the message ended without one.
            assert ids[len(sampled) :] in ([], [tokenizer.eos_token_id])
    assert (differ, count) == (0, 100)
    assert (sampler.continued == 0) == family.rewrites


@pytest.mark.parametrize("name", ["chatml", "llama 3", "gemma"])
def test_plain_replies_make_one_sequence_that_grows(name: str) -> None:
    tokenizer = make_tokenizer(FAMILIES[name])
    sampler = Sampler(tokenizer, Random(1), ends=("stop", "length", "word", "spaces"))
    for sample in range(10):
        dialogue = played(sampler, sample)
        row = contract.row(dialogue, contract.Stamp("r"))
        assert len(Encoder(tokenizer).sample(row).pieces) == 1
        students = [entry for entry in row["trail"] if entry["speaker"] == "student"]
        assert [entry["continues"] for entry in students] == [False, True, True, True]
        whole = [i for entry in students for i in (*entry["prompt_ids"], *entry["token_ids"])]
        last, reply = sampler.seen[dialogue.dialogue_id, 4]
        assert whole == last + reply


@pytest.mark.parametrize("how", ["thought", "special"])
def test_what_later_turns_may_not_see_ends_the_sequence(how: str) -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"])
    sampler = Sampler(tokenizer, Random(2), ends=(how,))
    row = contract.row(played(sampler, 0), contract.Stamp("r"))
    students = [entry for entry in row["trail"] if entry["speaker"] == "student"]
    assert not any(entry["continues"] for entry in students)
    assert len(Encoder(tokenizer).sample(row).pieces) == 4


def test_a_primed_question_stands_in_the_students_own_prompt() -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"])
    sampler = Sampler(tokenizer, Random(3), ends=("stop",))
    dialogue = played(sampler, 0, q_base=1.0)
    assert [m.act for m in dialogue.messages if m.speaker == "student"][:2] == ["question"] * 2
    row = contract.row(dialogue, contract.Stamp("r"))
    assert len(Encoder(tokenizer).sample(row).pieces) == 1
    trained = turns(row, tokenizer)
    for turn, (before, ids, logprobs) in trained.items():
        assert before == sampler.seen[dialogue.dialogue_id, turn][0]
        if turn < 4:
            assert tokenizer.decode(ids) == "Which part is it?<|im_end|>"
            assert np.isnan(logprobs).all()  # sampled after another prompt


@pytest.mark.parametrize("name", ["chatml", "qwen 3", "deepseek r1", "plain words"])
def test_stored_log_probabilities_are_the_trainers(name: str, small: Any) -> None:
    """A random model in float32, at unchanged weights, every turn."""
    tokenizer = make_tokenizer(FAMILIES[name])
    model = small.model(len(tokenizer)).eval()
    sampler = Sampler(tokenizer, Random(4), model=model)
    gaps = []
    for sample in range(3):
        row = contract.row(played(sampler, sample), contract.Stamp("r"))
        for piece in Encoder(tokenizer).sample(row).pieces:
            with torch.no_grad():
                logits = model(torch.tensor(piece.ids[None].astype(np.int64))).logits[0].float()
            logp = logits.log_softmax(-1)[:-1].gather(
                1, torch.tensor(piece.ids[1:, None].astype(np.int64))
            )
            known = piece.train[1:] & ~np.isnan(piece.logprobs[1:])
            gaps += np.abs(logp[:, 0].numpy() - piece.logprobs[1:])[known].tolist()
    assert len(gaps) > 100 and max(gaps) < 1e-4


def test_another_template_renders_the_dialogue_anew() -> None:
    """The recorded prompts are the sampler's; a trainer with another template has its own."""
    theirs = make_tokenizer(FAMILIES["chatml"])
    sampler = Sampler(theirs, Random(5), ends=("stop",))
    row = contract.row(played(sampler, 0), contract.Stamp("r"))
    ours = make_tokenizer(replace(FAMILIES["chatml"], template=FAMILIES["phi"].template))
    piece = Encoder(ours).sample(row).pieces[0]
    assert "<|assistant|>" in ours.decode(piece.ids.tolist())
    assert turns(row, ours).keys() == {1, 2, 3, 4}
