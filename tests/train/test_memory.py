"""What `--dry-run` says of memory is what a training takes; a long sequence takes no square of it."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from forked import Forks

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")
MODULES = (
    "tutelage.train.learner",  # before torch: it sets how torch waits
    "tutelage.train.dry_run",
    "transformers.models.llama.modeling_llama",
    "transformers.models.mistral.modeling_mistral",
    "peft",
)
PREDICTED = """
import json, sys
import numpy as np
from tutelage.contract.tokens import Piece, Sample
from tutelage.train import dry_run, model, packing
from tutelage.train.learner import Learner
from tutelage.train.packing import WeightedSequence
from tutelage.train.recipe import recipe

model.quiet()
folder, given, lengths = sys.argv[1], *map(json.loads, sys.argv[2:])
chosen = recipe("sft", "", "", model=folder, threads=1, pack=max(map(sum, lengths)), **given)

def piece(n):
    ids, train = (np.arange(n) * 7 % 100).astype(np.int32), np.arange(n) > n // 2
    return Piece(ids, train, train.astype(np.int16), np.zeros(n, np.float32))

rows = [[WeightedSequence(piece(n), 1.0, 1.0) for n in row] for row in lengths]
fullest = max(rows, key=packing.tokens)
peaks = dry_run.shape(chosen, folder, packing.packed(fullest)).needs(chosen)
"""
"""What the dry run says."""
MEASURED = """
import gc, re

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10

def train(samples):
    learner = Learner(chosen, folder)
    learner.step(short, 1e-5)  # from then on there are states
    learner.step(samples, 1e-5)

short = [Sample("", (piece(24),))]
train(short)  # code that is loaded when it is first used
gc.collect()
open("/proc/self/clear_refs", "w").write("5")  # the most that was resident is what is now
before = memory("VmRSS")
train([Sample(str(i), (x.piece,)) for i, x in enumerate(sum(rows, []))])
peaks |= {"measured": memory("VmHWM") - before}
"""
"""What a training takes."""
SAID = "print(json.dumps(peaks))"
Peak = Callable[..., dict[str, float]]


@pytest.fixture(scope="module")
def peak() -> Iterator[Peak]:
    """Peak of a training in bytes, as predicted and, where asked for, `measured`."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    # one arena, given back at once: resident memory is then what is in use
    environment |= {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    environment |= {"HF_HUB_OFFLINE": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}
    with Forks(environment, MODULES) as forks:

        def ask(
            folder: Path, lengths: list[list[int]], measured: bool = True, **given: Any
        ) -> dict[str, float]:
            script = f"{PREDICTED}{MEASURED if measured else ''}{SAID}"
            done = forks.run(script, str(folder), json.dumps(given), json.dumps(lengths))
            assert done.returncode == 0, done.stderr[-3000:]
            peaks: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return peaks

        yield ask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: Any, tokenizer: Any) -> Path:
    """Twenty million weights, a third of them words: no part is small beside the others."""
    folder: Path = tmp_path_factory.mktemp("middling")
    shape = {"hidden_size": 320, "intermediate_size": 960, "num_hidden_layers": 6}
    heads = {"num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 4096}
    small.model(12_000, **shape, **heads, initializer_range=0.02).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "given",
    [
        {"dtype": "fp32"},
        {"dtype": "bf16", "checkpointing": True},
        {"dtype": "bf16", "lora": 16},
        {"dtype": "fp32", "lora": 16, "checkpointing": True},
        {"dtype": "fp32", "states": "bf16", "checkpointing": True},
    ],
    ids=lambda given: " ".join(f"{k}={v}" for k, v in given.items()),
)
def test_the_dry_run_tells_the_peak_within_a_tenth(given: dict[str, Any], folder: Path, peak: Peak):
    """Two passes a step, the second with the gradients of the first."""
    peaks = peak(folder, [[240, 240], [300, 150]], **given)
    ratio = peaks["total"] / peaks["measured"]
    assert 0.9 < ratio < 1.1, (ratio, peaks)


@pytest.mark.parametrize("window", [0, 1024])
def test_a_long_sequence_takes_no_square_of_memory(
    window: int, tokenizer: Any, tmp_path: Path, peak: Peak
):
    """Eight times the tokens: a square would be 64 times as much, and of 16k by 16k alone 1 GiB."""
    from transformers import MistralConfig, MistralForCausalLM

    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 16384}
    config = MistralConfig(
        vocab_size=len(tokenizer), **shape, **heads, sliding_window=window or None
    )
    MistralForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    short = peak(tmp_path, [[2048]], measured=False, dtype="fp32")
    long = peak(tmp_path, [[16384]], dtype="fp32")
    assert long["activations"] < 16 * short["activations"]
    assert long["measured"] < 1 << 28, (short, long)
