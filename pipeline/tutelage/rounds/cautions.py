"""Signs across rounds that a loop goes wrong, from its lines alone; nothing is stopped here.

Thresholds come from a toy world in which every one of these was met: GRPO straight from the base
collapsed within fifty steps, groups without a difference taught nothing, and at a learning rate of
1e-4 RL unlearnt to ask, because a question costs a discounted turn. What helped: a warm start by
SFT, a learning rate of 1e-4 at most, `beta` of .05 to .1, `std_floor` of .1.

What goes wrong within one training (entropy, stale rows), `train.metrics` says.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COMPARED = 0.2
"""Share of groups with a difference in returns, below which a round teaches little."""
COLLAPSED = 0.5
"""Of the best mean return so far."""
FAINT = 0.02
"""Mean returns and question rates below it are too small to fall."""
AT_ONCE = 0.5
"""Share solved at the first turn, from which on there is little left for feedback."""
ASKED = 0.5
"""Of the first round's question rate."""


def of_round(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is to be said after the newest of these rounds."""
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
    asked = before[0].get("question_rate", 0.0) if before else 0.0
    if asked > FAINT and newest.get("question_rate", 0.0) < ASKED * asked:
        yield (
            f"questions fell from {asked:.1%} to {newest.get('question_rate', 0.0):.1%} of the "
            "student's turns: RL unlearns to ask, as a question costs a discounted turn; a lower lr "
            "or a higher beta keeps it"
        )
