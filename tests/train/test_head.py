"""The chunked last layer is the plain one, in value and gradient; its memory is flat."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tutelage.train import head
from tutelage.train.learner import Learner
from tutelage.train.recipe import recipe


def inputs(bias: bool) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    hidden, weight = torch.randn(37, 16), torch.randn(101, 16)
    tensors = (hidden, weight, torch.randn(101)) if bias else (hidden, weight)
    return tuple(t.requires_grad_() for t in tensors)


@pytest.mark.parametrize("chunk", [1, 7, 37, 1000])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        head.Form(),
        head.Form(temperature=0.7),
        head.Form(scale=0.25, cap=3.0, temperature=1.3),
        head.Form(cap=1.0),
    ],
)
def test_value_and_gradient_are_the_plain_ones(form: head.Form, bias: bool, chunk: int):
    targets = torch.arange(37) * 2 % 101
    weights = torch.linspace(-1, 2, 37)
    values = []
    for plain in (True, False):
        tensors = inputs(bias)
        h, w, b = (*tensors, None)[:3]
        if plain:
            logits = F.linear(h, w, b) * form.scale
            if form.cap:
                logits = form.cap * torch.tanh(logits / form.cap)
            logs = (logits / form.temperature).log_softmax(1)
            logp = logs.gather(1, targets[:, None])[:, 0]
            entropy = -(logs.exp() * logs).sum(1).detach()
        else:
            logp, entropy = head.log_likelihood(h, w, b, targets, form, chunk)
            assert not entropy.requires_grad
        (logp * weights).sum().backward()
        values.append((logp.detach(), entropy, *(t.grad for t in tensors)))
    for one, other in zip(*values, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_in_bfloat16_small_gradients_of_many_chunks_add_up():
    hidden, weight = (t.detach().bfloat16().requires_grad_() for t in inputs(False))
    targets = torch.zeros(37, dtype=torch.int64)
    for chunk in (1, 37):
        weight.grad = None
        logp, _ = head.log_likelihood(hidden, weight, None, targets, head.Form(half=True), chunk)
        logp.sum().backward()
        if chunk == 1:
            chunked = weight.grad.float()
    torch.testing.assert_close(chunked, weight.grad.float(), rtol=0.02, atol=0.02)


def test_nothing_as_large_as_the_logits_is_made(monkeypatch: pytest.MonkeyPatch):
    """Largest tensor of a pass forward and backward, seen by the allocator's own count."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            output = func(*args, **(kwargs or {}))
            if isinstance(output, torch.Tensor):
                self.seen = max(self.seen, output.numel())
            return output

    monkeypatch.setitem(head.CHUNK_BYTES, "cpu", 16 * 4 * 1000)
    hidden, weight = torch.randn(512, 8, requires_grad=True), torch.randn(1000, 8)
    with Largest() as largest:
        targets = torch.zeros(512, dtype=torch.int64)
        head.log_likelihood(hidden, weight, None, targets, head.Form())[0].sum().backward()
    assert largest.seen <= 16 * 1000


@pytest.mark.parametrize("change", [{"logits_scaling": 8.0}, {}])
def test_what_a_model_does_to_its_logits_is_known_or_found_out(
    change: dict[str, float], small: Any, tokenizer: Any, tmp_path: Any
):
    """Granite divides them: known. A model that does what nobody foresaw gets its own way."""
    from transformers import GraniteConfig, GraniteForCausalLM, LlamaForCausalLM

    torch.manual_seed(0)
    if change:
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
        model = GraniteForCausalLM(
            GraniteConfig(vocab_size=len(tokenizer), **shape, **heads, **change)
        )
    else:
        model = small.model(len(tokenizer))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    chosen = recipe("sft", "", "", dtype="fp32")
    if not change:
        plain = LlamaForCausalLM.forward

        def odd(self: Any, *args: Any, **kwargs: Any) -> Any:
            output = plain(self, *args, **kwargs)
            output.logits = output.logits.relu()
            return output

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LlamaForCausalLM, "forward", odd)
            assert Learner(chosen, str(tmp_path)).policy.plain
        return
    assert not Learner(chosen, str(tmp_path)).policy.plain
