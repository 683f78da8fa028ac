"""What a training leaves on disk, and how it goes on from there.

    OUT/last/            the newest weights: a model folder that transformers and vLLM load
    OUT/best/            the same, at the lowest validation loss
    OUT/state/           weights in float32 and optimiser, each process its shards; progress.json;
                         scores.npz, log-probabilities under the starting weights where asked for
    OUT/recipe.json      what was asked for, and what the rows hold
    OUT/metrics.jsonl    one line a step, one a validation; OUT/tensorboard/ shows the same

The state is the truth; `last` follows from it. Each is written beside its folder and renamed, so a
kill leaves the one before. The order of the data, the learning rate and the random numbers of a step
follow from its number. Shards are PyTorch's: another number of processes reads them as well.
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
"""Of a distributed checkpoint, as PyTorch calls them."""


@dataclass(slots=True)
class Progress:
    """How far a training has come."""

    step: int = 0
    steps: int = 0
    """Optimiser steps in all; `step` of them are done."""
    data: str = ""
    """Digest of the samples in their order."""
    temperature: float = 1.0
    """Of the policy; settled before the first step of RL."""
    best: float | None = None
    """Lowest validation loss so far."""
    shaping: dict[str, Any] = field(default_factory=dict)
    """`Recipe.shaping`."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.steps > 0


def progress(out: Path) -> Progress | None:
    """How far the training in `out` has come; None where there is none."""
    file = _state_folder(out) / PROGRESS
    try:
        return Progress(**json.loads(file.read_text("utf-8"))) if file.is_file() else None
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}): start anew with --fresh") from None


def _state_folder(out: Path) -> Path:
    """The folder of the state, also where a kill came between two renames."""
    before = out / f".{STATE}.old"
    return before if before.is_dir() and not (out / STATE).is_dir() else out / STATE


def begun(recipe: Recipe, samples: Iterable[Sample], steps: int) -> Progress:
    """How far this very training has come in its output folder; at the start where it is new. A
    `SettingsError` names what is different where another training lies there.
    """

    def digested(sample: Sample) -> str:
        arrays = (array for p in sample.pieces for array in (p.ids, p.train, p.logprobs))
        return digest(sample.key, sample.weight, *(array.tobytes().hex() for array in arrays))

    shaping = json.loads(json.dumps(recipe.shaping()))
    now = Progress(steps=steps, data=digest(*map(digested, samples)), shaping=shaping)
    then = progress(Path(recipe.out))
    if then is None:
        return now
    changes = differences(then.shaping, shaping)
    if changes or then.data != now.data:
        changes = changes or ["the rows of the run are others"]
        raise SettingsError(
            f"{recipe.out} holds another training ({'; '.join(changes[:4])}): give another --out, "
            "or --fresh to start anew"
        )
    return then


def clear(out: Path) -> None:
    """Removes what an earlier training left in `out`, and nothing else."""
    for name in (STATE, LAST, BEST, "tensorboard"):
        for stage in (name, f".{name}.old", f".{name}.new"):
            shutil.rmtree(out / stage, ignore_errors=True)
    for name in ("recipe.json", metrics.FILE):
        (out / name).unlink(missing_ok=True)


def writable(out: Path) -> None:
    """Makes the folder; an `OutputError` where it cannot be written."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()  # of no fixed name: other processes try it as well


@contextlib.contextmanager
def alone(out: Path, wait_s: float = 0.0) -> Iterator[None]:
    """One training at a time writes to a folder; of several processes the first holds the lock.
    A `SettingsError` where another one does, also after `wait_s` seconds.
    """
    first = os.environ.get("RANK", "0") == "0"
    with lock.held(out / ".lock", out, wait_s) if first else contextlib.nullcontext():
        yield


def replace(stage: Path, folder: Path) -> None:
    """Puts the folder `stage` in the place of `folder`; an `OutputError` where that is refused."""
    old = folder.with_name(f".{folder.name}.old")
    with writing(folder):
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        stage.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def save(policy: Any, optimizer: Any, stage: Path) -> None:
    """Writes weights that are trained and optimiser states; every process its part."""
    import torch.distributed.checkpoint as shards

    shards.save(_state(policy, optimizer), **_where(stage))


def finish(stage: Path, out: Path, progress: Progress, scores: dict[str, Any]) -> None:
    """Puts the state in its place; the first process, when all have saved."""
    if scores:
        np.savez(stage / SCORES, **scores)
    tree = {name: getattr(progress, name) for name in progress.__slots__}
    (stage / PROGRESS).write_text(json.dumps(tree, indent=2) + "\n", "utf-8")
    replace(stage, out / STATE)


def restore(policy: Any, optimizer: Any, out: Path) -> dict[str, Any]:
    """Loads what was saved in `out`, under any number of processes; gives the scores. A
    `SettingsError` where there is no state, or it is torn or of another model.
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
        loose = StateDictOptions(strict=False)  # what is frozen is not in it
        set_state_dict(policy, optimizer, **state, options=loose)
        if not (folder / SCORES).is_file():
            return {}
        with np.load(folder / SCORES) as scores:
            return dict(scores)
    except (Exception, CheckpointException) as error:  # torn, or another shape
        raise SettingsError(
            f"the state in {folder} does not fit this model, or is torn ({_line(error)}): "
            "start anew with --fresh"
        ) from None


def _state(policy: Any, optimizer: Any) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    options = StateDictOptions(ignore_frozen_params=True)
    return dict(zip(PARTS, get_state_dict(policy, optimizer, options=options), strict=True))


def _where(folder: Path) -> dict[str, Any]:
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    return {"checkpoint_id": str(folder), "no_dist": not together}


def _line(error: BaseException) -> str:
    """The last cause in one line: libraries wrap it in tracebacks of every process."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()[:200]
