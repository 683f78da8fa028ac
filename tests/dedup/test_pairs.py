import importlib.util
import mmap
import random
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutelage.dedup import (
    Counts,
    Result,
    Scheme,
    Sketches,
    find,
    find_within,
    shingles,
    sketch,
    small_inputs,
)
from tutelage.dedup.sketches import Id, let_go

EVERY = Scheme(bands=128, rows=1, shingle=1, bucket=10_000)
"""Any two texts that share a word are compared: the result is exact."""


def _find(texts: dict[Id, str], scheme: Scheme = EVERY, threads: int = 1) -> Result:
    return find(sketch(list(texts), list(texts.values()), scheme), scheme, threads)


def _numbers(*parts: range) -> str:
    return " ".join(f"w{n}" for part in parts for n in part)


def _reference(texts: dict[str, str], scheme: Scheme) -> tuple[dict[str, str], dict[str, str]]:
    """The rule of `pairs`, word for word, over all pairs."""
    sets = {name: set(shingles(text, scheme).tolist()) for name, text in texts.items()}
    alike: dict[str, set[str]] = {name: set() for name in texts}
    for x, y in combinations(sorted(texts), 2):
        either = sets[x] | sets[y]
        if sets[x] == sets[y] or len(sets[x] & sets[y]) >= scheme.threshold * len(either) - 1e-9:
            alike[x].add(y)
            alike[y].add(x)
    twin: dict[str, str] = {}
    for name in sorted(texts):
        stay = [other for other in sorted(alike[name]) if other < name and other not in twin]
        if stay:
            twin[name] = stay[0]
    cluster: dict[str, str] = {}
    for name in sorted(texts):
        if name not in cluster:
            reach = [name]
            for other in reach:
                cluster[other] = name
                reach += [new for new in alike[other] if new not in cluster and new not in reach]
    return twin, cluster


@pytest.fixture(params=["compiled", "few"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_inputs, "_SUFFICES", 0 if request.param == "compiled" else 1 << 60)


families = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=24
)


@settings(deadline=None)
@given(families, st.randoms(use_true_random=False))
def test_the_rule_over_all_pairs(drawn: list[tuple[int, int, int]], rng: random.Random) -> None:
    texts = {
        f"{place:02d}": " ".join(f"f{family}w{n}" for n in range(begin, begin + 20) if n != hole)
        for place, (family, begin, hole) in enumerate(drawn)
    }
    twin, cluster = _reference(texts, EVERY)
    names = list(texts)
    rng.shuffle(names)
    found = _find({name: texts[name] for name in names})
    assert found.duplicate_of == twin
    assert found.cluster == cluster
    assert found.counts.documents == len(texts)
    assert found.counts.kept == len(texts) - len(twin)
    assert found.counts.exact + found.counts.near == len(twin)


def test_a_chain_keeps_what_has_no_twin_and_is_one_cluster(kernels: None) -> None:
    # A~B and B~C at 18/20, A and C at 16/22
    found = _find(
        {"a": _numbers(range(19)), "b": _numbers(range(1, 20)), "c": _numbers(range(2, 21))}
    )
    assert found.duplicate_of == {"b": "a", "c": "a"}  # 17/21 is above 0.8
    texts = {"a": _numbers(range(20)), "b": _numbers(range(2, 22)), "c": _numbers(range(4, 24))}
    found = _find(texts)
    assert found.duplicate_of == {"b": "a"}
    assert found.cluster == {"a": "a", "b": "a", "c": "a"}
    assert found.counts.clusters == 1 and found.counts.kept == 2


def test_the_twin_of_a_copy_is_the_one_that_stays(kernels: None) -> None:
    texts = {
        "a": _numbers(range(20)),
        "b": _numbers(range(1, 21)),
        "c": _numbers(range(1, 21)).upper(),
        "d": _numbers(range(50, 70)),
        "e": "  " + _numbers(range(50, 70)),
    }
    found = _find(texts)
    assert found.duplicate_of == {"b": "a", "c": "a", "e": "d"}
    assert (found.counts.exact, found.counts.near) == (2, 1)
    assert set(map(tuple, found.edges.tolist())) == {(1, 0), (2, 1), (4, 3)}


