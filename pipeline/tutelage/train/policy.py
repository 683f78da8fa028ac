"""The policy as one module: a packed row in, log-probabilities and entropies of its tokens out.

It consists of the text model of a transformers network and the chunked last layer (`head`); the
logits of a whole row never exist. All of it is one forward call, so that wrappers (DDP, FSDP) see
every weight in use. If a network changes its logits in a way that `head.Form` does not know,
`plain` asks the network for the logits themselves: `examine` finds out once, before the first step.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tutelage.contract.tokens import Piece
from tutelage.errors import ModelError
from tutelage.train import attention, head
from tutelage.train.packing import Packed, WeightedSequence, packed


class Policy(nn.Module):
    """A causal language model that returns log-probabilities of tokens."""

    def __init__(self, network: Any, implementation: str, half: bool) -> None:
        """`half`: compute in bfloat16, whatever the type of the weights."""
        super().__init__()
        self.network, self.implementation, self.half = network, implementation, half
        self.temperature, self.plain = 1.0, False
        text = network.config.get_text_config()
        scale = 1 / (getattr(text, "logits_scaling", None) or 1.0)
        for name in ("logit_scale", "lm_head_multiplier"):
            scale *= getattr(text, name, None) or 1.0
        self.form = head.Form(scale, getattr(text, "final_logit_softcapping", None) or 0.0)

    def forward(self, row: Packed) -> tuple[Tensor, Tensor]:
        """log p and entropy of every trained token, (n,) float32; no gradient in the second."""
        options: dict[str, Any] = {"position_ids": row.positions, "use_cache": False}
        if self.implementation in attention.PACKED:
            options["pieces"] = attention.Pieces(row.lengths, row.bounds)
        with torch.autocast(row.ids.device.type, torch.bfloat16, enabled=self.half):
            if self.plain:
                logits = self.network(row.ids, logits_to_keep=row.keep, **options).logits[0]
                if len(logits) != len(row.targets):  # the network ignored logits_to_keep
                    logits = logits[row.keep]
                return head.chosen(logits.float() / self.temperature, row.targets)
            last = self.network.get_output_embeddings()
            hidden = self.text(row.ids, **options).last_hidden_state[0, row.keep]
            form = replace(self.form, temperature=self.temperature, half=self.half)
            bias = getattr(last, "bias", None)
            return head.log_likelihood(hidden, last.weight, bias, row.targets, form)

    @property
    def text(self) -> Any:
        """The text model, without the last layer."""
        return self.bare.get_decoder()

    @property
    def bare(self) -> Any:
        """The network without peft's wrapper; the adapter stays inside."""
        adapted = hasattr(self.network, "peft_config")
        return self.network.get_base_model() if adapted else self.network


def blocks(network: nn.Module) -> list[nn.Module]:
    """The layers of every stack in the network (text, vision, ...), outermost only."""
    layers: list[nn.Module] = []
    inside: set[int] = set()
    for module in network.modules():
        if isinstance(module, nn.ModuleList) and len(module) > 1 and id(module) not in inside:
            for layer in module:
                layers.append(layer)
                inside |= {id(inner) for inner in layer.modules()}
    return layers


def examine(policy: Policy, device: Any, alone: bool = False) -> None:
    """Tests the policy on a few tokens, on all processes together; sets `plain` if needed.

    `alone`: no sequences will be packed.

    Raises:
        ModelError: packed sequences see each other.
    """
    vocabulary = int(policy.bare.config.get_text_config().vocab_size)
    first, other, second = (
        WeightedSequence(_probe(start, vocabulary), 1, 1) for start in (1, 3, 7)
    )
    with_first, with_other = (packed([piece, second]).to(device) for piece in (first, other))
    policy.eval()
    # not compiled: graphs for these few tokens would take as long as those of the training
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        policy.plain = True
        plain = policy(with_first)[0]
        policy.plain = False
        chunked = policy(with_first)[0]
        policy.plain = bool((plain - chunked).abs().max() > (0.1 if policy.half else 1e-3))
        if alone:
            return
        shift = float((policy(with_first)[0] - policy(with_other)[0])[-11:].abs().max())
    if shift > (3e-2 if policy.half else 1e-3):
        raise ModelError(
            f"packed sequences see each other (a log-probability moved by {shift:.2g}) with this "
            f"model and --attention {policy.implementation}: give --pack 0 (one sequence a pass), "
            "or --attention auto"
        )


def _probe(start: int, words: int) -> Piece:
    """A dozen tokens, all but the first trained."""
    at = np.arange(12)
    blank = np.zeros(len(at), np.float32)
    ids = ((start + 5 * at) % words).astype(np.int32)
    return Piece(ids, at > 0, blank.astype(np.int16), blank)
