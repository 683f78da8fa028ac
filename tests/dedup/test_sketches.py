import hashlib
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh32_intdigest

from tutelage.dedup import minhash_kernels, sketches, small_inputs
from tutelage.dedup.scheme import Scheme
from tutelage.dedup.sketches import Sketches, shingle_sets, shingles, sign, sketch, sketch_all
from tutelage.dedup.words import digest, encode, normalise

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


@pytest.fixture(params=["compiled", "few"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of computing the same."""
    _choose(monkeypatch, request.param)


def _choose(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(small_inputs, "_SUFFICES", 0 if way == "compiled" else 1 << 60)


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
def test_signatures_are_datasketchs_bit_for_bit(kernels: None, scheme: Scheme) -> None:
    theirs = MinHash.bulk(
        [_runs(text, scheme.shingle) for text in TEXTS],
        num_perm=scheme.num_perm,
        seed=scheme.seed,
        hashfunc=xxh32_intdigest,
    )
    ours = sign(TEXTS, scheme)
    assert ours.dtype == np.uint32 and theirs[0].scheme == "affine32"
    assert (ours == np.stack([one.hashvalues for one in theirs])).all()


def test_shingles_by_definition(kernels: None) -> None:
    for text in TEXTS:
        wanted = sorted({xxh32_intdigest(run) for run in _runs(text, 5)})
        assert shingles(text, Scheme()).tolist() == wanted


def test_digests_by_definition(kernels: None) -> None:
    made = sketch([str(i) for i in range(len(TEXTS))], TEXTS, Scheme())
    assert [bytes(row) for row in made.digests] == [digest(text) for text in TEXTS]
    assert bytes(made.digests[2]) == hashlib.blake2b(b"one", digest_size=16).digest()


@settings(deadline=None)
@given(texts, st.integers(1, 6))
def test_compiled_and_few_agree(some: list[str], size: int) -> None:
    scheme = Scheme(num_perm=24, bands=6, rows=4, shingle=size)
    results = []
    for way in ("compiled", "few"):
        with pytest.MonkeyPatch.context() as patch:
            _choose(patch, way)
            results.append((sketch(list(range(len(some))), some, scheme), sign(some, scheme)))
    (one, one_signed), (other, other_signed) = results
    assert one_signed.dtype == other_signed.dtype
    assert one_signed.tolist() == other_signed.tolist()
    for name in ("digests", "keys", "shingles", "bounds"):
        got, wanted = getattr(one, name), getattr(other, name)
        assert got.dtype == wanted.dtype and got.shape == wanted.shape
        assert got.tolist() == wanted.tolist(), name


def test_sorting_holds_for_any_number_of_hashes() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 1 << 32, n, dtype=np.uint32) for n in (0, 1, 39, 40, 41, 1000, 70_000)]
    rows.append(rng.integers(0, 50, 3000, dtype=np.uint32))  # all in one bin, many repeats
    bounds = np.cumsum([0, *map(len, rows)])
    values, cuts = minhash_kernels.distinct(np.concatenate(rows), bounds)
    for position, row in enumerate(rows):
        assert values[cuts[position] : cuts[position + 1]].tolist() == np.unique(row).tolist()


def test_band_keys_by_definition() -> None:
    scheme = Scheme(num_perm=11, bands=3, rows=3)
    signed = np.random.default_rng(1).integers(0, 1 << 32, (7, 11), dtype=np.uint32)
    keys = sketches.band_keys(signed, scheme)
    assert keys.dtype == np.uint32 and keys.flags.c_contiguous
    for d in range(7):
        for band in range(3):
            key = band
            for row in range(3):
                key = _finalised((key + int(signed[d, 3 * band + row])) % 2**32)
            assert keys[d, band] == key


def _finalised(h: int) -> int:
    """MurmurHash3's finaliser."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ h >> shift) * factor % 2**32
    return h ^ h >> 16


def test_a_block_is_the_sum_of_its_documents(kernels: None) -> None:
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


def test_a_few_texts_are_done_without_a_compiler_and_without_scipy() -> None:
    program = """
import sys
from tutelage.dedup import Scheme, find, sketch, small_inputs

scheme = Scheme()
find(sketch(["a", "b"], ["one text of a few words"] * 2, scheme), scheme)
assert not {"numba", "scipy"} & set(sys.modules), "imported"
from datasketch import MinHashLSH  # the rest of the package is still to be had

small_inputs.suffices(small_inputs._SUFFICES)
found = find(sketch(["a", "b"], ["one text of a few words"] * 2, scheme), scheme)
assert found.duplicate_of == {"b": "a"} and "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


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
