"""Small models, small tokenizers, and runs made of records; nothing here is downloaded."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tutelage.train  # noqa: F401  # before torch: it sets how torch waits

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tables import manifest  # noqa: E402
from tutelage import contract  # noqa: E402
from tutelage.records import Dialogue, Gold, Message, Outcome, Problem, Rules, Sampling  # noqa: E402

CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|im_end|>' -}}{%- endgeneration -%}{{- '\n' -}}"
    "{%- else -%}{{- message['content'] + '<|im_end|>\n' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
FORGETFUL = CHATML.replace(
    "message['content'] + '<|im_end|>' -",
    "('' if loop.last else 'earlier: ') + message['content'] + '<|im_end|>' -",
)
"""A template that is not prefix-preserving: an earlier reply is rendered in another way."""

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def make_tokenizer(template: str = CHATML) -> Any:
    """One token a byte, and three special ones; the pad token is none of those a chat has."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE({token: i for i, token in enumerate([*SPECIAL, *alphabet])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        bos_token="<|im_start|>",
        clean_up_tokenization_spaces=False,
        chat_template=template,
    )


def make_model(vocabulary: int, seed: int = 0, **changes: Any) -> Any:
    """A random Llama of a few ten thousand weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    shape = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))


def make_seeing(vocabulary: int) -> Any:
    """A random Gemma 3 that also sees: text layers with and without a window, a vision tower."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    torch.manual_seed(1)
    text = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"],
        "max_position_embeddings": 1024,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=2
    )
    return Gemma3ForConditionalGeneration(config)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> str:
    folder = tmp_path_factory.mktemp("model")
    make_model(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@dataclasses.dataclass(frozen=True)
class Runs:
    """Builds runs below one folder."""

    root: Path

    def dialogue(
        self,
        number: int,
        turns: int = 2,
        solved: bool = True,
        sample: int = 0,
        words: str = "",
        system: bool = True,
        sampled: Callable[[str], tuple[Sequence[int], Sequence[float]]] | None = None,
    ) -> Dialogue:
        """Dialogue of problem `number`: `turns` attempts, the last of them right where `solved`."""
        problem = Problem(
            f"p{number}",
            "math",
            "test",
            "CC0-1.0",
            f"What is {number} + {number}?",
            Gold("answer", str(2 * number)),
            solution=f"{number} + {number} = {2 * number}",
        )
        messages = [Message("system", "system", 0, "Be brief.")] if system else []
        messages.append(Message("teacher", "problem", 0, problem.statement))
        for turn in range(1, turns + 1):
            right = solved and turn == turns
            content = f"{words}It is {2 * number if right else 2 * number + turn + sample}"
            ids, logprobs = sampled(content) if sampled else ((), ())
            messages.append(
                Message(
                    "student",
                    "attempt",
                    turn,
                    content,
                    token_ids=tuple(ids),
                    logprobs=tuple(logprobs),
                    finish_reason="stop",
                )
            )
            if turn < turns:
                messages.append(
                    Message("teacher", "feedback", turn, f"Off by {turn}, look again.", form="hint")
                )
        status = "solved" if solved else "exhausted"
        outcome = Outcome(status, turns if solved else None, turns)
        return Dialogue(
            dialogue_id=f"d{number}-{sample}",
            group_id=f"g{number}",
            problem=problem,
            rules=Rules(student=Sampling(temperature=1.0)),
            sample=sample,
            seed=number,
            messages=tuple(messages),
            outcome=outcome,
        )

    def rows(self, dialogues: Iterable[Dialogue], model: str = "") -> list[dict[str, Any]]:
        stamp = contract.Stamp("run", {"student": model})
        return [contract.row(dialogue, stamp) for dialogue in dialogues]

    def write(
        self,
        dialogues: Iterable[Dialogue],
        model: str = "",
        validation: Iterable[Dialogue] = (),
        name: str = "run",
    ) -> str:
        """The dialogues as a run; its folder."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        every: list[dict[str, Any]] = []
        files: dict[str, int] = {}
        for split, members in (("train", dialogues), ("validation", validation)):
            rows = [row | {"split": split} for row in self.rows(members, model)]
            every += rows
            for kind, kept in (("solved", True), ("rest", False)):
                chosen = [r for r in rows if (r["outcome"]["status"] == "solved") == kept]
                if chosen:
                    folder = self.root / name / "shards" / split
                    folder.mkdir(parents=True, exist_ok=True)
                    table = pa.Table.from_pylist(chosen, contract.arrow_schema())
                    path = folder / f"{kind}-00000-of-00001.parquet"
                    pq.write_table(table, path)
                    files[str(path.relative_to(self.root / name))] = len(chosen)
        for file, content in (("run.json", {}), ("manifest.json", manifest(every, files))):
            (self.root / name / file).write_text(json.dumps(content), "utf-8")
        return str(self.root / name)


@pytest.fixture(scope="session")
def make_runs() -> type[Runs]:
    return Runs


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Models are so small that two threads would only wait for one another."""
    torch.set_num_threads(1)


@dataclasses.dataclass(frozen=True)
class Small:
    """What tests build models of."""

    tokenizer = staticmethod(make_tokenizer)
    model = staticmethod(make_model)
    seeing = staticmethod(make_seeing)
    forgetful = FORGETFUL


@pytest.fixture(scope="session")
def small() -> Small:
    return Small()
