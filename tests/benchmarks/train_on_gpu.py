"""SFT on one GPU: ours, TRL's with Liger's kernels where installed, and what the card could do.

    python tests/benchmarks train --device gpu          # the same by the collection's own command
    python tests/benchmarks/train_on_gpu.py --checkpointing     # activations recomputed on both sides
    python tests/benchmarks/train_on_gpu.py --tiny      # a toy on any machine, to try it

One prepared run under eight minutes on a card of 80 GB, nothing downloaded: a model of the shape of
Qwen3-0.6B with random weights, sequences of 8,192 random tokens, all trained, four a step, AdamW,
bfloat16 over float32 weights. Ours runs as it is and compiled. Each trainer takes the same steps in a
process of its own, one after the other; the first ones of each are not counted. The limit is what a
plain matrix product reaches on the card, divided by the FLOPs that a token needs.
"""

import argparse
import json
import multiprocessing as mp
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHAPE = {
    "vocab_size": 151_936,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40_960,
    "tie_word_embeddings": True,
}
TINY = SHAPE | {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
STEPS, WARM, BATCH = 12, 4, 4


def prepared(folder: Path, tiny: bool) -> None:
    """A model folder with random weights, and a tokenizer that is never used."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(**(TINY if tiny else SHAPE), dtype="bfloat16")
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    words = Tokenizer(WordLevel({"<end>": 0, "a": 1}, unk_token="a"))
    template = "{% for m in messages %}{{ m['content'] }}<end>{% endfor %}"
    PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<end>", chat_template=template
    ).save_pretrained(folder)


def tokens(tiny: bool) -> Any:
    """(sequences, length) of a whole measurement."""
    import numpy as np

    shape = (STEPS * BATCH, 256 if tiny else 8192)
    return np.random.default_rng(0).integers(2, (TINY if tiny else SHAPE)["vocab_size"], shape)


def ours(folder: str, given: Mapping[str, Any], results: Any, compiled: bool = False) -> None:
    """Learner.step; `compiled`: with --compile."""
    import numpy as np
    import torch

    from tutelage.contract.tokens import Piece, Sample
    from tutelage.train.learner import Learner
    from tutelage.train.recipe import recipe

    ids, recompute = tokens(given["tiny"]), given["checkpointing"]
    more = {"checkpointing": recompute, "pack": ids.shape[1], "compile": compiled}
    learner = Learner(recipe("sft", "", "", dtype="bf16", **more), folder)
    taken, figures = [], {}
    for start in range(0, len(ids), BATCH):
        samples = []
        for i, sequence in enumerate(ids[start : start + BATCH]):
            train = np.arange(len(sequence)) > 0
            blank = np.zeros(len(sequence), np.float32)
            piece = Piece(sequence.astype(np.int32), train, train.astype(np.int16), blank)
            samples.append(Sample(str(i), (piece,)))
        begun = time.perf_counter()
        figures = learner.step(samples, 1e-5)
        taken.append(time.perf_counter() - begun)
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    needed = learner.work.of([ids.shape[1]] * BATCH, ids.shape[1] * BATCH)
    results.put({"seconds": taken, "gib": peak, "flops": needed, "mfu": figures.get("mfu")})


def ours_compiled(folder: str, given: Mapping[str, Any], results: Any) -> None:
    """Learner.step with compiled layers."""
    ours(folder, given, results, compiled=True)


def trl(folder: str, given: Mapping[str, Any], results: Any) -> None:
    """SFTTrainer.train on the same tokens; with Liger's kernels where they are installed."""
    from importlib.util import find_spec

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    taken: list[float] = []
    ids = tokens(given["tiny"])

    class Clock(TrainerCallback):  # type: ignore[misc]
        begun = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.begun = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - self.begun)

    with tempfile.TemporaryDirectory() as scratch:
        SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
            args=SFTConfig(
                output_dir=scratch,
                per_device_train_batch_size=1,
                gradient_accumulation_steps=BATCH,
                num_train_epochs=1,
                max_length=None,
                bf16=True,
                use_cpu=not torch.cuda.is_available(),
                gradient_checkpointing=given["checkpointing"],
                use_liger_kernel=bool(find_spec("liger_kernel")),
                learning_rate=1e-5,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            processing_class=AutoTokenizer.from_pretrained(folder),
            train_dataset=Dataset.from_list([{"input_ids": row.tolist()} for row in ids]),
            callbacks=[Clock()],
        ).train()
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    results.put({"seconds": taken, "gib": peak, "liger": bool(find_spec("liger_kernel"))})


def limit(tiny: bool) -> float:
    """FLOP/s of a plain bfloat16 matrix product."""
    import torch

    size = 1024 if tiny else 8192
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        (a @ b).sum().item()
        times.append(time.perf_counter() - begun)
    return 2 * size**3 / min(times)


def measured(tiny: bool = False, checkpointing: bool = False) -> dict[str, Any]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    import torch

    context = mp.get_context("spawn")
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder), tiny)
        for work in (ours, ours_compiled, trl):
            queue = context.Queue()
            given = {"tiny": tiny, "checkpointing": checkpointing}
            worker = context.Process(target=work, args=(folder, given, queue))
            worker.start()
            while worker.is_alive() and queue.empty():
                time.sleep(0.1)
            assert not worker.exitcode, f"{work.__name__} ended with {worker.exitcode}"
            results[work.__name__] = queue.get(timeout=10)
            print(work.__name__, results[work.__name__], file=sys.stderr, flush=True)
            worker.join()
            steps = len(results[work.__name__]["seconds"])
            assert steps == STEPS, f"{work.__name__} took {steps} steps, not {STEPS}"
    count = BATCH * tokens(tiny).shape[1]
    speed = {name: count / statistics.median(x["seconds"][WARM:]) for name, x in results.items()}
    best = max("ours", "ours_compiled", key=lambda name: speed[name])
    most = limit(tiny) / (results["ours"]["flops"] / count)
    liger = " + Liger" if results["trl"]["liger"] else ""
    titles = {"ours": "ours", "ours_compiled": "ours, compiled", "trl": f"TRL SFTTrainer{liger}"}
    rivals = {
        titles[name]: {"tokens_per_second": round(speed[name], 1), "gib": round(x["gib"], 2)}
        for name, x in results.items()
    }
    return {
        "sft_tokens_per_second_gpu": {
            "ratio": round(speed[best] / speed["trl"], 3),
            "goal": 1.0,
            "better": "higher",
            "value": round(speed[best], 1),
            "unit": "tokens/s",
            "mfu": results[best]["mfu"],
            "card": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
            "rivals": rivals | {"a plain matrix product": {"tokens_per_second": round(most, 1)}},
            "command": "python tests/benchmarks/train_on_gpu.py"
            + " --checkpointing" * checkpointing,
        }
    }


def __getattr__(name: str) -> Any:
    """`figures` for the collection's command, out of sight of those that run everything."""
    if name == "figures":
        return measured
    raise AttributeError(name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="SFT on one GPU, beside TRL's and the limit.")
    parser.add_argument("--tiny", action="store_true", help="A toy on any machine, to try it.")
    parser.add_argument("--checkpointing", action="store_true", help="Recompute activations.")
    print(json.dumps(measured(**vars(parser.parse_args())), indent=1))
