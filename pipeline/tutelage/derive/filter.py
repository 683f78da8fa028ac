"""`filter`: makes a run of the rows of other runs that the rules keep."""

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
    """What a filter would do, decided but not yet written."""

    parents: Parents
    choice: rules.Choice
    decision: rules.Decision

    @property
    def kept(self) -> int:
        """Number of rows that no rule drops."""
        return int((self.decision.rule < 0).sum())


def plan(runs: Sequence[str], choice: rules.Choice) -> Plan:
    """Decides on every row; writes nothing.

    Raises:
        Mistake: a run cannot be used, or a condition is not valid SQL.
    """
    parents = open_parents(runs)
    connection = parents.connect()
    try:
        copies = repeated(connection) if len(parents.runs) > 1 else np.empty(0, np.int64)
        decision = rules.decide(connection, choice, copies)
    finally:
        connection.close()
    return Plan(parents, choice, decision)


def write_filtered(
    plan: Plan, out: str, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """Writes the rows that a plan keeps to `out` and returns the manifest.

    Raises:
        Mistake: no row is left, or `out` is not empty or cannot be written.
    """
    tallies, rule = plan.decision.tallies, plan.decision.rule
    if not plan.kept:
        strictest = max(tallies, key=lambda tally: tally.dropped, default=None)
        why = f"most dropped by {strictest.rule!r}" if strictest else "there were none"
        cure = ", or keep single dialogues with --break-groups" * (not plan.choice.break_groups)
        raise Mistake(
            f"none of {len(rule)} dialogues is left ({why}), nothing is written: see the count of "
            f"each rule with --dry-run{cure}"
        )
    bins, bin_of = unmoved(plan.parents)
    fates = Fates(
        bins,
        np.where(rule < 0, bin_of, -1).astype(np.int16),
        {tally.rule: tally.dropped for tally in tallies},
    )
    operation = Operation("filter", plan.choice.record())
    settings = plan.parents.runs[0].settings
    return write(out, plan.parents, operation, fates, settings, progress=progress)
