"""What a training leaves on disk, and how it goes on from there.

    OUT/last/            the newest weights: a model folder that transformers and vLLM load
    OUT/best/            the same, at the lowest validation loss
    OUT/state/           weights in float32, optimiser, random states (accelerate), progress.json
    OUT/old.npz          log-probabilities under the starting weights, where they were asked for
    OUT/recipe.json      what was asked for, and what was found in the rows
    OUT/metrics.jsonl    one line a step, one a validation; OUT/tensorboard/ shows the same

The state is the truth; `last` follows from it. Each is written beside its place and renamed, so a
kill at any moment leaves the one before. The order of the data and the learning rate are functions
of the step number, so they need no state.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tutelage.errors import OutputError, SettingsError
from tutelage.seeds import digest
from tutelage.settings import differences
from tutelage.shards import lock
from tutelage.train import metrics
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Sample

STATE, LAST, BEST = "state", "last", "best"


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
    kept = out / f".{STATE}.old"
    return kept if kept.is_dir() and not (out / STATE).is_dir() else out / STATE


def fingerprint(samples: Iterable[Sample]) -> str:
    """Digest of what is learnt from: keys, weights, tokens, masks, log-probabilities."""

    def told(sample: Sample) -> str:
        arrays = (array for p in sample.pieces for array in (p.ids, p.train, p.logprobs))
        return digest(sample.key, sample.weight, *(array.tobytes().hex() for array in arrays))

    return digest(*map(told, samples))


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
    told = differences(then.shaping, shaping)
    if not told and then.data != now.data:
        told = ["the rows of the run are others"]
    if told:
        raise SettingsError(
            f"{recipe.out} holds another training ({'; '.join(told[:4])}): give another --out, "
            "or --fresh to start anew"
        )
    return then


def clear(out: Path) -> None:
    """Removes what an earlier training left in `out`, and nothing else."""
    for name in (STATE, LAST, BEST, "tensorboard"):
        for place in (out / name, out / f".{name}.old", out / f".{name}.new"):
            shutil.rmtree(place, ignore_errors=True)
    for name in ("old.npz", "recipe.json", metrics.FILE):
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


def write_old(out: Path, scored: Mapping[str, Any]) -> None:
    """Keeps log-probabilities under the starting weights, by piece."""
    stage = out / ".old.npz"
    with stage.open("wb") as file:
        np.savez(file, **scored)
    stage.rename(out / "old.npz")


def read_old(out: Path) -> dict[str, Any]:
    """What `write_old` kept; empty where nothing was."""
    file = out / "old.npz"
    if not file.is_file():
        return {}
    with np.load(file) as kept:
        return dict(kept)


def restore(accelerator: Any, folder: Path) -> None:
    """Loads weights, optimiser and random states that `accelerate` saved.

    Raises:
        SettingsError: there is no state, or it is of another model.
    """
    if not (folder / "progress.json").is_file():
        raise SettingsError(f"no training to go on from: {folder} holds no state")
    try:
        accelerator.load_state(str(folder))
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        words = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise SettingsError(f"the state in {folder} does not fit this model: {words}") from None
