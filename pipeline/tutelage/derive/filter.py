"""`filter`: a run with those rows of other runs that some rules keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutelage.derive import rules
from tutelage.derive.parents import Parents, open_parents, repeated
from tutelage.derive.writing import Fates, Operation, Progress, unmoved, write
from tutelage.errors import Mistake


@dataclass(frozen=True, slots=True)
class Plan:
    """What a filter would do."""

    parents: Parents
    choice: rules.Choice
    decision: rules.Decision

    @property
    def kept(self) -> int:
        """Rows that are left."""
        return int((self.decision.rule < 0).sum())


def plan(runs: Sequence[str], choice: rules.Choice) -> Plan:
    """Decides on every row; writes nothing.

    Raises:
        Mistake: a run or a condition is not as wanted.
    """
    parents = open_parents(runs)
    connection = parents.connect()
    try:
        again = repeated(connection) if len(parents.runs) > 1 else np.empty(0, np.int64)
        decision = rules.decide(connection, choice, again)
    finally:
        connection.close()
    return Plan(parents, choice, decision)


def write_filtered(
    plan: Plan, out: str, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """Writes what a plan keeps to `out`; the manifest.

    Raises:
        Mistake: nothing is left, or `out` is taken or cannot be written.
    """
    tallies, rule = plan.decision.tallies, plan.decision.rule
    if not plan.kept:
        worst = max(tallies, key=lambda tally: tally.dropped, default=None)
        why = f"most dropped by {worst.rule!r}" if worst else "there were none"
        cure = ", or take single dialogues by --break-groups" * (not plan.choice.break_groups)
        raise Mistake(
            f"none of {len(rule)} dialogues is left ({why}), nothing is written: look with "
            f"--dry-run{cure}"
        )
    bins, to = unmoved(plan.parents)
    fates = Fates(
        bins,
        np.where(rule < 0, to, -1).astype(np.int16),
        {tally.rule: tally.dropped for tally in tallies},
    )
    operation = Operation("filter", plan.choice.record())
    settings = plan.parents.runs[0].settings
    return write(out, plan.parents, operation, fates, settings, progress=progress)
