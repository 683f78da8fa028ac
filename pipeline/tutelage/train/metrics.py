"""Figures of a training: one JSON line a step, the same to TensorBoard, and to wandb on demand."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tutelage.errors import SettingsError

FILE = "metrics.jsonl"


class Metrics:
    """Where figures go. Only the main process has one that writes."""

    def __init__(self, out: Path, step: int, wandb: str = "", recipe: Any = None) -> None:
        """Goes on after `step`: lines of later steps, which a kill left behind, are dropped.

        Raises:
            SettingsError: wandb is wanted and not installed.
        """
        self._path = out / FILE
        kept = []
        if step and self._path.is_file():
            for line in self._path.read_text("utf-8").splitlines():
                try:
                    if json.loads(line)["step"] <= step:
                        kept.append(line + "\n")
                except (ValueError, KeyError):
                    continue  # the last line of a process that was killed
        self._path.write_text("".join(kept), "utf-8")
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._board = _tensorboard(out / "tensorboard", step)
        self._wandb = _wandb(wandb, out, recipe) if wandb else None

    def write(self, step: int, figures: Mapping[str, Any]) -> None:
        """One line; values that are no numbers go to the file only."""
        self._file.write(json.dumps({"step": step, **figures}) + "\n")
        numbers = {k: v for k, v in figures.items() if isinstance(v, int | float)}
        if self._board:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(numbers, step=step)

    def close(self) -> None:
        """Ends all of it."""
        self._file.close()
        if self._board:
            self._board.close()
        if self._wandb:
            self._wandb.finish()


def read(out: Path) -> list[dict[str, Any]]:
    """The lines of a training's metrics."""
    return [json.loads(line) for line in (out / FILE).read_text("utf-8").splitlines()]


def _tensorboard(folder: Path, step: int) -> Any:
    """A writer, or None where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def _wandb(project: str, out: Path, recipe: Any) -> Any:
    try:
        wandb: Any = importlib.import_module("wandb")
    except ImportError:
        raise SettingsError("wandb is not installed: pip install wandb, or leave it out") from None
    return wandb.init(project=project, dir=str(out), config=recipe, resume="allow")
