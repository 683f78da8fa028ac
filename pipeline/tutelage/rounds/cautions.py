"""Warning signs across rounds, from the figures alone; nothing is stopped here.

The thresholds come from a toy world in which each of these occurred: GRPO straight from the base
collapsed within fifty steps, groups with equal returns taught nothing, and at a learning rate of
1e-4 RL unlearned to ask, because a question costs a discounted turn. A warm start by SFT, a
learning rate of at most 1e-4, `beta` of .05 to .1 and `std_floor` of .1 helped.

Warning signs within one training (entropy, stale rows) are in `train.metrics`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COMPARED = 0.2
"""A round with a smaller share of groups with different returns teaches little."""
COLLAPSED = 0.5
"""Share of the best mean return so far."""
FAINT = 0.02
"""Mean returns and question rates below this are too small for a fall to matter."""
AT_ONCE = 0.5
"""With a larger share solved at the first turn, little is left for feedback."""
ASKED = 0.5
"""Share of the first round's question rate."""


def of_round(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The warnings after the newest of these rounds."""
    played = [line for line in lines if "groups" in line]
    if not played or played[-1] is not lines[-1]:
        return
    newest, before = played[-1], played[:-1]
    if newest["groups_compared"] < COMPARED * newest["groups"]:
        yield (
            f"only {newest['groups_compared']} of {newest['groups']} groups differ in their returns, "
            "and no other teaches anything: more samples a problem, problems of another difficulty, "
            "or a warm start by [warmup]"
        )
    best = max((line["return"] for line in before), default=0.0)
    if best > FAINT and newest["return"] < COLLAPSED * best:
        yield (
            f"the mean return fell from {best:.3f} to {newest['return']:.3f}: the policy may have "
            "collapsed; go back to the best round with a lower lr, beta = 0.05 and std_floor = 0.1"
        )
    by_turn = list(newest["solved_by"].values())
    if len(by_turn) > 1 and by_turn[0] > AT_ONCE:
        yield (
            f"{by_turn[0]:.0%} of the dialogues are solved at turn 1, where feedback has no part: "
            "take harder problems"
        )
    initial_rate = before[0].get("question_rate", 0.0) if before else 0.0
    if initial_rate > FAINT and newest.get("question_rate", 0.0) < ASKED * initial_rate:
        yield (
            f"questions fell from {initial_rate:.1%} to {newest.get('question_rate', 0.0):.1%} of the "
            "student's turns: RL unlearns to ask, as a question costs a discounted turn; a lower lr "
            "or a higher beta keeps it"
        )
