"""No packed piece sees another, by any attention; a model in which one does is refused."""

from typing import Any

import pytest
import torch

from tutelage.contract.tokens import Encoder
from tutelage.errors import ModelError
from tutelage.train import attention, packing
from tutelage.train.learner import Learner
from tutelage.train.model import load
from tutelage.train.packing import WeightedSequence
from tutelage.train.policy import Policy
from tutelage.train.recipe import recipe

HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
SIZES = {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 1024} | HEADS
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def built(kind: str, vocabulary: int) -> Any:
    """A small random model of a family whose attention has something of its own."""
    import transformers

    torch.manual_seed(3)
    shape = SIZES | SPECIAL | {"vocab_size": vocabulary}
    changes: dict[str, dict[str, Any]] = {
        "Mistral": {"sliding_window": None},
        "Mistral-windowed": {"sliding_window": 16},
        "Gemma2": {"head_dim": 8, "sliding_window": 16, "attn_logit_softcapping": 2.0},
        "GptOss": {"head_dim": 8, "sliding_window": 16, "num_local_experts": 4},
    }
    family = kind.partition("-")[0]
    config = getattr(transformers, f"{family}Config")(**(shape | changes[kind]))
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 or "sinks" in name:
                weight.normal_(0, 0.3)
    return model


def logp(network: Any, implementation: str, pieces: list[Any]) -> torch.Tensor:
    """By one row of all pieces."""
    row = packing.packed([WeightedSequence(p, 1.0, 1.0) for p in pieces])
    found: torch.Tensor = Policy(network, implementation, False)(row)[0]
    return found


@pytest.mark.parametrize(
    ("kind", "implementation"),
    [
        *((kind, "each") for kind in ("Mistral", "Mistral-windowed", "Gemma2", "GptOss")),
        *(("Mistral-windowed", name) for name in ("sdpa", "eager", "varlen")),
    ],
)
def test_packed_is_unpacked(
    kind: str, implementation: str, runs: Any, tokenizer: Any, tmp_path: Any
):
    """Log-probabilities and gradients of a packed row are those of its pieces one by one."""
    built(kind, len(tokenizer)).save_pretrained(tmp_path / "m")
    chosen = recipe("sft", "", "", attention=implementation, dtype="fp32")
    model = load(str(tmp_path / "m"), chosen)
    alone = load(str(tmp_path / "m"), recipe("sft", "", "", attention="eager", dtype="fp32"))
    rows = runs.rows(runs.dialogue(n, turns=1 + n % 3) for n in range(5))
    pieces = [p for row in rows for p in Encoder(tokenizer).sample(row).pieces]
    packed = logp(model, implementation, pieces)
    single = torch.cat([logp(alone, "eager", [one]) for one in pieces])
    torch.testing.assert_close(packed, single, rtol=1e-4, atol=1e-4)
    packed.sum().backward()
    single.sum().backward()
    for (name, a), b in zip(model.named_parameters(), alone.parameters(), strict=True):
        if b.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-3, msg=name)


def test_the_one_kernel_is_called_with_the_bounds_of_the_pieces(monkeypatch: pytest.MonkeyPatch):
    """No GPU is needed to see that what it is asked for is what `each` does."""
    lengths = (5, 9, 3)
    bounds = torch.tensor([0, 5, 14, 17], dtype=torch.int32)

    def kernel(
        q: Any, k: Any, v: Any, cu_q: Any, cu_k: Any, most_q: int, most_k: int,
        *, enable_gqa: bool = False, **more: Any,
    ):  # fmt: skip
        """Its contract, in plain arithmetic: (T, H, D) heads, a window to the left, none right."""
        assert q.shape == (17, 4, 8) and k.shape == (17, 2, 8) and most_q == most_k == 9
        assert cu_q.tolist() == cu_k.tolist() == bounds.tolist() and enable_gqa
        left, right = more["window_size"]
        assert right == 0
        output = torch.empty_like(q)
        k, v = (t.repeat_interleave(2, 1) for t in (k, v))
        for a, b in zip(cu_q[:-1].tolist(), cu_q[1:].tolist(), strict=True):
            at = torch.arange(b - a)
            far = at[:, None] - at
            scores = torch.einsum("qhd,khd->hqk", q[a:b], k[a:b]).float() * more["scale"]
            seen = (far >= 0) & ((far <= left) if left >= 0 else True)
            shares = scores.masked_fill(~seen, -1e30).softmax(-1).to(v.dtype)
            output[a:b] = torch.einsum("hqk,khd->qhd", shares, v[a:b])
        return output

    import torch.nn.attention.varlen as kernels

    monkeypatch.setattr(kernels, "varlen_attn", kernel)
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, n, 17, 8, dtype=torch.bfloat16) for n in (4, 2, 2))
    for window in (None, 4):
        options: dict[str, Any] = {"scaling": 0.3, "pieces": attention.Pieces(lengths, bounds)}
        options["sliding_window"] = window
        one, other = (f(None, q, k, v, None, **options)[0] for f in _both())
        torch.testing.assert_close(one, other, rtol=0.03, atol=0.03)


def _both() -> tuple[Any, Any]:
    return attention.varlen, attention.each


def leaking(vocabulary: int) -> Any:
    """A state space model: its state runs on from one packed piece into the next."""
    from transformers import Mamba2Config, Mamba2ForCausalLM

    torch.manual_seed(0)
    shape = {"num_heads": 4, "head_dim": 16, "hidden_size": 32, "expand": 2, "state_size": 8}
    config = Mamba2Config(
        vocab_size=vocabulary, num_hidden_layers=2, n_groups=1, chunk_size=16, **shape, **SPECIAL
    )
    return Mamba2ForCausalLM(config)


@pytest.mark.parametrize(("kind", "implementation"), [("Mamba2", "auto"), ("GptOss", "eager")])
def test_a_model_in_which_packed_sequences_see_each_other_is_refused(
    kind: str, implementation: str, tokenizer: Any, tmp_path: Any
):
    model = leaking(len(tokenizer)) if kind == "Mamba2" else built(kind, len(tokenizer))
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    chosen = {"model": str(tmp_path / "m"), "attention": implementation, "dtype": "fp32"}
    with pytest.raises(ModelError, match=r"see each other.*--pack 0"):
        Learner(recipe("sft", "", "", **chosen), str(tmp_path / "m"))
    Learner(recipe("sft", "", "", pack=0, **chosen), str(tmp_path / "m"))


@pytest.mark.parametrize("kind", ["Mistral", "Gemma2", "GptOss"])
def test_a_model_in_which_they_do_not_is_taken(kind: str, tokenizer: Any, tmp_path: Any):
    built(kind, len(tokenizer)).save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    learner = Learner(recipe("sft", "", "", dtype="fp32"), str(tmp_path / "m"))
    assert not learner.policy.plain
