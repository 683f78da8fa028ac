"""The policy as one module: a packed row in, log-probabilities and entropies of its tokens out.

Between the two is the text model of a transformers network and the chunked last layer (`head`);
logits of a whole row never exist. All of it is one forward call, so that what wraps a module (DDP,
FSDP) sees every weight in use.

Where a network does to its logits what `head.Form` does not know, `plain` asks it for the logits
themselves. `examine` finds out, once, before the first step; and whether packed pieces see each other.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tutelage.errors import ModelError
from tutelage.train import attention, head
from tutelage.train.packing import Packed, WeightedSequence, packed
from tutelage.train.tokens import Piece

SCALES = ("logit_scale", "lm_head_multiplier")
"""Numbers of a configuration that logits are multiplied by."""


class Policy(nn.Module):
    """A causal language model that says how likely tokens are."""

    def __init__(self, network: Any, implementation: str, half: bool) -> None:
        """`half`: compute in bfloat16 whatever type the weights are held in."""
        super().__init__()
        self.network = network
        self.implementation = implementation
        self.temperature = 1.0
        self.plain = False
        self.half = half
        text = network.config.get_text_config()
        scale = 1 / (getattr(text, "logits_scaling", None) or 1.0)
        for name in SCALES:
            scale *= getattr(text, name, None) or 1.0
        self.form = head.Form(scale, getattr(text, "final_logit_softcapping", None) or 0.0)

    def forward(self, row: Packed) -> tuple[Tensor, Tensor]:
        """log p and entropy of every trained token, (n,) float32; no gradient in the second."""
        with torch.autocast(row.ids.device.type, torch.bfloat16, enabled=self.half):
            if self.plain:
                return self._by_logits(row)
            output = self.text(input_ids=row.ids, use_cache=False, **self._options(row))
            last = self.network.get_output_embeddings()
            form = replace(self.form, temperature=self.temperature, half=self.half)
            hidden = output.last_hidden_state[0, row.keep]
            bias = getattr(last, "bias", None)
            return head.log_likelihood(hidden, last.weight, bias, row.targets, form)

    def _by_logits(self, row: Packed) -> tuple[Tensor, Tensor]:
        options = self._options(row) | {"logits_to_keep": row.keep}
        logits = self.network(input_ids=row.ids, use_cache=False, **options).logits[0]
        if len(logits) != len(row.targets):  # a network that keeps them all
            logits = logits[row.keep]
        logs = torch.log_softmax(logits.float() / self.temperature, 1)
        entropy = -(logs.detach().exp() * logs.detach()).sum(1)
        return -F.nll_loss(logs, row.targets, reduction="none"), entropy

    def _options(self, row: Packed) -> dict[str, Any]:
        options: dict[str, Any] = {"position_ids": row.positions}
        if self.implementation in attention.PACKED:
            options |= {"lengths": row.lengths, "bounds": row.bounds}
        return options

    @property
    def text(self) -> Any:
        """The part that reads text, without the last layer."""
        return self.bare.get_decoder()

    @property
    def bare(self) -> Any:
        """The network out of its adapter's wrapper; the adapter stays inside."""
        adapted = hasattr(self.network, "peft_config")
        return self.network.get_base_model() if adapted else self.network


def parts(network: Any) -> set[int]:
    """Ids of the weights that text goes through: of the text model and the last layer.

    The rest of a network that also sees or hears (its vision tower, its projector) gets no
    gradient from text; it is frozen, and written out as it came.
    """
    modules = (network.get_decoder(), network.get_output_embeddings())
    return {id(weight) for module in modules for weight in module.parameters()}


def blocks(network: nn.Module) -> list[nn.Module]:
    """The layers of every stack in the network, outermost only: text, vision, whatever it has."""
    layers: list[nn.Module] = []
    inside: set[int] = set()
    for module in network.modules():
        if isinstance(module, nn.ModuleList) and len(module) > 1 and id(module) not in inside:
            for layer in module:
                layers.append(layer)
                inside |= {id(inner) for inner in layer.modules()}
    return layers


def examine(policy: Policy, device: Any, alone: bool = False) -> None:
    """Tries the policy on a few tokens, by all processes together; sets `plain` where it has to.

    Args:
        policy: On its device, and in the shards that it will be trained in.
        device: Where rows go.
        alone: Every row will hold one sequence, so that none can see another.

    Raises:
        ModelError: packed sequences see each other.
    """
    words = int(policy.bare.config.get_text_config().vocab_size)
    first, other, second = (_probe(start, words) for start in (1, 3, 7))
    before, after = (_row([piece, second], device) for piece in (first, other))
    policy.eval()
    with torch.no_grad():
        policy.plain = True
        plain = policy(before)[0]
        policy.plain = False
        chunked = policy(before)[0]
        policy.plain = bool((plain - chunked).abs().max() > (0.1 if policy.half else 1e-3))
        if alone:
            return
        moved = float((policy(before)[0] - policy(after)[0])[-11:].abs().max())
    if moved > (3e-2 if policy.half else 1e-3):
        raise ModelError(
            f"packed sequences see each other (a log-probability moved by {moved:.2g}) with this "
            f"model and --attention {policy.implementation}: give --pack 0 (one sequence a pass), "
            "or --attention auto"
        )


def _row(pieces: Sequence[Piece], device: Any) -> Packed:
    return packed([WeightedSequence(piece, 1.0, 1.0) for piece in pieces]).to(device)


def _probe(start: int, words: int) -> Piece:
    """A dozen tokens, all but the first trained."""
    at = np.arange(12)
    blank = np.zeros(len(at))
    ids = ((start + 5 * at) % words).astype(np.int32)
    return Piece(ids, at > 0, blank.astype(np.int16), blank.astype(np.float32))
