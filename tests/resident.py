"""Fixture: one vLLM server for all tests that want one, with whatever weights they want next.

A start of vLLM costs ten seconds and more; new weights cost one. Its context is `CONTEXT` tokens.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from proc import descendants
from tutelage import engines, models, settings
from tutelage.engines import HOT_SWAP_SERVERS, Engine
from tutelage.engines.hot_swap import HotSwapServer

CONTEXT = 512
SHARE = "vllm.gpu_memory_utilization=0.25"
"""Of a GPU's memory: by default an engine takes nine tenths, and tests have several at a time."""


class Resident:
    """The server, begun with the weights in the folder `first`."""

    def __init__(self, folder: Path) -> None:
        self.first = str(folder / "noisy")
        _noisy(self.first)
        self.log = folder / "vllm.log"
        self.starts: list[str] = []
        """What was said of each start."""
        sets = [f"vllm.max_model_len={CONTEXT}", "vllm.kv_cache_gb=1", SHARE]
        chosen = settings.load("", sets)
        self.hot_swap = HotSwapServer(
            chosen, self.first, self.log, self.starts.append, lambda: False
        )

    @property
    def url(self) -> str:
        return self.hot_swap.server.url

    def engine(self, model: str) -> Engine:
        """The engine of a player with this model, once the server has its weights."""
        self.hot_swap.play(model)
        chosen = settings.load("", [f"student.model={model}", f"vllm.max_model_len={CONTEXT}"])
        with mock.patch.dict(os.environ, {HOT_SWAP_SERVERS: json.dumps({model: self.url})}):
            return engines.build(chosen.student, chosen)


def _noisy(path: str) -> None:
    """The bundled model with noise in every weight, as a training leaves a folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    bundled = models.resolve(models.BUNDLED)
    model = AutoModelForCausalLM.from_pretrained(bundled, dtype=torch.bfloat16)
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=drawn, dtype=weight.dtype)
            weight.add_(noise * weight.std() * 0.03)
    model.save_pretrained(path)
    AutoTokenizer.from_pretrained(bundled).save_pretrained(path)


@pytest.fixture(scope="session")
def resident(
    tmp_path_factory: pytest.TempPathFactory,
    survivors: Callable[[Iterable[int]], list[int]],
) -> Iterator[Resident]:
    """Serves until all tests have ended; then nothing of it is left."""
    if reason := models.fault():
        pytest.skip(f"the bundled model {reason}: tutelage model pull")
    before = set(descendants(os.getpid()))
    serving = Resident(tmp_path_factory.mktemp("resident"))
    processes = set(descendants(os.getpid())) - before
    assert len(processes) >= 3, "a reaper, a web server and an engine"
    yield serving
    serving.hot_swap.close()
    assert survivors(processes) == []
