"""The one loss: a weighted, masked sum over the student's tokens.

    L = sum over trained tokens t of  c_t * l_t

    SFT   l_t = -log p(t)
    GRPO  l_t = -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) + beta r KL,   r = p(t) / p_old(t)

A is the advantage of the token's trajectory (`groups`). KL is estimated at the sampled token and
weighted by r, without which its gradient would not be that of the divergence (DeepSeek-V3.2, arXiv
2512.02556; TRL does the same). c_t holds the mask and the normaliser. It is fixed for an optimiser
step as a whole, before the step is cut into forward passes: how it is cut, over passes or over
machines, changes nothing.

Of GRPO (Shao et al., arXiv 2402.03300) as the SML paper uses it (arXiv 2602.16488: KL weight 0,
one trajectory one sample) this leaves out:
- process rewards and per-turn advantages: the return is the trajectory's, on each of its tokens;
- several updates on one batch before the next: rows are read `epochs` times, the clip stays on;
- an upper bound on the ratio where the advantage is negative (dual clip), and any correction for
  the difference between sampler and trainer besides the ratio itself: staleness is measured and
  reported (`kl_sampler`, `clip_fraction`), to be seen before it is corrected away;
- an entropy bonus: entropy is reported;
- top-p: the ratio is that of the whole distribution; sample with top_p = 1.

Letters: B samples (trajectories) a step, N tokens in a packed row, n of them trained, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tutelage.train.recipe import Normaliser
from tutelage.train.tokens import Sample


@dataclass(frozen=True, slots=True)
class Objective:
    """What l_t is."""

    ratio: bool = False
    """Clipped ratio against old log-probabilities (RL); plain log-likelihood otherwise (SFT)."""
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


def log_likelihood(logits: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """log p of the targets. logits (n, V) any dtype, targets (n,) -> (n,) float32."""
    return -F.cross_entropy(logits.float() / temperature, targets, reduction="none")


def token_losses(
    logp: Tensor, weight: Tensor, behaviour: Tensor, ref: Tensor | None, objective: Objective
) -> Tensor:
    """l_t of every trained token; all of shape (n,) float32.

    Args:
        logp: log p under the policy that is trained; the gradient flows through it.
        weight: 1 or the advantage.
        behaviour: log p under the policy that sampled; read only where `objective.ratio`.
        ref: log p under the reference; None where there is no KL term.
        objective: Which terms there are.
    """
    if not objective.ratio:
        return -weight * logp
    ratio = torch.exp(logp - behaviour)
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    losses = -torch.min(ratio * weight, clipped * weight)
    return losses if ref is None else losses + objective.beta * ratio * divergence(logp, ref)


def divergence(logp: Tensor, other: Tensor) -> Tensor:
    """Unbiased, never negative estimate of KL(policy || other) at sampled tokens (k3, Schulman)."""
    return torch.exp(other - logp) - (other - logp) - 1


def staleness(
    logp: Tensor, weight: Tensor, behaviour: Tensor, objective: Objective
) -> dict[str, Tensor]:
    """How far the policy is from the sampler, as sums over the n tokens (each a scalar).

    `kl_sampler` estimates KL(sampler || policy): the tokens were drawn from the sampler.
    """
    ratio = torch.exp(logp - behaviour)
    low = (ratio < 1 - objective.clip_low) & (weight < 0)
    high = (ratio > 1 + objective.clip_high) & (weight > 0)
    return {
        "ratio": ratio.sum(),
        "clip_fraction": (low | high).float().sum(),
        "kl_sampler": (ratio - (logp - behaviour) - 1).sum(),
    }


def entropy(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Entropy of the policy at every trained position. logits (n, V) -> (n,) float32, in nats."""
    logs = torch.log_softmax(logits.detach().float() / temperature, dim=-1)
    return -(logs.exp() * logs).sum(-1)
