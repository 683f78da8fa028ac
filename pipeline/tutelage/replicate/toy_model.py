"""A small Llama and its word tokenizer, as a model folder that vLLM serves and `train` trains.

Three layers, three heads of 32: vLLM on a CPU refuses heads of 16. The vocabulary is that of the
toy world. A token is a word with the space before it, so decoding is concatenation.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from tutelage.replicate.chats import vocabulary

PAD, END, UNKNOWN = "<|pad|>", "<|end|>", "<|unknown|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
TEMPLATE = (
    "{%- for message in messages -%}{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] + '<|end|>' -}}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
_PIECE = r" ?[A-Za-z']+| ?\d| ?[^\w\s]|\s"
LENGTH = 640
"""Context in tokens: ten turns over six digits are about 320."""


def tokenizer() -> Any:
    """The tokenizer, with its chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, END, UNKNOWN, *ROLES.values()]
    split = pre_tokenizers.Split(Regex(_PIECE), behavior="isolated")
    words = {piece for text in vocabulary() for piece, _ in split.pre_tokenize_str(text)}
    vocabulary_ids = {word: index for index, word in enumerate([*special, *sorted(words)])}
    word_tokenizer = Tokenizer(models.WordLevel(vocabulary_ids, unk_token=UNKNOWN))
    word_tokenizer.pre_tokenizer = split
    word_tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=list(ROLES.values()),
        clean_up_tokenization_spaces=False,
        chat_template=TEMPLATE,
    )


def pieces(text: str) -> list[str]:
    """The words of a text as the tokenizer splits it; ten times as fast as the tokenizer."""
    return re.findall(_PIECE, text)


def fresh(size: int, seed: int) -> Any:
    """A Llama with random weights for a vocabulary of `size`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=32,
        max_position_embeddings=LENGTH,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        initializer_range=0.05,
    )
    return LlamaForCausalLM(config)


def save(model: Any, words: Any, folder: Path) -> None:
    """Writes the model folder, completely or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    model.save_pretrained(part)
    words.save_pretrained(part)
    part.rename(folder)


def copy(model: Path, folder: Path) -> None:
    """Copies a model folder."""
    shutil.copytree(model, folder, dirs_exist_ok=True)
