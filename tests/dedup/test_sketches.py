import hashlib
import pickle
import random
import re
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh32_intdigest

from tutelage.dedup import plain, signing, sketches
from tutelage.dedup.scheme import Scheme, permutations
from tutelage.dedup.sketches import Sketches, shingle_sets, shingles, sign, sketch, sketch_all
from tutelage.dedup.words import digest, encode, normalise, spread

TEXTS = [
    "",
    "   \n",
    "one",
    "two  Words",
    "exactly five words are here",
    " Leading and trailing spaces\tand tabs \n",
    "a a a a a a a a a a a a",
    "Ünïcode wörds — “quoted” ½ 5² naïve ﬁn and more",
    "数学 问题 的 答案 是 什么 呢 ?",
    "数学问题：的答案是42什么呢? x",
    "broken \ud800 surrogate in the middle of it",
    "\x1cfile\x1dgroup\x1erecord\x1funit\x0bvertical\x0cfeed separators are spaces too",
    "long " + "word" * 5000 + " in a text of " + "x" * 16 + " odd " + "y" * 17 + " lengths",
    " ".join(str(n * n) for n in range(1200)),
]
words = st.sampled_from(["a", "B", "it's", "12", "é", "—", "\u00a0", "\n", "xyzzy", "\x1f", "ſ"])
texts = st.lists(st.one_of(st.text(), st.lists(words, max_size=40).map(" ".join)), max_size=8)


