"""Rows in: the one place where this room reads shards. Streams; what is kept is up to `dataset`."""

from collections.abc import Iterator, Sequence
from typing import Any

from tutelage.errors import SettingsError
from tutelage.shards import read_rows

Row = dict[str, Any]

FACTS = (
    "dialogue_id",
    "problem_id",
    "group_id",
    "sample",
    "arm",
    "duplicate_of",
    "outcome",
    "leak",
    "models",
    "sampling",
)
"""What a row is chosen by."""

TEXTS = ("statement", "privileged_context", "messages", "trail", "primed_turns")
"""What it is tokenised from: most of its bytes."""


def read(
    run: str,
    split: str,
    columns: Sequence[str] = FACTS + TEXTS,
    solved: bool = False,
    where: str = "",
) -> Iterator[Row]:
    """The rows of one split in the order of the files.

    Args:
        run: The run's folder.
        split: `train`, `validation` or `test`.
        columns: Those to read.
        solved: Only rows that were solved and are no duplicates.
        where: Only rows of which this SQL condition is true.
    """
    kind = "solved" if solved else "*"
    return read_rows(run, columns, where, splits=(split,), kind=kind)


def student(run: str) -> str:
    """Name of the model that was the student in the run.

    Raises:
        SettingsError: the run does not say.
    """
    first = next(read_rows(run, ("models",)), None)
    name = str(first["models"]["student"]) if first else ""
    if name in ("", "scripted"):
        raise SettingsError(f"{run} names no student model: say which to train with --model")
    return name
