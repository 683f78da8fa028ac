"""The one loss: a weighted, masked sum over the student's tokens.

    L = sum over trained tokens t of  c_t * l_t

    SFT   l_t = -log p(t)
    GRPO  l_t = -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) + beta r_t KL

A is the advantage of the token's trajectory (`groups`). r is the importance ratio: of the token,
r_t = p(t) / p_behaviour(t), or of its sequence, the geometric mean of the tokens' ratios (GSPO,
arXiv 2507.18071). A sequence is a piece: the whole dialogue, or one reply where the chat template
rewrites what came before. KL is estimated at the sampled token and weighted by r_t, without which
its gradient would not be that of the divergence (DeepSeek-V3.2, arXiv 2512.02556; TRL does the
same). c_t holds the mask and the normaliser. It is fixed for an optimiser step as a whole, before
the step is cut into forward passes: how it is cut, over passes or over machines, changes nothing.

Of GRPO (Shao et al., arXiv 2402.03300) as the SML paper uses it (arXiv 2602.16488: KL weight 0,
one trajectory one sample) this leaves out:
- process rewards and per-turn advantages: the return is the trajectory's, on each of its tokens;
- several updates on one batch before the next: rows are read `epochs` times, the clip stays on;
- an upper bound on the ratio where the advantage is negative (dual clip);
- an entropy bonus: entropy is reported, and its fall is said (`alarms`);
- truncated sampling: the ratio is that of the whole distribution, so rows that were sampled with
  top_p below 1 are refused (`dataset`).
Preference losses (DPO, KTO) and self-distillation are other trainers': `tutelage export`.

Letters: B samples (trajectories) a step, N tokens in a packed row, n of them trained, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tutelage.train.packing import Packed
from tutelage.train.recipe import Normaliser, Ratio
from tutelage.train.tokens import Sample


@dataclass(frozen=True, slots=True)
class Objective:
    """What l_t is."""

    ratio: Ratio | None = None
    """Clipped ratio to the behaviour policy (RL); plain log-likelihood where there is none."""
    clip_low: float = 0.2
    clip_high: float = 0.2
    beta: float = 0.0
    temperature: float = 1.0
    """Of the policy: logits are divided by it."""


def coefficients(samples: Sequence[Sample], normaliser: Normaliser, length: int) -> list[float]:
    """c_t of each sample's trained tokens, for the samples of one optimiser step.

    `token`     1 / sum_i n_i     every token counts the same (TRL: SFT, GRPO `dapo`)
    `sequence`  1 / (B n_i)       every trajectory counts the same (the paper; TRL: GRPO `grpo`)
    `constant`  1 / (B length)    no length bias (Dr. GRPO, arXiv 2503.20783; TRL: `dr_grpo`)
    """
    trained = [sample.trained for sample in samples]
    batch, tokens = len(samples), max(1, sum(trained))
    if normaliser == "token":
        return [1 / tokens for _ in samples]
    if normaliser == "sequence":
        return [1 / (batch * max(1, n)) for n in trained]
    return [1 / (batch * length) for _ in samples]


def token_losses(
    logp: Tensor, row: Packed, reference: Tensor | None, objective: Objective
) -> tuple[Tensor, dict[str, Tensor]]:
    """l_t of every trained token, (n,) float32; and sums over them of what is worth knowing.

    Args:
        logp: (n,) log p under the policy that is trained; the gradient flows through it.
        row: Advantages, and log p under the behaviour policy.
        reference: (n,) log p under the reference; None where there is no KL term.
        objective: Which terms there are.
    """
    if objective.ratio is None:
        return -row.weights * logp, {}
    away = logp - row.behaviour_logprobs
    mean = away if objective.ratio == "token" else by_sequence(away, row.pieces)
    ratio = torch.exp(mean)
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    losses = -torch.min(ratio * row.weights, clipped * row.weights)
    sums = _staleness(ratio.detach(), away.detach(), row.weights, objective)
    if reference is None:
        return losses, sums
    apart = divergence(logp, reference)
    sums["kl_reference"] = apart.detach().sum()
    return losses + objective.beta * torch.exp(away) * apart, sums


def by_sequence(values: Tensor, pieces: Tensor) -> Tensor:
    """Each token's mean over its piece. (n,), (n,) -> (n,)."""
    count = torch.bincount(pieces)
    total = torch.zeros(len(count), device=values.device).index_add(0, pieces, values)
    return (total / count.clamp(min=1))[pieces]


def divergence(logp: Tensor, other: Tensor) -> Tensor:
    """Unbiased, never negative estimate of KL(policy || other) at sampled tokens (k3, Schulman)."""
    return torch.exp(other - logp) - (other - logp) - 1


def _staleness(
    ratio: Tensor, away: Tensor, weight: Tensor, objective: Objective
) -> dict[str, Tensor]:
    """How far the policy is from the behaviour policy, as sums over the n tokens (each a scalar).

    `kl_sampler` estimates KL(behaviour || policy): the tokens were drawn from the behaviour policy.
    """
    low = (ratio < 1 - objective.clip_low) & (weight < 0)
    high = (ratio > 1 + objective.clip_high) & (weight > 0)
    return {
        "ratio": ratio.sum(),
        "clip_fraction": (low | high).float().sum(),
        "kl_sampler": (torch.exp(away) - away - 1).sum(),
    }


def truncated(start: NDArray[Any], sampled: NDArray[Any], cap: float) -> NDArray[Any]:
    """What each token counts where the sampler computes in another precision than the trainer:
    p(start) / p(sampled), at most `cap` (truncated importance sampling; TRL: `token_truncate`).

    Args:
        start: log p under the weights that sampled, by the trainer.
        sampled: log p of the same tokens, by the sampler.
        cap: Largest weight.
    """
    weights: NDArray[Any] = np.minimum(np.exp(start - sampled), cap)
    return weights
