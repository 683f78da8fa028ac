"""Packing changes nothing but speed: no piece sees another, nothing is lost or cut."""

from typing import Any

import numpy as np
import pytest
import torch

from tutelage.errors import SettingsError
from tutelage.train import loss, packing
from tutelage.train.model import load
from tutelage.train.packing import WeightedSequence
from tutelage.train.recipe import recipe
from tutelage.train.tokens import Encoder, Piece


def piece(length: int, start: int = 3) -> Piece:
    ids = (np.arange(length) * 7 + start) % 250 + 3
    train = np.arange(length) >= length // 2
    turn = train.astype(np.int16)
    return Piece(ids.astype(np.int32), train, turn, np.zeros(length, np.float32))


@pytest.mark.parametrize("capacity", [8, 50, 100, 1000])
def test_rows_hold_every_piece_once_and_only_an_outsize_one_breaks_the_limit(capacity: int):
    loads = [WeightedSequence(piece(n, n), 1.0, 1.0) for n in (40, 3, 17, 60, 9, 9, 30, 55, 2)]
    rows = packing.rows(loads, capacity)
    assert sorted(id(x) for row in rows for x in row) == sorted(map(id, loads))
    for row in rows:
        assert len(row) == 1 or sum(len(x.piece) for x in row) <= capacity
    total = sum(len(x.piece) for x in loads)
    if capacity > 60:
        assert len(rows) <= 1.22 * -(-total // capacity) + 1


def test_a_row_points_at_the_token_before_each_trained_one():
    row = packing.packed(
        [WeightedSequence(piece(4, 0), 0.5, 2.0), WeightedSequence(piece(6, 100), 0.25, -1.0)]
    )
    assert row.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2, 3, 4, 5]]
    assert row.keep.tolist() == [1, 2, 6, 7, 8]
    assert row.targets.tolist() == row.ids[0, row.keep + 1].tolist()
    assert row.coefficients.tolist() == [0.5] * 2 + [0.25] * 3
    assert row.weights.tolist() == [2.0] * 2 + [-1.0] * 3
    assert row.lengths == (4, 6)


def test_the_plan_follows_from_the_seed_and_takes_every_unit_once_an_epoch():
    plan = packing.order(10, 4, 2, 7)
    assert [len(step) for step in plan] == [4, 4, 2, 4, 4, 2]
    for epoch in (plan[:3], plan[3:]):
        assert sorted(i for step in epoch for i in step) == list(range(10))
    assert plan == packing.order(10, 4, 2, 7)
    assert plan[:3] != plan[3:] and plan != packing.order(10, 4, 2, 8)


@pytest.mark.parametrize("attention", ["each", "sdpa", "eager"])
@pytest.mark.parametrize("window", [0, 16])
def test_packed_is_unpacked(attention: str, window: int, runs: Any, tokenizer: Any, tmp_path: Any):
    """Log-probabilities and gradients of a packed row are those of its pieces one by one."""
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(3)
    shape = {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64}
    shape |= {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    made = MistralForCausalLM(MistralConfig(**shape, sliding_window=window or None))
    made.save_pretrained(tmp_path / "m")
    model = load(str(tmp_path / "m"), recipe("sft", "", "", attention=attention))
    alone = load(str(tmp_path / "m"), recipe("sft", "", "", attention="eager"))
    rows = runs.rows(runs.dialogue(n, turns=1 + n % 3) for n in range(5))
    pieces = [p for row in rows for p in Encoder(tokenizer).sample(row).pieces]

    def logp(network: Any, loads: list[WeightedSequence], **options: Any) -> torch.Tensor:
        row = packing.packed(loads)
        logits = network(
            input_ids=row.ids, position_ids=row.positions, logits_to_keep=row.keep, **options
        ).logits[0]
        return loss.log_likelihood(logits, row.targets)

    loads = [WeightedSequence(p, 1.0, 1.0) for p in pieces]
    lengths = {"lengths": tuple(map(len, pieces))} if attention == "each" else {}
    packed = logp(model, loads, **lengths)
    single = torch.cat([logp(alone, [one]) for one in loads])
    torch.testing.assert_close(packed, single, rtol=1e-4, atol=1e-5)
    packed.sum().backward()
    single.sum().backward()
    for (name, a), b in zip(model.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_attention_with_more_to_it_is_refused_rather_than_done_wrong():
    heads = torch.zeros(1, 2, 4, 8)
    with pytest.raises(SettingsError, match="--attention eager"):
        packing.each(None, heads, heads, heads, None, softcap=30.0)
