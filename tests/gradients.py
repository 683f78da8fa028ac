"""The gradients of a step, by the learner's own code; no weight moves."""

from collections.abc import Sequence
from typing import Any

import torch

from tutelage.contract.tokens import Sample
from tutelage.train.learner import Learner
from tutelage.train.sharding import whole


def step(
    learner: Learner, samples: Sequence[Sample]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """(figures, the gradient of each weight that learns) of a step over these samples."""
    gradients: dict[str, torch.Tensor] = {}

    class Still:
        param_groups = learner.optimizer.param_groups

        @staticmethod
        def step() -> None:
            for name, weight in learner.student.network.named_parameters():
                if weight.requires_grad:
                    gradients[name] = whole(weight.grad).clone()

        @staticmethod
        def zero_grad() -> None:
            for weight in learner.policy.parameters():
                weight.grad = None

    moving, learner.optimizer = learner.optimizer, Still()
    try:
        return learner.step(samples, 0.0), gradients
    finally:
        learner.optimizer = moving
