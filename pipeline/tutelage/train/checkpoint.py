"""What a training leaves on disk, and how it goes on from there.

    OUT/last/            the newest weights: a model folder that transformers and vLLM load
    OUT/best/            the same, at the lowest validation loss
    OUT/state/           weights in float32 and optimiser, each process its shards, progress.json
    OUT/behaviour.npz    log-probabilities under the starting weights, where they were asked for
    OUT/recipe.json      what was asked for, and what was found in the rows
    OUT/metrics.jsonl    one line a step, one a validation; OUT/tensorboard/ shows the same

The state is the truth; `last` follows from it. Each is written beside its place and renamed, so a
kill at any moment leaves the one before. The order of the data, the learning rate and the random
numbers of a step are functions of its number, so they need no state. Shards are PyTorch's
distributed checkpoints: another number of processes reads them as well.
"""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tutelage.errors import OutputError, SettingsError
from tutelage.seeds import digest
from tutelage.settings import differences
from tutelage.shards import lock
from tutelage.train import metrics
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Sample

STATE, LAST, BEST = "state", "last", "best"
SCORES = "behaviour.npz"


@dataclass(slots=True)
class Progress:
    """How far a training has come."""

    step: int = 0
    """Optimiser steps done."""
    steps: int = 0
    """Optimiser steps in all."""
    data: str = ""
    """Digest of the samples in their order."""
    temperature: float = 1.0
    """Of the policy; found out before the first step of RL."""
    best: float | None = None
    """Lowest validation loss so far."""
    shaping: dict[str, Any] = field(default_factory=dict)
    """`Recipe.shaping`."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.steps > 0

    def write(self, folder: Path) -> None:
        """Writes `progress.json`."""
        tree = {name: getattr(self, name) for name in self.__slots__}
        (folder / "progress.json").write_text(json.dumps(tree, indent=2) + "\n", "utf-8")


def progress(out: Path) -> Progress | None:
    """How far the training in `out` has come; None where there is none."""
    file = found(out) / "progress.json"
    if not file.is_file():
        return None
    try:
        return Progress(**json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}): start anew with --fresh") from None


def found(out: Path) -> Path:
    """The folder of the state, also where a kill came between two renames."""
    before = out / f".{STATE}.old"
    return before if before.is_dir() and not (out / STATE).is_dir() else out / STATE


def fingerprint(samples: Iterable[Sample]) -> str:
    """Digest of what is learnt from: keys, weights, tokens, masks, log-probabilities."""

    def digested(sample: Sample) -> str:
        arrays = (array for p in sample.pieces for array in (p.ids, p.train, p.logprobs))
        return digest(sample.key, sample.weight, *(array.tobytes().hex() for array in arrays))

    return digest(*map(digested, samples))


def begun(recipe: Recipe, samples: Iterable[Sample], steps: int) -> Progress:
    """How far this very training has come in its output folder; at the start where it is new.

    Raises:
        SettingsError: another training lies there; names what is different.
    """
    shaping = json.loads(json.dumps(recipe.shaping()))
    now = Progress(steps=steps, data=fingerprint(samples), shaping=shaping)
    then = progress(Path(recipe.out))
    if then is None:
        return now
    changes = differences(then.shaping, shaping)
    if not changes and then.data != now.data:
        changes = ["the rows of the run are others"]
    if changes:
        raise SettingsError(
            f"{recipe.out} holds another training ({'; '.join(changes[:4])}): give another --out, "
            "or --fresh to start anew"
        )
    return then


def clear(out: Path) -> None:
    """Removes what an earlier training left in `out`, and nothing else."""
    for name in (STATE, LAST, BEST, "tensorboard"):
        for place in (out / name, out / f".{name}.old", out / f".{name}.new"):
            shutil.rmtree(place, ignore_errors=True)
    for name in (SCORES, "recipe.json", metrics.FILE):
        (out / name).unlink(missing_ok=True)


def writable(out: Path) -> None:
    """Makes the folder.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):  # of no fixed name: other processes try it as well
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror or error}") from None


@contextlib.contextmanager
def alone(out: Path, wait_s: float = 0.0) -> Iterator[None]:
    """One training at a time writes to a folder; of several processes the first holds the lock.

    Raises:
        SettingsError: another one does, also after `wait_s` seconds.
    """
    if int(os.environ.get("RANK", "0")):
        yield
        return
    with lock.held(out / ".lock", out, wait_s):
        yield


def write_scores(out: Path, scores: Mapping[str, Any]) -> None:
    """Keeps log-probabilities under the starting weights, by piece."""
    stage = out / f".{SCORES}"
    with stage.open("wb") as file:
        np.savez(file, **scores)
    stage.rename(out / SCORES)


def read_scores(out: Path) -> dict[str, Any]:
    """What `write_scores` kept.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with np.load(out / SCORES) as scores:
            return dict(scores)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SettingsError(
            f"{out / SCORES} cannot be read ({_line(error)}): start anew with --fresh"
        ) from None


def save(policy: Any, optimizer: Any, folder: Path) -> None:
    """Writes weights that are trained and optimiser states; every process its part."""
    import torch.distributed.checkpoint as shards

    shards.save(_state(policy, optimizer), checkpoint_id=str(folder), no_dist=_alone())


def restore(policy: Any, optimizer: Any, folder: Path) -> None:
    """Loads what `save` wrote, under any number of processes.

    Raises:
        SettingsError: there is no state, it is of another model, or it cannot be read.
    """
    import torch.distributed.checkpoint as shards
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_state_dict

    if not (folder / "progress.json").is_file():
        raise SettingsError(f"no training to go on from: {folder} holds no state")
    state = _state(policy, optimizer)
    try:
        shards.load(state, checkpoint_id=str(folder), no_dist=_alone())
        set_state_dict(
            policy,
            optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
            options=StateDictOptions(strict=False),  # what is frozen is not in it
        )
    except (Exception, CheckpointException) as error:  # a torn file, or one of another shape
        raise SettingsError(
            f"the state in {folder} does not fit this model, or is torn ({_line(error)}): "
            "start anew with --fresh"
        ) from None


def _state(policy: Any, optimizer: Any) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    options = StateDictOptions(ignore_frozen_params=True)
    weights, states = get_state_dict(policy, optimizer, options=options)
    return {"model": weights, "optimizer": states}


def _alone() -> bool:
    return not (torch.distributed.is_available() and torch.distributed.is_initialized())


def _line(error: BaseException) -> str:
    """The last cause in one line: libraries wrap it in tracebacks of every process."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1].strip() if lines else type(error).__name__)[:200]
