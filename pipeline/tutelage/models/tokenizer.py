"""SmolLM2's tokenizer and chat template, from GGUF to `tokenizer.json`.

The vocabulary, merges and template are the file's. How text is cut before merging is not in it but
for a name (`smollm`): each digit alone, then byte-level words, as the model was trained. To the
template is added, without changing what it renders, where a reply begins and ends.
"""

import json
from pathlib import Path
from typing import Any

from tutelage.errors import ModelError

_CONTROL = 3
"""GGUF's type of a token that text never gives: `<|im_start|>` and the like."""
PAD = "<|endoftext|>"
"""Never a part of a chat, so it can be left out of a loss, unlike the end of a turn."""

_MESSAGE = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
"""How the file's template renders any message."""
_MARKED = (
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}"
)
"""The same, with the words of a reply and its stop marked as what a model generates: trainers such as
TRL (`assistant_only_loss=True`) train that and nothing else, which is what our own trains."""


def marked(template: str) -> str:
    """The chat template with assistant spans marked; it renders the same text.

    Raises:
        ModelError: it is another template than the one that is known.
    """
    if template.count(_MESSAGE) != 1:
        raise ModelError(f"wanted SmolLM2's chat template, got {template!r}")
    return template.replace(_MESSAGE, _MARKED)


def write(reader: Any, folder: Path) -> None:
    """Writes `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`.

    Args:
        reader: A `gguf.GGUFReader`.
        folder: Where to write.

    Raises:
        ModelError: the file's tokenizer is cut in another way.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    metadata = {k: f.contents() for k, f in reader.fields.items() if k.startswith("tokenizer.")}
    if metadata["tokenizer.ggml.pre"] != "smollm":
        raise ModelError(f"wanted the tokenizer smollm, got {metadata['tokenizer.ggml.pre']!r}")
    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(tokens, metadata["tokenizer.ggml.token_type"], strict=True)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token, kind in kinds if kind == _CONTROL]
    )
    tokenizer.save(str(folder / "tokenizer.json"))

    special = {
        "bos_token": tokens[metadata["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[metadata["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[metadata["tokenizer.ggml.unknown_token_id"]],
        "pad_token": PAD,
    }
    config = special | {
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": reader.fields["llama.context_length"].contents(),
        # The class that takes tokenizer.json as it is. GPT2Tokenizer, the original's, is built
        # anew from the vocabulary by transformers 5 and then no longer cuts digits apart.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": marked(metadata["tokenizer.chat_template"]),
    }
    for name, content in (("special_tokens_map", special), ("tokenizer_config", config)):
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", "utf-8")
