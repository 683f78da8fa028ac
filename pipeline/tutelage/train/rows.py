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

TEXTS = ("statement", "gold", "privileged_context", "messages", "trail", "primed_turns")
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


def student(runs: Sequence[str]) -> str:
    """Name of the model that was the student in the runs.

    Raises:
        SettingsError: they do not say, or name several.
    """
    names: set[str] = set()
    for run in runs:
        first = next(read_rows(run, ("models",)), None)
        names.add(str(first["models"]["student"]) if first else "")
    name = names.pop()
    if names or name in ("", "scripted"):
        which = "name several student models" if names else "names no student model"
        raise SettingsError(f"{', '.join(runs)} {which}: say which to train with --model")
    return name
