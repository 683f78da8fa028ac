"""Writes the trained weights as a model folder that transformers and vLLM load, completely or not
at all.

Weights are gathered from their shards one by one, cast to their original type, and written to
safetensors files of a few GB, so no process holds the whole model. An adapter is merged on the way,
and also kept separately in `adapter/`.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tutelage.train.checkpoint import replace
from tutelage.train.model import Student
from tutelage.train.sharding import whole

FILE_BYTES = 4 << 30
_EXTRAS = ("preprocessor_config.json", "processor_config.json")
"""Further files that serving a multimodal model needs."""


def write(student: Student, folder: Path, main: bool) -> None:
    """Writes the model folder and replaces an existing one. Every process takes part, the `main`
    one writes.

    Raises:
        OutputError: the folder cannot be written.
    """
    network = student.network
    adapted = hasattr(network, "peft_config")
    bare = network.get_base_model() if adapted else network
    stage = folder.with_name(f".{folder.name}.new")
    files, adapter = _Files(stage, bare), {}
    if main:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
    with torch.no_grad():
        for name, tensor in _tensors(bare):
            value = whole(tensor)
            if ".base_layer." in name:
                value = _merged(bare, name, value)
            if main and ".lora_" in name:
                adapter[f"base_model.model.{name}"] = value.cpu()
            elif main:
                kind = student.dtype if value.is_floating_point() else value.dtype
                files.add(name.replace(".base_layer.", "."), value.to("cpu", kind))
    if not main:
        return
    files.close()
    if adapted:
        network.save_pretrained(str(stage / "adapter"), state_dict=adapter)
    _write_settings(student, bare, stage)
    replace(stage, folder)


def _tensors(bare: Any) -> Iterator[tuple[str, Tensor]]:
    """Weights and buffers by name; a tensor with two names (tied) occurs once."""
    seen: set[int] = set()
    for name, tensor in bare.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def _merged(bare: Any, name: str, value: Tensor) -> Tensor:
    """A weight with its adapter merged; added in float32."""
    owner, _, parameter = name.rpartition(".base_layer.")
    layer = bare.get_submodule(owner)
    if parameter != "weight":
        return value
    low, high = (whole(part["default"].weight).float() for part in (layer.lora_A, layer.lora_B))
    change = layer.scaling["default"] * (high @ low)
    return value.float() + (change.T if layer.fan_in_fan_out else change)


@dataclass(slots=True)
class _Files:
    """Safetensors files of at most about `FILE_BYTES`, and their index."""

    folder: Path
    bare: Any
    held: dict[str, Tensor] = field(default_factory=dict)
    index: dict[str, str] = field(default_factory=dict)
    """Name of a tensor -> its file."""
    files: list[Path] = field(default_factory=list)

    def add(self, name: str, tensor: Tensor) -> None:
        """Adds a tensor. Files end between layers: one layer's names may be converted together."""
        size = tensor.nbytes + sum(other.nbytes for other in self.held.values())
        if size > FILE_BYTES and _layer(next(reversed(self.held), "")) != _layer(name):
            self._flush()
        self.held[name] = tensor

    def _flush(self) -> None:
        from safetensors.torch import save_file
        from transformers.core_model_loading import revert_weight_conversion

        tensors = revert_weight_conversion(self.bare, self.held)
        self.files.append(self.folder / f"model-{len(self.files) + 1:05d}.safetensors")
        # The conversion may return views of one tensor: each is written separately.
        copies = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
        save_file(copies, self.files[-1], metadata={"format": "pt"})
        self.index |= dict.fromkeys(tensors, self.files[-1].name)
        self.held = {}

    def close(self) -> None:
        """Writes the remaining tensors, and the index if there are several files."""
        self._flush()
        if len(self.files) == 1:
            self.files[0].rename(self.folder / "model.safetensors")
            return
        size = sum(file.stat().st_size for file in self.files)
        index = {"metadata": {"total_size": size}, "weight_map": self.index}
        text = json.dumps(index, indent=2) + "\n"
        (self.folder / "model.safetensors.index.json").write_text(text, "utf-8")


def _layer(name: str) -> str:
    return re.sub(r"(.*?\.\d+\.).*", r"\1", name)


def _write_settings(student: Student, bare: Any, stage: Path) -> None:
    from transformers.utils import cached_file

    bare.config.save_pretrained(str(stage))
    if bare.can_generate():
        bare.generation_config.save_pretrained(str(stage))
    student.tokenizer.save_pretrained(str(stage))
    for name in _EXTRAS:
        file = cached_file(student.source, name, _raise_exceptions_for_missing_entries=False)
        if file:
            shutil.copy(file, stage / name)
    # its dtype has to be that of the files, not of the weights in memory
    file = stage / "config.json"
    tree = json.loads(file.read_text("utf-8")) | {"architectures": [type(bare).__name__]}
    tree |= {"dtype": str(student.dtype).removeprefix("torch."), "use_cache": True}
    tree.pop("torch_dtype", None)
    file.write_text(json.dumps(tree, indent=2) + "\n", "utf-8")
    for weights in stage.glob("*.safetensors"):  # written with access for the owner only
        weights.chmod(file.stat().st_mode)
