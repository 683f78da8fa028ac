"""The files of a training, and how it resumes from them.

    OUT/last/            the newest weights: a model folder that transformers and vLLM load
    OUT/best/            the same, at the lowest validation loss
    OUT/state/           float32 weights and optimiser, one shard per process; progress.json;
                         scores.npz, log-probabilities under the starting weights if requested
    OUT/recipe.json      the recipe, and facts about the rows
    OUT/metrics.jsonl    one line per step and per validation; OUT/tensorboard/ shows the same

The state is authoritative; `last` is derived from it. Each is written next to its folder and then
renamed, so a kill leaves the previous one intact. The order of the data, the learning rate and the
random numbers of a step depend only on its number. Shards have PyTorch's format, which any number
of processes can read.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tutelage.contract.tokens import Sample
from tutelage.errors import SettingsError
from tutelage.seeds import digest
from tutelage.settings import differences
from tutelage.shards import lock
from tutelage.shards.folder import writing
from tutelage.train import metrics
from tutelage.train.recipe import Recipe

STATE, LAST, BEST = "state", "last", "best"
PROGRESS, SCORES = "progress.json", "scores.npz"
PARTS = ("model_state_dict", "optim_state_dict")
"""The parts of a distributed checkpoint, by PyTorch's names."""


@dataclass(slots=True)
class Progress:
    """The progress of a training."""

    step: int = 0
    steps: int = 0
    """Total number of optimiser steps; `step` of them are done."""
    data: str = ""
    """Digest of the samples in their order."""
    temperature: float = 1.0
    """Of the policy; fixed before the first step of RL."""
    best: float | None = None
    """Lowest validation loss so far."""
    shaping: dict[str, Any] = field(default_factory=dict)
    """`Recipe.shaping`."""

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.steps > 0


def progress(out: Path) -> Progress | None:
    """The progress of the training in `out`; None if there is none."""
    file = _state_folder(out) / PROGRESS
    try:
        return Progress(**json.loads(file.read_text("utf-8"))) if file.is_file() else None
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}): start anew with --fresh") from None


def _state_folder(out: Path) -> Path:
    """The folder of the state, even if a kill came between two renames."""
    before = out / f".{STATE}.old"
    return before if before.is_dir() and not (out / STATE).is_dir() else out / STATE


def begun(recipe: Recipe, samples: Iterable[Sample], steps: int) -> Progress:
    """The progress of this training in its output folder, or that of a new one.

    Raises:
        SettingsError: the folder holds another training; the message names the differences.
    """

    def digested(sample: Sample) -> str:
        arrays = (array for p in sample.pieces for array in (p.ids, p.train, p.logprobs))
        return digest(sample.key, sample.weight, *(array.tobytes().hex() for array in arrays))

    shaping = json.loads(json.dumps(recipe.shaping()))
    new = Progress(steps=steps, data=digest(*map(digested, samples)), shaping=shaping)
    existing = progress(Path(recipe.out))
    if existing is None:
        return new
    changes = differences(existing.shaping, shaping)
    if changes or existing.data != new.data:
        changes = changes or ["the rows of the run are others"]
        raise SettingsError(
            f"{recipe.out} holds another training ({'; '.join(changes[:4])}): give another --out, "
            "or --fresh to start anew"
        )
    return existing


def clear(out: Path) -> None:
    """Removes what an earlier training left in `out`, and nothing else."""
    for name in (STATE, LAST, BEST, "tensorboard"):
        for stage in (name, f".{name}.old", f".{name}.new"):
            shutil.rmtree(out / stage, ignore_errors=True)
    for name in ("recipe.json", metrics.FILE):
        (out / name).unlink(missing_ok=True)


def writable(out: Path) -> None:
    """Creates the folder. Raises `OutputError` if it cannot be written."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        # without a fixed name, because other processes probe too
        tempfile.TemporaryFile(dir=out).close()


@contextlib.contextmanager
def alone(out: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Ensures that one training at a time writes to a folder; the first of several processes holds
    the lock.

    Raises:
        SettingsError: another training still holds it after `wait_s` seconds.
    """
    first = os.environ.get("RANK", "0") == "0"
    with lock.held(out / ".lock", out, wait_s) if first else contextlib.nullcontext():
        yield


def replace(stage: Path, folder: Path) -> None:
    """Replaces `folder` by the folder `stage`. Raises `OutputError` if that fails."""
    old = folder.with_name(f".{folder.name}.old")
    with writing(folder):
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        stage.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def save(policy: Any, optimizer: Any, stage: Path) -> None:
    """Writes trained weights and optimiser states; every process writes its part."""
    import torch.distributed.checkpoint as shards

    shards.save(_state(policy, optimizer), **_where(stage))


def finish(stage: Path, out: Path, progress: Progress, scores: dict[str, Any]) -> None:
    """Moves the state to its place; called by the first process when all have saved."""
    if scores:
        np.savez(stage / SCORES, **scores)
    tree = {name: getattr(progress, name) for name in progress.__slots__}
    (stage / PROGRESS).write_text(json.dumps(tree, indent=2) + "\n", "utf-8")
    replace(stage, out / STATE)


def restore(policy: Any, optimizer: Any, out: Path) -> dict[str, Any]:
    """Loads the state in `out` into any number of processes and returns the scores.

    Raises:
        SettingsError: there is no state, or it is incomplete or belongs to another model.
    """
    import torch.distributed.checkpoint as shards
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_state_dict

    folder = _state_folder(out)
    if not (folder / PROGRESS).is_file():
        raise SettingsError(f"no training to go on from: {folder} holds no state")
    state = _state(policy, optimizer)
    try:
        shards.load(state, **_where(folder))
        loose = StateDictOptions(strict=False)  # frozen weights are not in it
        set_state_dict(policy, optimizer, **state, options=loose)
        if not (folder / SCORES).is_file():
            return {}
        with np.load(folder / SCORES) as scores:
            return dict(scores)
    except (Exception, CheckpointException) as error:  # incomplete, or of another shape
        raise SettingsError(
            f"the state in {folder} does not fit this model, or is torn ({_line(error)}): "
            "start anew with --fresh"
        ) from None


def _state(policy: Any, optimizer: Any) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    options = StateDictOptions(ignore_frozen_params=True)
    return dict(zip(PARTS, get_state_dict(policy, optimizer, options=options), strict=True))


def _where(folder: Path) -> dict[str, Any]:
    is_distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return {"checkpoint_id": str(folder), "no_dist": not is_distributed}


def _line(error: BaseException) -> str:
    """The root cause in one line; libraries wrap it in the tracebacks of every process."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()[:200]