@pytest.mark.parametrize(("shared", "removed"), [(8, True), (7, False)])
def test_exactly_at_the_threshold_is_a_duplicate(kernels: None, shared: int, removed: bool) -> None:
    ours, theirs = range(shared), range(shared)
    one = _numbers(ours, range(100, 101 + 8 - shared))
    other = _numbers(theirs, range(200, 201 + 8 - shared))
    assert ("y" in _find({"x": one, "y": other}).duplicate_of) is removed  # 8/10 or 7/11


@pytest.mark.parametrize(
    ("texts", "twins"),
    [
        ({}, {}),
        ({"a": ""}, {}),
        ({"a": "", "b": " \n"}, {"b": "a"}),
        ({"a": "yes", "b": "no", "c": "YES"}, {"c": "a"}),
        ({"a": "一 二 三 四 五 六", "b": "一 二 三 四 五 六", "c": "一 二"}, {"b": "a"}),
        ({2: "same words", 10: "same words", 9: "same words"}, {9: 2, 10: 2}),
        ({"10": "same words", "2": "same words"}, {"2": "10"}),
    ],
)
def test_small_cases(kernels: None, texts: dict[Id, str], twins: dict[Id, Id]) -> None:
    assert _find(texts, Scheme()).duplicate_of == twins


CHINESE = (
    "小明家里有三个苹果和五个梨，妈妈又给他买了十二个桃子，他把其中一半分给了邻居小红。"
    "请问小明现在一共还有多少个水果？如果小红再还给他两个桃子，那么他会有多少个？"
)


def test_texts_without_spaces_between_words(kernels: None) -> None:
    texts: dict[Id, str] = {
        "a": CHINESE,
        "b": CHINESE + "请写出过程。",
        "c": CHINESE.replace("苹果", "橘子", 1),
        "d": CHINESE.replace("，", " ， "),
        "e": CHINESE[:30]
        + "爸爸昨天又从超市买回来四箱牛奶，每箱二十四盒，全家每天喝三盒，能喝几天？",
    }
    assert _find(texts, Scheme()).duplicate_of == {"b": "a", "c": "a", "d": "a"}


def test_look_alikes_from_one_template_all_stay(kernels: None) -> None:
    rng = random.Random(4)
    frame = [f"t{n}" for n in range(200)]
    texts: dict[Id, str] = {}
    for member in range(120):
        for slot in range(5, 200, 18):
            frame[slot] = f"{rng.randrange(10**9)}"
        texts[f"m{member:03d}"] = " ".join(frame)
    found = _find(texts, Scheme())  # every two have a Jaccard similarity of 141/251 = 0.56
    assert found.duplicate_of == {}
    assert found.counts.compared > 1000 and found.counts.clusters == 0


def test_a_hot_key_is_capped_and_counted(kernels: None) -> None:
    scheme = Scheme(bands=8, rows=1, shingle=1, bucket=4, num_perm=8)
    shared = _numbers(range(50))
    texts: dict[Id, str] = {f"d{i:03d}": f"{shared} own{i} {'z' * i}" for i in range(200)}
    found = _find(texts, scheme)  # all of them alike, most minima in common
    assert found.counts.compared <= 200 * 8 * 5
    assert found.counts.hot_keys >= 1
    assert found.counts.capped >= found.counts.hot_keys * sum(range(200 - 5)) * 0.5
    assert set(found.duplicate_of.values()) == {"d000"}
    assert len(found.duplicate_of) == 199


