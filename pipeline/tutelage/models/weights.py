"""Converts a Llama model's weights and configuration from GGUF to a Hugging Face folder, without
torch.

Not a general converter: it supports only the tensors of the `llama` architecture with tied
embeddings, which the bundled model has, and refuses others.

Shapes: H heads (of queries, or of keys), D numbers per head, E numbers per token.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutelage.errors import ModelError

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF's name of a tensor, without block and suffix -> Hugging Face's name."""


def write(reader: Any, folder: Path, progress: Callable[[str, int, int], None]) -> None:
    """Writes `model.safetensors`, `config.json` and `generation_config.json` into `folder`.

    Args:
        reader: a `gguf.GGUFReader`.
        folder: the folder to write to.
        progress: called after each tensor.
    """
    from gguf.quants import dequantize

    config = configuration(reader)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors = {rename(tensor.name): tensor for tensor in reader.tensors}
    with (folder / "model.safetensors").open("wb") as file:
        file.write(_header(tensors))
        for done, tensor in enumerate(tensors.values(), 1):
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
            kind = tensor.name.split(".")[-2]
            if kind in heads:
                values = halves(values, heads[kind])
            file.write(bfloat16(values).tobytes())
            progress("making the weights", done, len(tensors))
    generation = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    for file_name, content in (("config", config), ("generation_config", generation)):
        (folder / f"{file_name}.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def configuration(reader: Any) -> dict[str, Any]:
    """Hugging Face's `config.json`, from the metadata of a GGUF file.

    Raises:
        ModelError: the file holds another architecture.
    """
    metadata = {key: field.contents() for key, field in reader.fields.items()}
    if metadata["general.architecture"] != "llama":
        raise ModelError(f"wanted a llama model, got {metadata['general.architecture']!r}")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": metadata["llama.vocab_size"],
        "hidden_size": metadata["llama.embedding_length"],
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": metadata["llama.attention.head_count"],
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        "head_dim": metadata["llama.rope.dimension_count"],
        "max_position_embeddings": metadata["llama.context_length"],
        "rms_norm_eps": _shortest(metadata["llama.attention.layer_norm_rms_epsilon"]),
        "rope_theta": _shortest(metadata["llama.rope.freq_base"]),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "pad_token_id": metadata["tokenizer.ggml.tokens"].index("<|endoftext|>"),
    }


def _shortest(value: float) -> float:
    """The shortest decimal that is the same number in 32 bits: 9.999999747378752e-06 -> 1e-05."""
    return float(str(np.float32(value)))


def rename(name: str) -> str:
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`.

    Raises:
        ModelError: a llama model with tied embeddings has no such tensor.
    """
    *block, kind, suffix = name.split(".")
    if kind not in _NAMES or suffix != "weight":
        raise ModelError(f"wanted the tensors of a llama model with tied embeddings, got {name!r}")
    return ".".join((*(("model.layers", block[1]) if block else ()), _NAMES[kind], suffix))


def halves(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorders the rows of a query or key projection for Hugging Face. [H*D, E] -> [H*D, E].

    Rotary embeddings rotate the numbers of a head in pairs. GGUF stores each pair side by side,
    Hugging Face all first numbers and then all second ones: 0 1 2 3 4 5 -> 0 2 4 1 3 5.
    """
    rows, width = values.shape
    paired = values.reshape(heads, rows // heads // 2, 2, width)  # [H, D/2, 2, E]
    return paired.swapaxes(1, 2).reshape(rows, width)


def bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper 16 bits of each number, rounded to nearest, ties to even. For finite numbers only."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def _header(tensors: dict[str, Any]) -> bytes:
    """The header of a safetensors file: its length, then name, type, shape and offsets of each tensor.

    Written by hand, because NumPy has no bfloat16 and the library does not accept raw bytes.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        shape = [int(size) for size in reversed(tensor.shape)]  # GGUF lists the innermost first
        begin, end = end, end + 2 * int(tensor.n_elements)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the data to eight bytes
    return len(text).to_bytes(8, "little") + text
