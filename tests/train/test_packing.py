"""Packing changes nothing but speed: no piece sees another, nothing is lost or cut."""

import random

import numpy as np
import pytest

from tutelage.contract.tokens import Piece
from tutelage.train import packing
from tutelage.train.packing import WeightedSequence


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


@pytest.mark.parametrize(("kind", "least"), [("sft", 0.9), ("rl", 0.93)])
def test_eight_processes_are_busy_all_the_time(kind: str, least: float):
    """Rows that run at one moment are of like length, so nobody waits for the longest."""
    draw = random.Random(0)
    pieces = 128 if kind == "sft" else 64  # a step of 128 dialogues, or of 8 groups of 8
    lengths = [int(min(4000, draw.lognormvariate(6, 0.7))) + 30 for _ in range(pieces)]
    sequences = [WeightedSequence(piece(n), 1.0, 1.0) for n in lengths]
    rows = packing.rows(sequences, 8192, 8)
    assert len(rows) % 8 == 0 and sum(map(len, rows)) == pieces
    sizes = [sum(len(x.piece) for x in row) for row in rows]
    waited = sum(max(sizes[i : i + 8]) for i in range(0, len(sizes), 8))
    assert sum(sizes) / (8 * waited) > least


def test_processes_without_a_sequence_get_an_empty_row():
    rows = packing.rows([WeightedSequence(piece(9), 1.0, 1.0)], 100, 3)
    assert sorted(map(len, rows)) == [0, 0, 1]


@pytest.mark.parametrize("capacity", [0, 1])
def test_no_capacity_is_a_row_for_each(capacity: int):
    rows = packing.rows([WeightedSequence(piece(n), 1.0, 1.0) for n in (9, 5, 7)], capacity)
    assert [len(row) for row in rows] == [1, 1, 1]