def test_what_a_cap_leaves_out_is_counted_exactly(kernels: None) -> None:
    scheme = Scheme(num_perm=1, bands=1, rows=1, shingle=1, bucket=3)
    texts: dict[Id, str] = {f"d{i}": f"same own{i}" for i in range(10)}
    made = sketch(list(texts), list(texts.values()), scheme)
    made.keys[:] = 7
    counts = find(made, scheme).counts
    assert counts.compared == 0 + 1 + 2 + 3 + 6 * 4  # the first three and the one before
    assert counts.compared + counts.capped == 45
    assert counts.hot_keys == 1


def test_the_result_depends_on_neither_order_nor_threads_nor_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tutelage.dedup.pairs._SPAN", 64)
    corpus = _corpus_module().make(600, seed=3)
    texts: dict[Id, str] = dict(zip(corpus.ids, corpus.texts, strict=True))
    scheme = Scheme(bucket=8)
    results = []
    for seed, threads, suffices in ((0, 1, 0), (1, 3, 0), (2, 1, 1 << 60), (3, 2, 1 << 60)):
        monkeypatch.setattr(small_inputs, "_SUFFICES", suffices)
        names = list(texts)
        random.Random(seed).shuffle(names)
        found = _find({name: texts[name] for name in names}, scheme, threads)
        edges = {frozenset((found.ids[x], found.ids[y])) for x, y in found.edges.tolist()}
        results.append((found.duplicate_of, found.cluster, edges, found.counts))
    assert results[0][3].capped > 0
    assert results[1:] == results[:1] * 3


def test_a_hard_corpus_against_its_truth() -> None:
    module = _corpus_module()
    corpus = module.make(3000, seed=5)
    texts: dict[Id, str] = dict(zip(corpus.ids, corpus.texts, strict=True))
    found = _find(texts, Scheme())
    true = {(corpus.ids[x], corpus.ids[y]) for x, y in corpus.above(0.8).tolist()}
    assert len(true) > 300
    removed = found.duplicate_of
    assert all((twin, name) in true or (name, twin) in true for name, twin in removed.items())
    assert not set(removed.values()) & set(removed)
    resolved = [x in removed or y in removed for x, y in true]
    assert sum(resolved) >= 0.99 * len(true)


def test_ids_come_once_and_are_of_one_type() -> None:
    parts = [sketch(["a"], ["one text"], EVERY), sketch(["a"], ["another text"], EVERY)]
    with pytest.raises(ValueError, match="once"):
        find(Sketches.concat(parts, EVERY), EVERY)
    with pytest.raises(ValueError, match="one type"):
        find(sketch(["a", 1], ["one text", "another text"], EVERY), EVERY)


def test_sketches_of_another_scheme_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted sketches of 128 bands, got 21"):
        find(sketch(["a"], ["one text"], Scheme()), EVERY)


@pytest.mark.parametrize("bucket", [1, 3, 64])
@pytest.mark.parametrize(("size", "kinds"), [(0, 1), (1, 1), (150, 1), (150, 20), (150, 2**32 - 1)])
def test_compiled_and_few_compare_the_same(
    monkeypatch: pytest.MonkeyPatch, size: int, kinds: int, bucket: int
) -> None:
    """Whatever shares keys with whom: chance, here, for the texts of a block are less varied."""
    rng = np.random.default_rng(2)
    scheme = Scheme(bands=4, rows=1, bucket=bucket, threshold=0.5, shingle=1)
    made = sketch(
        list(range(size)),
        [f"{_numbers(range(i % 9, i % 9 + 9))} own{i}" for i in range(size)],
        scheme,
    )
    made.keys[:] = rng.integers(0, kinds, made.keys.shape, dtype=np.uint32)
    results = []
    for suffices in (0, 1 << 60):
        monkeypatch.setattr(small_inputs, "_SUFFICES", suffices)
        results.append(find(made, scheme))
    one, other = results
    assert one.counts == other.counts
    assert one.twin.tolist() == other.twin.tolist() and one.first.tolist() == other.first.tolist()
    assert one.edges.dtype == other.edges.dtype and one.edges.tolist() == other.edges.tolist()


