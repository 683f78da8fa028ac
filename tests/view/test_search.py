"""The search finds what a plain scan of all messages finds, and what counts as the same letter."""

import random
from pathlib import Path

import numpy as np
import pytest

from tables import published, row
from tutelage.errors import Mistake
from tutelage.shards import read_rows
from tutelage.shards.reader import shard_files
from tutelage.view import search
from tutelage.view.rows import Query, Rows

from .conftest import FOLDING


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of several files whose messages are strings of a few letters."""
    rng = random.Random(0)
    return str(
        published(
            tmp_path_factory.mktemp("texts") / "run",
            [
                row(f"d{n:03d}", text="".join(rng.choices("abÄä .*\n\\%_", k=rng.randrange(40))))
                for n in range(300)
            ],
            rows_a_file=100,
        )
    )


def test_it_finds_what_a_plain_scan_finds(texts: str):
    rng, rows = random.Random(1), list(read_rows(texts))
    for _ in range(40):
        text = "".join(rng.choices("aAbBäÄ .*\n\\%_", k=rng.randrange(1, 5)))
        among = np.array(sorted(rng.sample(range(len(rows)), 120)))
        plain = [
            n
            for n, one in enumerate(rows)
            if any(text.lower() in message["content"].lower() for message in one["messages"])
        ]
        files = shard_files(texts)
        assert search.matches(files, text, 1000).tolist() == plain
        assert search.matches(files, text, 5).tolist() == plain[:5]
        chosen = [n for n in plain if n in set(among.tolist())]
        assert search.matches(files, text, 1000, among).tolist() == chosen


def test_a_match_ends_with_its_message(texts: str):
    last, first = (next(read_rows(texts))["messages"][k]["content"] for k in (1, 2))
    files = shard_files(texts)
    assert 0 in search.matches(files, last, 1000) and 0 in search.matches(files, first, 1000)
    assert not len(search.matches(files, last + first, 1000))


@pytest.mark.parametrize(("stored", "text", "is_match"), FOLDING)
def test_which_letters_are_alike(stored: str, text: str, is_match: bool, tmp_path: Path):
    run = str(published(tmp_path / "run", [row("d", text=f"<{stored}>")]))
    assert Rows([run]).page(Query(f"<{text}>"))["total"] == int(is_match)


def test_a_search_and_a_condition_hold_together(texts: str):
    table = Rows([texts])
    both = table.page(Query("ä", "dialogue_id < 'd100'"))
    assert both["total"] == sum(
        any("ä" in message["content"].lower() for message in one["messages"])
        for one in read_rows(texts)
        if one["dialogue_id"] < "d100"
    )


def test_a_search_that_is_too_long_is_one_line(texts: str):
    with pytest.raises(Mistake, match="cannot search for 1,000,000 characters"):
        Rows([texts]).page(Query("ab" * 500_000))


def test_too_many_hits_are_the_first_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tutelage.view.rows.MOST_HITS", 3)
    table = Rows([str(published(tmp_path / "run", [row(f"d{n}") for n in range(5)]))])
    page = table.page(Query("it is"))
    assert page["capped"] and [r["row_index"] for r in page["rows"]] == [0, 1, 2]
    assert not table.page(Query("d0"))["capped"]
