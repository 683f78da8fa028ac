"""How much of everything a replication of the toy world plays."""

from dataclasses import dataclass

MINUTES = 45
"""What the full scale is meant to take on two quiet cores."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of the steps; counts are of problems unless they say otherwise."""

    steps: int = 1600
    """Optimiser steps of the pretraining, over all lessons."""
    seeds: int = 5
    """Trainings of every arm, one after another."""
    rollouts: int = 200
    """To learn from by SFT, three dialogues each."""
    test: int = 80
    """Held out, of each family."""
    rounds: int = 2
    round_problems: int = 32
    group: int = 8
    wide_group: int = 32
    """Of the single-turn arm that has the same budget of student turns."""
    by_heart: int = 40
    """Problems of the regime in which gold can be learnt by heart."""
    by_heart_epochs: int = 60
    """Of its single turns."""
    probe: int = 100
    """Dialogues of the gold probe at most."""

    def within(self, minutes: float) -> "Scale":
        """About as much as these minutes take, if the full scale takes `MINUTES`.

        The number of seeds and the group sizes stay: they are what the claims are about.
        """
        share = minutes / MINUTES

        def scaled(count: int, least: int) -> int:
            return max(least, round(count * share))

        return Scale(
            scaled(self.steps, 300),
            self.seeds,
            scaled(self.rollouts, 60),
            scaled(self.test, 16),
            scaled(self.rounds, 1),
            scaled(self.round_problems, 8),
            self.group,
            self.wide_group,
            self.by_heart,
            self.by_heart_epochs,
            scaled(self.probe, 20),
        )


QUICK = Scale(
    steps=10, seeds=1, rollouts=8, test=3, rounds=1, round_problems=2, group=4, wide_group=8,
    by_heart=4, by_heart_epochs=8, probe=4,
)  # fmt: skip
"""For trying that every step runs; it says nothing about any claim."""