def test_too_many_pairs_are_left_to_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_inputs, "_MOST_PAIRS", 10)
    texts: dict[Id, str] = {f"d{i}": f"same own{i}" for i in range(10)}
    made = sketch(list(texts), list(texts.values()), EVERY)
    assert small_inputs.verified_pairs(made.keys, [made.shingles] * 10, EVERY) is None
    assert find(made, EVERY).counts.compared == 45


def test_parts_are_not_copied_and_refuse_other_schemes() -> None:
    made = sketch(["a", "b"], ["one text", "another text"], Scheme())
    with pytest.raises(ValueError, match="wanted sketches of 128 bands, got 21"):
        find_within(made, ["x", "y"], EVERY)


def test_memory_of_keys_and_shingles_is_given_back() -> None:
    whole = Sketches.concat([sketch(["a"], ["a text of a few words"], EVERY)], EVERY)
    for array in (whole.keys, whole.shingles):
        held = array
        while isinstance(held, np.ndarray):
            held = held.base
        assert isinstance(held, mmap.mmap)
        before = array.tolist()
        let_go(array)
        assert array.tolist() == before


def test_progress_is_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutelage.dedup.pairs._SPAN", 4)
    monkeypatch.setattr("tutelage.dedup.small_inputs.suffices", lambda keys: False)
    seen: list[tuple[int, int]] = []
    made = sketch(list(range(10)), [f"text number {i}" for i in range(10)], EVERY)
    find(made, EVERY, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(4, 10), (8, 10), (10, 10)]


def _corpus_module() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "dedup_corpus.py"
    spec = importlib.util.spec_from_file_location("dedup_corpus", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["dedup_corpus"] = module
    spec.loader.exec_module(module)
    return module


def test_within_parts_only() -> None:
    """As if each part had been alone, at the positions of the whole."""
    rng = random.Random(3)
    words = [f"w{i}" for i in range(400)]
    bases = [rng.choices(words, k=50) for _ in range(12)]
    texts = []
    for i in range(90):
        text = list(bases[i % 12])
        if i % 5:
            text[-1] = rng.choice(words)
        texts.append(" ".join(text))
    ids = [f"d{i * 7 % 90:02d}" for i in range(90)]
    parts = [rng.choice("abc") for _ in ids]
    scheme = Scheme()
    seen: list[tuple[int, int]] = []
    whole = find_within(
        sketch(ids, texts, scheme), parts, scheme, 1, lambda done, of: seen.append((done, of))
    )
    twins, clusters, copies, edges, counts = {}, {}, 0, set(), Counts()
    for part in "abc":
        at = [i for i, other in enumerate(parts) if other == part]
        one = find(sketch([ids[i] for i in at], [texts[i] for i in at], scheme), scheme)
        twins |= one.duplicate_of
        clusters |= one.cluster
        copies += sum(x != y for x, y in enumerate(one.text.tolist()))
        edges |= {frozenset((one.ids[x], one.ids[y])) for x, y in one.edges.tolist()}
        counts += one.counts
    assert whole.duplicate_of == twins and len(twins) > 20
    assert whole.cluster == clusters
    assert sum(x != y for x, y in enumerate(whole.text.tolist())) == copies == counts.exact > 3
    assert {frozenset((ids[x], ids[y])) for x, y in whole.edges.tolist()} == edges
    assert whole.counts == counts != find(sketch(ids, texts, scheme), scheme).counts
    assert seen[-1] == (90, 90)


def test_ids_may_be_numbers_of_64_bits_without_a_sign():
    ids = [2**63 + 1, 5, 2**63 + 2, 2**63]
    result = find(sketch(ids, ["one and the same"] * 4, EVERY), EVERY)
    assert result.duplicate_of == {name: 5 for name in ids if name != 5}
