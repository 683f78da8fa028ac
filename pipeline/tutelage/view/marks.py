"""Keep and drop, by dialogue, and the filter that they make.

Saved beside the run (the first of several) as `marks.json`, and as `marks.sql`, a condition for
`tutelage filter --where`: where something is to be kept, that alone; else all but what is to be
dropped.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tutelage.errors import Mistake
from tutelage.shards.folder import RunFolder, existing

Mark = Literal["keep", "drop"]


def load(runs: Sequence[str]) -> dict[str, Mark]:
    """The marks of the runs that are looked at, by dialogue id."""
    marks = existing(runs[0]).read_json("marks.json")
    return {str(key): mark for key, mark in marks.items() if mark in ("keep", "drop")}


def save(runs: Sequence[str], marks: Mapping[str, Mark]) -> str:
    """Saves the marks beside the first run; gives the command that makes a run of all of them.

    Raises:
        Mistake: there are none, or the run's folder cannot be written.
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
    """The marks as SQL over the columns of a row.

    >>> condition({"b": "drop", "a": "drop"})
    "dialogue_id NOT IN ('a', 'b')"
    """
    kept = sorted(key for key, mark in marks.items() if mark == "keep")
    ids = kept or sorted(marks)
    quoted = ", ".join(f"'{key.replace(chr(39), chr(39) * 2)}'" for key in ids)
    return f"dialogue_id {'IN' if kept else 'NOT IN'} ({quoted})"


def checked(given: Mapping[str, str]) -> dict[str, Mark]:
    """Marks as they came from a page; what is none is left out."""
    return {
        key: "keep" if mark == "keep" else "drop"
        for key, mark in given.items()
        if mark in ("keep", "drop")
    }
