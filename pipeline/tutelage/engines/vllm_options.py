"""How vLLM is started on this machine: its environment, its engine arguments, what the processor can.

The same for vLLM in this process and for a server that we start. Imports no vLLM: the environment has
to stand before that is imported.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.engines import thinking
from tutelage.errors import SettingsError
from tutelage.processes import cores
from tutelage.settings import Settings, Vllm

_CPU_LENGTH = 4096
"""Context on a CPU unless `vllm.max_model_len` says more: prefills there are whole, and a whole one
of a long context takes its length in memory."""


def has_gpu() -> bool:
    """Whether an NVIDIA driver shows a device here."""
    return Path("/proc/driver/nvidia/gpus").is_dir() or Path("/dev/nvidia0").exists()


def gpus() -> list[str]:
    """The devices of this machine that we may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [device.strip() for device in visible.split(",") if device.strip()]
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def replicas(settings: Vllm) -> list[dict[str, str]]:
    """What to add to the environment of each server of this machine, so that they share its GPUs.

    Raises:
        SettingsError: there are fewer GPUs than are wanted.
    """
    devices, each = gpus(), settings.tensor_parallel_size
    wanted = settings.replicas
    count: int = max(1, len(devices) // each) if wanted == "auto" else wanted
    if count == 1 or not devices:
        return [{} for _ in range(count)]
    if count * each > len(devices):
        raise SettingsError(
            f"vllm.replicas={count} of {each} GPUs each want {count * each}, this machine has "
            f"{len(devices)}: lower one of them, or say vllm.replicas=auto"
        )
    shares = (devices[n * each : (n + 1) * each] for n in range(count))
    return [{"CUDA_VISIBLE_DEVICES": ",".join(share)} for share in shares]


def computes_in_bfloat16(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 itself (x86: AVX512-BF16, AMX; Arm: BF16).

    One that does not emulates it: with AVX2 alone 0.7 GFLOPS where float32 has 70.
    """
    try:
        flags = processor.read_text("utf-8", "replace")
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def prepare(settings: Vllm) -> None:
    """Sets the environment that vLLM reads once, at its import. The person's own values stay.

    On the CPU: all cores compute (vLLM keeps one back by default: 239 instead of 291 tokens/s on
    two cores), and idle OpenMP threads sleep, because the driver needs the core.
    """
    wanted = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "TQDM_DISABLE": "1"}
    if not has_gpu():
        wanted |= {
            "VLLM_CPU_KVCACHE_SPACE": f"{max(1, round(settings.kv_cache_gb))}",
            "VLLM_CPU_OMP_THREADS_BIND": f"0-{cores() - 1}",
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "OMP_WAIT_POLICY": "passive",
        }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    _shield_llvmlite()


def _shield_llvmlite() -> None:
    """Lets vLLM's CPU engine start where numba is loaded already (the duplicate search loads it).

    vLLM looks through every loaded module and asks each value for its `__dict__`; llvmlite's
    library answers any name with a foreign function, which vLLM then takes for a dictionary.
    """
    ffi = sys.modules.get("llvmlite.binding.ffi")
    functions = getattr(getattr(ffi, "lib", None), "_fntab", None)
    if isinstance(functions, dict):
        functions.setdefault("__dict__", {})


def arguments(model: str, settings: Settings, bundled: bool) -> dict[str, Any]:
    """vLLM's engine arguments for `model`, an id or folder that `models.resolve` gave."""
    vllm = settings.vllm
    length = vllm.max_model_len or (2048 if bundled else 0)
    if not length and not has_gpu():
        length = min(_own_length(model), _CPU_LENGTH)
    hub_id, revision = models.split(model)
    chosen: dict[str, Any] = {
        "model": hub_id,
        "dtype": _dtype(vllm.dtype),
        "seed": settings.seed,
        "max_num_seqs": vllm.max_num_seqs or (256 if has_gpu() else 64),
        "enable_prefix_caching": True,
        # Stored log-probabilities are those of the distribution that was sampled from, temperature
        # included: what the ratio of GRPO needs.
        "logprobs_mode": "processed_logprobs",
        "tensor_parallel_size": vllm.tensor_parallel_size,
    }
    if any(each.reasoning_budget for each in (settings.student, settings.teacher, settings.judge)):
        chosen["reasoning_config"] = dict(thinking.CONFIG)
    if revision:
        chosen |= {"revision": revision, "tokenizer_revision": revision}
    if length:
        chosen["max_model_len"] = length
    if has_gpu():
        chosen["gpu_memory_utilization"] = vllm.gpu_memory_utilization
    else:
        # torch.compile takes minutes on a CPU. A seeded request in a chunked prefill kills the
        # CPU engine ("CPU Generator does not use offset"), so prefills are whole.
        chosen |= {"enforce_eager": True, "enable_chunked_prefill": False}
        chosen["max_num_batched_tokens"] = max(length, 4096)
        # A chat's prefix is kept in whole blocks; vLLM's own are of 128 tokens on a CPU, so that up
        # to 127 tokens of every turn were read anew: half of all prefill of the bundled model's.
        chosen["block_size"] = 32
    return chosen | vllm.extra


def _dtype(wanted: str) -> str:
    """`auto` on a CPU is what it is quick in; on a GPU vLLM itself knows."""
    if wanted != "auto" or has_gpu():
        return wanted
    return "bfloat16" if computes_in_bfloat16() else "float32"


def _own_length(model: str) -> int:
    """The context that a local model was made for; `_CPU_LENGTH` where that is not known."""
    config = Path(model) / "config.json"
    if not config.is_file():
        return _CPU_LENGTH
    values = json.loads(config.read_text("utf-8"))
    length = values.get("max_position_embeddings") or values.get("text_config", {}).get(
        "max_position_embeddings"
    )
    return int(length or _CPU_LENGTH)