@pytest.fixture(params=["compiled", "plain"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of computing the same."""
    monkeypatch.setattr(sketches, "_ENOUGH", 0 if request.param == "compiled" else 1 << 60)
    chosen = sketches.pick("signing", 1)
    assert chosen is (signing if request.param == "compiled" else plain)
    return str(request.param)


def _runs(text: str, size: int) -> list[bytes]:
    """Shingles of a text, by definition."""
    split: list[str] = []
    for word in normalise(text).split():
        split += re.findall("[数学问题的答案是什么呢]|[^数学问题的答案是什么呢]+", word)
    if not split:
        return []
    return [encode(" ".join(split[i : i + size])) for i in range(max(1, len(split) - size + 1))]


@pytest.mark.parametrize(
    "scheme",
    [Scheme(), Scheme(num_perm=30, bands=5, rows=6, shingle=2, seed=77)],
    ids=["default", "other"],
)
def test_signatures_are_datasketchs_bit_for_bit(kernels: str, scheme: Scheme) -> None:
    theirs = MinHash.bulk(
        [_runs(text, scheme.shingle) for text in TEXTS],
        num_perm=scheme.num_perm,
        seed=scheme.seed,
        hashfunc=xxh32_intdigest,
    )
    ours = sign(TEXTS, scheme)
    assert ours.dtype == np.uint32 and theirs[0].scheme == "affine32"
    assert (ours == np.stack([one.hashvalues for one in theirs])).all()


def test_shingles_by_definition(kernels: str) -> None:
    for text in TEXTS:
        wanted = sorted({xxh32_intdigest(run) for run in _runs(text, 5)})
        assert shingles(text, Scheme()).tolist() == wanted


def test_digests_by_definition(kernels: str) -> None:
    made = sketch([str(i) for i in range(len(TEXTS))], TEXTS, Scheme())
    assert [bytes(row) for row in made.digests] == [digest(text) for text in TEXTS]
    assert bytes(made.digests[2]) == hashlib.blake2b(b"one", digest_size=16).digest()


@settings(deadline=None)
@given(texts, st.integers(1, 6))
def test_compiled_and_plain_agree(some: list[str], size: int) -> None:
    results = [_everything(module, some, size) for module in (signing, plain)]
    for one, other in zip(*results, strict=True):
        assert one.dtype == other.dtype and one.tolist() == other.tolist()
    text, ends = results[0][:2]
    pieces = [bytes(text[a:b]) for a, b in pairwise(ends)]
    assert pieces == [encode(spread(one)) for one in some]


def _everything(module: ModuleType, some: list[str], size: int) -> list[np.ndarray]:
    parts = [text.encode() if text.isascii() else encode(spread(text)) for text in some]
    bounds = np.cumsum([0, *map(len, parts)])
    source = np.frombuffer(b"".join(parts), np.uint8)
    tables = sketches._LOWER, sketches._SPACE
    text, ends, hashes, offsets = module.shingle(source, bounds, size, *tables)
    values, cuts = module.distinct(hashes, offsets)
    signed = module.signatures(values, cuts, *permutations(24, 1))
    return [
        text[: ends[-1]],
        ends,
        hashes,
        offsets,
        values,
        cuts,
        signed,
        module.band_keys(signed, 6, 4),
    ]


def test_sorting_holds_for_any_number_of_hashes() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 1 << 32, n, dtype=np.uint32) for n in (0, 1, 39, 40, 41, 1000, 70_000)]
    rows.append(rng.integers(0, 50, 3000, dtype=np.uint32))  # all in one bin, many repeats
    bounds = np.cumsum([0, *map(len, rows)])
    for module in (signing, plain):
        values, cuts = module.distinct(np.concatenate(rows), bounds)
        for place, row in enumerate(rows):
            assert values[cuts[place] : cuts[place + 1]].tolist() == np.unique(row).tolist()


def test_a_block_is_the_sum_of_its_documents(kernels: str) -> None:
    scheme = Scheme()
    ids = [f"t{i}" for i in range(len(TEXTS))]
    whole = sketch(ids, TEXTS, scheme)
    parts = Sketches.concat(
        (sketch([name], [text], scheme) for name, text in zip(ids, TEXTS, strict=True)), scheme
    )
    for field in ("digests", "keys", "shingles", "bounds"):
        assert (getattr(whole, field) == getattr(parts, field)).all(), field
    assert whole.ids == parts.ids == ids


def test_a_stream_gives_the_same_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sketches, "_BLOCK", 7)
    rng = random.Random(2)
    documents = [(i, " ".join(rng.choices("abcdef", k=rng.randrange(30)))) for i in range(100)]
    one, three = (
        Sketches.concat(sketch_all(iter(documents), Scheme(), threads), Scheme())
        for threads in (1, 3)
    )
    assert one.ids == three.ids == list(range(100))
    assert (one.keys == three.keys).all() and (one.shingles == three.shingles).all()


def test_nothing_at_all() -> None:
    empty = Sketches.concat([], Scheme())
    assert len(empty) == 0 and empty.keys.shape == (0, 21) and empty.bounds.tolist() == [0]
    assert sign([], Scheme()).shape == (0, 128)
    assert [part.tolist() for part in shingle_sets([], Scheme())] == [[], [0]]


def test_a_block_pickles() -> None:
    made = sketch(["x"], ["a text of a few words, no more"], Scheme())
    again = pickle.loads(pickle.dumps(made))
    assert again.ids == ["x"] and (again.keys == made.keys).all()


def test_ids_and_texts_must_pair() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        sketch(["a", "b"], ["text"], Scheme())


def test_small_work_is_done_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "_worked", 0)
    assert sketches.pick("signing", 100_000) is plain
    assert sketches.pick("signing", 10_000_000) is signing
    assert sketches.pick("signing", 1) is signing


def test_only_some() -> None:
    scheme = Scheme()
    texts = [" ".join(f"w{i * k}" for i in range(k + 3)) for k in range(9)]
    whole = sketch([f"d{k}" for k in range(9)], texts, scheme)
    for places in ([], [3], [7, 0, 4], list(range(9))):
        some = whole.only(places)
        made = sketch([f"d{k}" for k in places], [texts[k] for k in places], scheme)
        assert some.ids == made.ids
        for name in ("digests", "keys", "shingles", "bounds"):
            got, wanted = getattr(some, name), getattr(made, name)
            assert got.dtype == wanted.dtype and got.tolist() == wanted.tolist()
