"""The one loss: a weighted, masked sum over the student's tokens.

    L = sum over trained tokens t of  c_t * l_t

    SFT   l_t = -log p(t)
    GRPO  l_t = -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) + beta r_t KL

A is the advantage of the token's trajectory. r is the importance ratio: of the token, r_t = p(t) /
p_behaviour(t), or of its sequence, the geometric mean of the tokens' ratios (GSPO, arXiv
2507.18071); a sequence is a piece. KL is estimated at the sampled token and weighted by r_t;
otherwise its gradient would not be that of the divergence (DeepSeek-V3.2, arXiv 2512.02556; TRL
does the same). c_t includes mask and normaliser. It is computed for a whole optimiser step before
that is divided into forward passes, so the division over passes or machines changes nothing.

What of GRPO (arXiv 2402.03300) is left out, and why: `README.md`.

Letters: B samples (trajectories) per step, N tokens in a packed row, n of them trained, V
vocabulary.
"""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tutelage.contract.tokens import Sample
from tutelage.train.packing import Packed
from tutelage.train.recipe import Normaliser, Recipe


def advantages(returns: Sequence[float], floor: float = 0.0) -> list[float]:
    """The advantages of a group of returns: (r - mean) / max(std, floor), with the sample standard
    deviation (n - 1; TRL divides by std + 1e-4). Zeros if all are equal or there is only one.

    >>> advantages([1.0, 0.0, 0.0, 1.0])
    [0.8660254037844387, -0.8660254037844387, -0.8660254037844387, 0.8660254037844387]
    """
    if len(returns) < 2 or max(returns) == min(returns):
        return [0.0] * len(returns)
    mean, spread = fmean(returns), max(stdev(returns), floor)
    return [(r - mean) / spread for r in returns]


def coefficients(samples: Sequence[Sample], normaliser: Normaliser, length: int) -> list[float]:
    """c_t of each sample's trained tokens, for the samples of one optimiser step.

    `token`     1 / sum_i n_i     every token counts the same (TRL: SFT, GRPO `dapo`)
    `sequence`  1 / (B n_i)       every trajectory counts the same (the paper; TRL: GRPO `grpo`)
    `constant`  1 / (B length)    no length bias (Dr. GRPO, arXiv 2503.20783; TRL: `dr_grpo`)
    """
    trained = [sample.trained for sample in samples]
    batch, tokens = len(samples), max(1, sum(trained))
    values = {
        "token": [1 / tokens] * batch,
        "sequence": [1 / (batch * max(1, n)) for n in trained],
        "constant": [1 / (batch * length)] * batch,
    }
    return values[normaliser]


def token_losses(
    logp: Tensor, row: Packed, reference: Tensor | None, recipe: Recipe
) -> tuple[Tensor, dict[str, Tensor]]:
    """l_t of every trained token, (n,) float32; and sums over them, for the metrics.

    The gradient flows through `logp` (n,); `reference` (n,) is None if there is no KL term.
    `kl_sampler` estimates KL(behaviour || policy), because the behaviour policy sampled the tokens.
    """
    weight = row.weights
    if recipe.kind == "sft":
        return -weight * logp, {}
    log_ratio = logp - row.behaviour_logprobs
    ratio = torch.exp(log_ratio if recipe.ratio == "token" else by_sequence(log_ratio, row.pieces))
    low, high = 1 - recipe.clip_low, 1 + recipe.clip_high
    losses = -torch.min(ratio * weight, ratio.clamp(low, high) * weight)
    is_clipped = ((ratio < low) & (weight < 0)) | ((ratio > high) & (weight > 0))
    sums = {
        "ratio": ratio.detach().sum(),
        "clip_fraction": is_clipped.float().sum(),
        "kl_sampler": divergence(-log_ratio.detach()).sum(),
    }
    if reference is None:
        return losses, sums
    kl = divergence(logp - reference)
    sums["kl_reference"] = kl.detach().sum()
    return losses + recipe.beta * torch.exp(log_ratio) * kl, sums


def by_sequence(values: Tensor, pieces: Tensor) -> Tensor:
    """Each token's mean over its piece. (n,), (n,) -> (n,)."""
    count = torch.bincount(pieces)
    total = torch.zeros(len(count), device=values.device).index_add(0, pieces, values)
    return (total / count.clamp(min=1))[pieces]


def divergence(away: Tensor) -> Tensor:
    """Unbiased, non-negative estimate of KL(p || q) at tokens sampled from p, from `away`, their
    log p - log q (k3, Schulman).
    """
    return torch.exp(-away) + away - 1


def truncated(start: NDArray[Any], sampled: NDArray[Any], cap: float) -> NDArray[Any]:
    """Weight of each token if the sampler computes with another precision than the trainer: the
    trainer's probability under the sampling weights over the sampler's, from the logs of both, at
    most `cap` (truncated importance sampling; TRL: `token_truncate`).
    """
    return np.asarray(np.minimum(np.exp(start - sampled), cap))
