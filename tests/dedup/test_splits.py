import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutelage.dedup import Scheme, find, sketch, splits
from tutelage.dedup.sketches import Id

HALVES = {"train": 0.5, "validation": 0.5}


def _alone(*names: str) -> dict[Id, Id]:
    return {name: name for name in names}


def _find_group(split: str, ratios: dict[str, float] = HALVES) -> str:
    """A name that, alone, falls into `split`."""
    names = (f"g{i}" for i in range(1000))
    return next(n for n in names if splits.assign(_alone(n), [], ratios)[n] == split)


def test_shares_are_those_asked_for() -> None:
    names = _alone(*(f"p{i}" for i in range(20_000)))
    made = Counter(
        splits.assign(names, [], {"train": 0.9, "validation": 0.08, "test": 0.02}).values()
    )
    assert made["train"] == pytest.approx(18_000, rel=0.02)
    assert made["validation"] == pytest.approx(1_600, rel=0.1)
    assert made["test"] == pytest.approx(400, rel=0.2)


def test_a_share_of_nothing_gets_nothing_and_all_gets_all() -> None:
    names = _alone(*(f"p{i}" for i in range(500)))
    assert set(splits.assign(names, [], {"train": 1.0, "test": 0.0}).values()) == {"train"}
    assert set(splits.assign(names, [], {"train": 0.0, "test": 1.0}).values()) == {"test"}


def test_another_seed_is_another_division() -> None:
    names = _alone(*(f"p{i}" for i in range(100)))
    assert splits.assign(names, [], HALVES) == splits.assign(names, [], HALVES)
    assert splits.assign(names, [], HALVES) != splits.assign(names, [], HALVES, seed=1)


def test_dialogues_of_a_problem_and_near_duplicates_go_together() -> None:
    groups: dict[Id, Id] = {f"d{i}": f"p{i // 4}" for i in range(400)}
    edges: list[tuple[Id, Id]] = [("d0", "d40"), ("d41", "d80"), ("d200", "d300")]
    made = splits.assign(groups, edges, HALVES)
    assert len({made[name] for name in groups if groups[name] in ("p0", "p10", "p20")}) == 1
    assert len({made[name] for name in groups if groups[name] in ("p50", "p75")}) == 1
    assert set(made.values()) == {"train", "validation"}


def test_a_newcomer_joins_what_it_is_tied_to() -> None:
    v, t = _find_group("validation"), _find_group("train")
    made = splits.assign(
        _alone("old", v, t), [("old", v), ("old", t)], HALVES, recorded={"old": "test"}
    )
    assert made == {"old": "test", v: "test", t: "test"}


def test_a_newcomer_that_would_tie_two_splits_is_held() -> None:
    recorded: dict[Id, str] = {"a": "train", "b": "validation"}
    made = splits.assign(_alone("a", "b", "n"), [("a", "n"), ("n", "b")], HALVES, recorded=recorded)
    assert made == {"a": "train", "b": "validation", "n": "held"}


def test_a_bridge_of_two_newcomers_breaks_at_the_second() -> None:
    recorded: dict[Id, str] = {"a": "train", "b": "validation"}
    edges: list[tuple[Id, Id]] = [("a", "n1"), ("n1", "n2"), ("n2", "b")]
    made = splits.assign(_alone("a", "b", "n1", "n2"), edges, HALVES, recorded=recorded)
    assert made == {"a": "train", "b": "validation", "n1": "train", "n2": "held"}


def test_where_recorded_splits_collide_the_evaluation_side_yields() -> None:
    recorded: dict[Id, str] = {"a": "validation", "z": "train", "m": "train"}
    made = splits.assign(_alone(*recorded), [("a", "z"), ("a", "m")], HALVES, recorded=recorded)  # type: ignore[arg-type]
    assert made == {"a": "held", "z": "train", "m": "train"}


def test_held_stays_held() -> None:
    made = splits.assign(_alone("a", "n"), [("a", "n")], HALVES, recorded={"n": "held"})
    assert made["n"] == "held"
    assert made["a"] == splits.assign(_alone("a"), [], HALVES)["a"]


graphs = st.tuples(
    st.lists(st.integers(0, 11), min_size=1, max_size=40),  # group of each document
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=40),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),  # sizes at which the run is extended
    st.randoms(use_true_random=False),
)


@given(graphs)
def test_no_unit_straddles_however_the_run_grows(
    drawn: tuple[list[int], list[tuple[int, int]], list[int], random.Random],
) -> None:
    groups_of, pairs, sizes, rng = drawn
    names = [f"d{i:02d}" for i in range(len(groups_of))]
    rng.shuffle(names)
    ratios = {"train": 0.6, "validation": 0.3, "test": 0.1}
    recorded: dict[Id, str] = {}
    for size in [*sorted(sizes), len(names)]:
        there = names[: min(size, len(names))]
        groups: dict[Id, Id] = {name: f"p{g}" for name, g in zip(there, groups_of, strict=False)}
        edges: list[tuple[Id, Id]] = [
            (names[x], names[y]) for x, y in pairs if x != y and max(x, y) < len(there)
        ]
        made = splits.assign(groups, edges, ratios, recorded=recorded)
        shuffled = dict(rng.sample(list(groups.items()), len(groups)))
        turned = [(y, x) for x, y in rng.sample(edges, len(edges))]
        assert splits.assign(shuffled, turned, ratios, recorded=recorded) == made
        assert set(made) == set(groups)
        for x, y in edges:
            assert made[x] == made[y] or "held" in (made[x], made[y])
        by_group: dict[Id, set[str]] = {}
        for name, split in made.items():
            by_group.setdefault(groups[name], set()).add(split)
        assert all(len(found - {"held"}) <= 1 for found in by_group.values())
        for name, split in recorded.items():
            assert made[name] == split  # what was consistent once never moves
        recorded = made


def test_edges_are_those_of_a_result() -> None:
    scheme = Scheme()
    text = " ".join(f"w{i}" for i in range(60))
    made = sketch(["b", "a", "c", "d"], [text, text + " x", "other", text], scheme)
    assert {frozenset(edge) for edge in splits.edges(find(made, scheme))} == {
        frozenset(("a", "b")),
        frozenset(("b", "d")),
    }


def test_copies_are_tied_to_what_any_of_them_is_tied_to() -> None:
    """A copy is known to the edges by the smallest id with its text alone."""
    scheme = Scheme()
    text = " ".join(f"w{i}" for i in range(60))
    found = find(sketch(["h", "c", "v"], [text, text, text + " x"], scheme), scheme)
    assert splits.texts(found) == {"h": "c"}
    recorded: dict[Id, str] = {"t": "train", "v": "validation"}
    groups: dict[Id, Id] = {"t": "p", "c": "p", "h": "q", "v": "r"}
    tied = list(splits.edges(found))
    made = splits.assign(groups, tied, HALVES, recorded=recorded, texts=splits.texts(found))
    # c cannot follow its problem to train, for it is like v; its copy h is like v, too
    assert made == {"t": "train", "v": "validation", "c": "held", "h": "validation"}
