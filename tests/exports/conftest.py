"""Small runs, a byte-level tokenizer, and chat templates with the quirks of five model families."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from played import Make, Played, Said, write_run
from tutelage.contract.tokens import Encoder
from tutelage.shards import read_rows

HINT = "Off by one, look again."
"""What the teacher says in one of the `dialogues`."""
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<bos>", "<start_of_turn>", "<end_of_turn>",
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<s>", "</s>",
    "[INST]", "[/INST]", "<think>", "</think>",
]  # fmt: skip

CHATML = (
    "{%- for m in messages -%}"
    "{%- if loop.first and m.role != 'system' -%}"
    "{{- '<|im_start|>system\nYou help.<|im_end|>\n' -}}{%- endif -%}"
    "{{- '<|im_start|>' + m.role + '\n' -}}"
    "{%- if m.role == 'assistant' -%}"
    "{%- generation -%}{{- m.content + '<|im_end|>' -}}{%- endgeneration -%}{{- '\n' -}}"
    "{%- else -%}{{- m.content + '<|im_end|>\n' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
"""As SmolLM2: adds its own system prompt if there is none."""
THINKING = (
    "{%- set ns = namespace(last=0) -%}"
    "{%- for m in messages if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endfor -%}"
    "{%- set seen = namespace(users=0) -%}"
    "{%- for m in messages -%}"
    "{%- if m.role == 'user' -%}{%- set seen.users = seen.users + 1 -%}{%- endif -%}"
    "{%- set words = m.content.split('</think>')[-1].lstrip('\n') -%}"
    "{%- set thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\n')"
    " if '</think>' in m.content else '' -%}"
    "{{- '<|im_start|>' + m.role + '\n' -}}"
    "{%- if m.role == 'assistant' and seen.users > ns.last -%}"
    "{{- '<think>\n' + thought + '\n</think>\n\n' + words -}}"
    "{%- else -%}{{- words -}}{%- endif -%}"
    "{{- '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}"
    "{%- if enable_thinking is defined and not enable_thinking -%}"
    "{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}{%- endif -%}"
)
"""As Qwen3: drops the reasoning of earlier turns, and the last reply always has some."""
GEMMA = (
    "{{- '<bos>' -}}"
    "{%- if messages[0].role == 'system' -%}{{- raise_exception('no system role') -}}{%- endif -%}"
    "{%- for m in messages -%}"
    "{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{- raise_exception('roles must alternate') -}}{%- endif -%}"
    "{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' -}}"
    "{{- m.content | trim -}}{{- '<end_of_turn>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<start_of_turn>model\n' -}}{%- endif -%}"
)
"""No system prompt, strict turns, white space trimmed, a stop that is not the tokenizer's."""
LLAMA = (
    "{{- '<|begin_of_text|>' -}}"
    "{%- for m in messages -%}"
    "{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim"
    " + '<|eot_id|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}"
)
MISTRAL = (
    "{{- '<s>' -}}"
    "{%- set ns = namespace(system='') -%}"
    "{%- for m in messages -%}"
    "{%- if m.role == 'system' -%}{%- set ns.system = m.content + '\n\n' -%}"
    "{%- elif m.role == 'user' -%}"
    "{{- '[INST] ' + (ns.system if loop.index0 < 2 else '') + m.content + '[/INST]' -}}"
    "{%- else -%}{{- ' ' + m.content + '</s>' -}}{%- endif -%}"
    "{%- endfor -%}"
)
"""No generation prompt; the system prompt is a part of the first message."""
TEMPLATES = {
    "smollm2": CHATML,
    "qwen3": THINKING,
    "gemma": GEMMA,
    "llama3": LLAMA,
    "mistral": MISTRAL,
}


def make_tokenizer(template: str = CHATML) -> Any:
    """One token per byte, and the special tokens of all five families."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE({token: i for i, token in enumerate([*SPECIAL[:1], *alphabet])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL[1:])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        clean_up_tokenization_spaces=False,
        chat_template=template,
    )


def dialogues(tokenizer: Any = None, system: bool = True, cut: bool = True) -> list[Played]:
    """Dialogues solved late and early, one with a cut reply; with sampled tokens if requested."""

    def said(text: str, **more: Any) -> Said:
        # A space first: no tokenizer would give these ids for the text.
        ids = tokenizer(" " + text, add_special_tokens=False)["input_ids"] if tokenizer else ()
        return Said(text, ids=tuple(ids), **more)

    late = [said("It is 9", hint=HINT), said("It is 7"), said("It is 6", right=True)]
    short = [said("It is because", cut=cut), said("It is 8", right=True)]
    words = "Be brief." if system else ""
    return [
        Played(3, late, system=words),
        Played(4, short, system=words),
        Played(5, [said("It is 10", right=True)], system=words),
        Played(6, [said("It is 1"), said("It is 2")], system=words),
    ]


def ours(run: str, tokenizer: Any, solved: bool = True) -> list[Any]:
    """What our trainer trains on in this run: its pieces, row by row."""
    kind = "solved" if solved else "*"
    encoder = Encoder(tokenizer)
    return [p for row in read_rows(run, kind=kind) for p in encoder.sample(row).pieces]


@pytest.fixture
def run(tmp_path: Path) -> Make:
    """A function that writes dialogues as a run and returns its folder."""

    def make(
        played: Iterable[Played], loss: str = "all_student", model: str = "", name: str = "run"
    ) -> str:
        return write_run(tmp_path / name, played, loss, model)

    return make


@pytest.fixture(scope="session")
def tiny_model() -> Any:
    """A Llama with a few ten thousand random weights."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(make_tokenizer()),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
    )
    return transformers.LlamaForCausalLM(config)


def texts(tokenizer: Any, ids: Sequence[int], mask: Sequence[Any]) -> list[str]:
    """The text of each contiguous span of tokens under the mask."""
    found: list[list[int]] = []
    before = False
    for token, train in zip(ids, mask, strict=True):
        if train and not before:
            found.append([])
        if train:
            found[-1].append(token)
        before = bool(train)
    return [tokenizer.decode(part) for part in found]
