"""Reads which problems of a run overlap with the evaluation sets that were named for it.

`decontaminate.action = mark` leaves such problems in the run; trainers ask here which ones to leave
out. The matches themselves are in `contamination.jsonl`.
"""

import json

from tutelage.errors import Mistake
from tutelage.shards.folder import existing
from tutelage.storage import reason

REPORT = "contamination.jsonl"
"""One line per match; its `problem_id` is that of the problem's dialogues."""


def marked(run: str) -> frozenset[str]:
    """The `problem_id` of every match; empty if nothing was compared or nothing matched.

    Includes problems that the action `drop` removed from the run.

    Raises:
        Mistake: `run` is not a run, or its report cannot be read.
    """
    path = existing(run).root / REPORT
    try:
        lines = path.read_text("utf-8").split("\n")
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"cannot read {path}: {reason(error)}") from error
    try:
        return frozenset(str(json.loads(line)["problem_id"]) for line in lines if line)
    except (ValueError, KeyError, TypeError) as error:
        raise Mistake(
            f"{path} is broken: run the command that made the run once more, which rewrites it"
        ) from error
