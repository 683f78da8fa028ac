"""Signs that RL goes wrong, said while it can still be stopped. Nothing is stopped here.

In a toy world GRPO from an untrained start, at a high learning rate and without a KL term,
collapsed within 50 steps: entropy fell first, then returns. Thresholds are round numbers.
"""

from collections.abc import Mapping
from typing import Any

ENTROPY_SHARE = 0.3
"""Of the first step's entropy: below it the policy says nearly always the same."""
KL_SAMPLER = 0.1
"""Nats a token between behaviour policy and policy: rows are stale, or of another model."""
KL_REFERENCE = 0.5
"""Nats a token between policy and reference."""
CLIPPED = 0.3
"""Share of tokens whose gradient the clip has cut off."""


class Alarms:
    """Hears each step's figures; says each thing once."""

    def __init__(self) -> None:
        self._entropy: float | None = None
        self._raised: set[str] = set()

    def heard(self, figures: Mapping[str, Any]) -> list[str]:
        """What is to be said after this step, if anything."""
        entropy = figures.get("entropy")
        if self._entropy is None:
            self._entropy = entropy
        fallen = ENTROPY_SHARE * (self._entropy or 0.0)
        signs = {
            "entropy": (
                entropy is not None and entropy < fallen,
                f"entropy fell below {ENTROPY_SHARE:.0%} of the start's: the policy narrows; "
                "lower --lr, or give --beta 0.05",
            ),
            "kl_sampler": (
                figures.get("kl_sampler", 0.0) > KL_SAMPLER,
                f"the policy is more than {KL_SAMPLER} nats a token from the one that sampled: "
                "rows are stale or of another model; train on newer ones, or lower --lr",
            ),
            "kl_reference": (
                figures.get("kl_reference", 0.0) > KL_REFERENCE,
                f"the policy is more than {KL_REFERENCE} nats a token from the reference: "
                "raise --beta, or lower --lr",
            ),
            "clip_fraction": (
                figures.get("clip_fraction", 0.0) > CLIPPED,
                f"the clip cuts off more than {CLIPPED:.0%} of the tokens: lower --lr",
            ),
        }
        fresh = [name for name, (raised, _) in signs.items() if raised and name not in self._raised]
        self._raised |= set(fresh)
        return [signs[name][1] for name in fresh]
