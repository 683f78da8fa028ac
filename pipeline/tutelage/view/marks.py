"""A user's marks on dialogues, keep or drop, and the filter that they make.

Marks are saved in the folder of the run (the first of several) as `marks.json`, and as `marks.sql`,
a condition for `tutelage filter --where`. If any dialogue is marked keep, the condition keeps only
those; otherwise it keeps all but the dialogues marked drop.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tutelage.errors import Mistake
from tutelage.shards.folder import RunFolder, existing

Mark = Literal["keep", "drop"]


def load(runs: Sequence[str]) -> dict[str, Mark]:
    """The saved marks of these runs, by dialogue id."""
    marks = existing(runs[0]).read_json("marks.json")
    return {str(key): mark for key, mark in marks.items() if mark in ("keep", "drop")}


def save(runs: Sequence[str], marks: Mapping[str, Mark]) -> str:
    """Saves the marks in the first run's folder, and returns the command that filters all runs by them.

    Raises:
        Mistake: there are no marks, or the folder cannot be written.
    """
    if not marks:
        raise Mistake("nothing is marked: press k to keep a dialogue, d to drop it")
    folder: RunFolder = existing(runs[0])
    folder.write_json("marks.json", dict(marks))
    folder.write_text("marks.sql", condition(marks) + "\n")
    names = shlex.join(str(existing(run).root) for run in runs)
    saved = shlex.quote(str(folder.root / "marks.sql"))
    out = shlex.quote(f"outputs/{Path(str(folder.root)).name}-marked")
    return f'tutelage filter {names} --where "$(cat {saved})" --out {out}'


def condition(marks: Mapping[str, Mark]) -> str:
    """The marks as an SQL condition on the columns of a row.

    >>> condition({"b": "drop", "a": "drop"})
    "dialogue_id NOT IN ('a', 'b')"
    """
    keep = sorted(key for key, mark in marks.items() if mark == "keep")
    ids = keep or sorted(marks)
    quoted = ", ".join(f"'{key.replace(chr(39), chr(39) * 2)}'" for key in ids)
    return f"dialogue_id {'IN' if keep else 'NOT IN'} ({quoted})"


def checked(received: Mapping[str, str]) -> dict[str, Mark]:
    """The valid marks among those that the page sent."""
    return {
        key: "keep" if mark == "keep" else "drop"
        for key, mark in received.items()
        if mark in ("keep", "drop")
    }
