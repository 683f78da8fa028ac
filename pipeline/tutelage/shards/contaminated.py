"""Which problems of a run overlap with the evaluation sets that were named for it.

`decontaminate.action = mark` leaves such problems in the run; who trains on it asks here what to
leave out. What a match is, and what it looks like, is not told: `contamination.jsonl` says both.
"""

import json

from tutelage.errors import Mistake
from tutelage.shards.folder import existing
from tutelage.storage import reason

REPORT = "contamination.jsonl"
"""A line for each match, with the `problem_id` that the problem's dialogues have, too."""


def marked(run: str) -> frozenset[str]:
    """The `problem_id` of every match; none where nothing was compared, or all is clean.

    With the action `drop` they are told as well, though no dialogue of theirs is in the run.

    Raises:
        Mistake: this is not a run, or its report cannot be read.
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
            f"{path} is broken: give the command that made the run again, which writes it anew"
        ) from error
