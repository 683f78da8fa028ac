import re

import pytest
from datasketch import MinHash

from tutelage.dedup.scheme import Scheme, permutations
from tutelage.errors import SettingsError


def test_the_curve_in_the_docstring_is_the_curve() -> None:
    rows = [
        line.split()
        for line in (Scheme.__doc__ or "").splitlines()
        if "  0." in line or "  ." in line
    ]
    similarities = [float(cell) for cell in rows[0][1:]]
    said = rows[1][1:]
    assert len(similarities) == len(said) == 9
    for similarity, cell in zip(similarities, said, strict=True):
        places = len(cell.partition(".")[2])
        assert round(Scheme().collision(similarity), places) == float(cell)


@pytest.mark.parametrize(
    ("bands", "rows", "missed"), [(9, 13, 0.60), (16, 8, 0.05), (21, 6, 1 / 600)]
)
def test_the_misses_in_the_docstring(bands: int, rows: int, missed: float) -> None:
    at_threshold = 1 - Scheme(bands=bands, rows=rows).collision(0.8)
    assert at_threshold == pytest.approx(missed, rel=0.06)


@pytest.mark.parametrize(
    ("threshold", "bands", "rows"), [(0.8, 21, 6), (0.5, 64, 2), (0.9, 14, 9), (1.0, 1, 128)]
)
def test_bands_follow_the_threshold(threshold: float, bands: int, rows: int) -> None:
    made = Scheme.at(threshold)
    assert (made.bands, made.rows) == (bands, rows)
    assert made.collision(threshold) >= 0.998


def test_a_tiny_threshold_gets_the_most_bands_there_are() -> None:
    assert (Scheme.at(0.01).bands, Scheme.at(0.01).rows) == (128, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.2}, "1.2"),
        ({"shingle": 0}, "shingle"),
        ({"bands": 22}, "22 * 6"),
        ({"bucket": 0}, "bucket"),
    ],
)
def test_nonsense_is_the_persons_mistake(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        Scheme(**wrong)  # type: ignore[arg-type]


def test_permutations_are_those_of_datasketch() -> None:
    assert (permutations(64, 3) == MinHash(num_perm=64, seed=3).permutations).all()


def test_the_record_holds_all_that_makes_a_signature() -> None:
    record = Scheme(seed=9).record()
    assert record["name"] == "datasketch-affine32"
    assert {"num_perm", "bands", "rows", "threshold", "shingle", "seed", "bucket", "hash"} <= {
        *record
    }
    assert record["seed"] == 9


def test_ratio_is_exact() -> None:
    assert Scheme(threshold=0.8).ratio() == (4, 5)
