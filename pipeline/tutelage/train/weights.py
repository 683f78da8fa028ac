"""The trained weights as a model folder that transformers and vLLM load: whole or not at all.

One weight after the other is gathered from its shards, cast to the type that it came in, and put
into safetensors files of a few GB, so no process ever holds the model twice or whole. An adapter is
merged on the way, and also kept apart in `adapter/`.
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

from tutelage.errors import OutputError
from tutelage.train.model import Student
from tutelage.train.sharding import whole

ADAPTER = "adapter"
FILE_BYTES = 4 << 30
_EXTRAS = ("preprocessor_config.json", "processor_config.json")
"""What a model that also sees needs besides, to be served."""


def write(student: Student, folder: Path, main: bool) -> None:
    """Writes the model folder; every process takes part, the `main` one writes.

    Args:
        student: The trained model, out of any wrapper but peft's.
        folder: Replaced where it exists.
        main: Whether this process writes.

    Raises:
        OutputError: the file system will not have it.
    """
    network = student.network
    adapted = hasattr(network, "peft_config")
    bare = network.get_base_model() if adapted else network
    stage = folder.with_name(f".{folder.name}.new")
    files = _Files(stage, bare)
    adapter = {}
    if main:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
    with torch.no_grad():
        for name, tensor in _tensors(bare):
            value = whole(tensor)
            if ".lora_" in name:
                adapter[f"base_model.model.{name}"] = value.cpu() if main else None
                continue
            if ".base_layer." in name:
                value = _merged(bare, name, value)
            if main:
                kind = student.dtype if value.is_floating_point() else value.dtype
                files.add(name.replace(".base_layer.", "."), value.to("cpu", kind))
    if not main:
        return
    files.close()
    if adapted:
        network.save_pretrained(str(stage / ADAPTER), state_dict=adapter)
    _write_settings(student, bare, stage)
    replace(stage, folder)


def replace(stage: Path, folder: Path) -> None:
    """Puts the folder `stage` in the place of `folder`.

    Raises:
        OutputError: the file system will not have it.
    """
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        stage.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None


def _tensors(bare: Any) -> Iterator[tuple[str, Tensor]]:
    """Weights and buffers by name; one that has two names (tied) once."""
    seen: set[int] = set()
    for name, tensor in bare.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def _merged(bare: Any, name: str, value: Tensor) -> Tensor:
    """A weight with its adapter in it; added in float32."""
    place, _, what = name.rpartition(".base_layer.")
    layer = bare.get_submodule(place)
    if what != "weight":
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
    size: int = 0
    place: dict[str, int] = field(default_factory=dict)
    """Name of a tensor -> number of its file."""
    total: int = 0
    count: int = 0

    def add(self, name: str, tensor: Tensor) -> None:
        """A file ends between two layers: names of one layer may be written as other ones."""
        size = tensor.numel() * tensor.element_size()
        last = next(reversed(self.held), "")
        if self.size + size > FILE_BYTES and _layer(last) != _layer(name):
            self._flush()
        self.held[name] = tensor.contiguous()
        self.size += size

    def _flush(self) -> None:
        from safetensors.torch import save_file
        from transformers.core_model_loading import revert_weight_conversion

        tensors = revert_weight_conversion(self.bare, self.held)
        file = self.folder / f"model-{self.count:05d}.safetensors"
        # views of one tensor may come back from the conversion: each is written by itself
        save_file({n: t.clone() for n, t in tensors.items()}, file, metadata={"format": "pt"})
        self.place |= dict.fromkeys(tensors, self.count)
        self.total, self.count = self.total + self.size, self.count + 1
        self.held, self.size = {}, 0

    def close(self) -> None:
        """Writes what is held, and the index where there are several files."""
        self._flush()
        stem = "model" if self.count == 1 else "model-{:05d}-of-{:05d}"
        names = [f"{stem.format(i + 1, self.count)}.safetensors" for i in range(self.count)]
        for i, name in enumerate(names):
            (self.folder / f"model-{i:05d}.safetensors").rename(self.folder / name)
        if self.count > 1:
            index = {
                "metadata": {"total_size": self.total},
                "weight_map": {name: names[i] for name, i in self.place.items()},
            }
            file = self.folder / "model.safetensors.index.json"
            file.write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def _layer(name: str) -> str:
    numbered = re.match(r".*?\.\d+\.", name)
    return numbered.group() if numbered else name


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
    file = stage / "config.json"  # names the type of the weights in the file, not in memory
    tree = json.loads(file.read_text("utf-8"))
    tree.pop("torch_dtype", None)
    tree |= {"dtype": str(student.dtype).removeprefix("torch."), "use_cache": True}
    tree["architectures"] = [type(bare).__name__]
    file.write_text(json.dumps(tree, indent=2) + "\n", "utf-8")
    readable = file.stat().st_mode
    for weights in stage.glob("*.safetensors"):  # written for their owner alone
        weights.chmod(readable)
