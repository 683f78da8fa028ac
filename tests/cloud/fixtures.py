"""Fixtures: a store behind `gs://` that Arrow's own client talks to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud.storage import Buckets, serving, url
from tutelage import storage
from tutelage.session import card
from tutelage.session.contents import Contents
from tutelage.shards import lock

Url = Callable[[str], str]
"""`BUCKET/NAME` -> its URL in the store."""


def without_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB keeps the interpreter's lock while Arrow fetches what it wants, so a store that is
    served by this very process could never answer: the run's card is written without its figures.
    """
    monkeypatch.setattr(card, "contents", lambda folder: Contents())


@pytest.fixture
def buckets() -> Buckets:
    """What the store holds."""
    return Buckets()


@pytest.fixture
def gs(buckets: Buckets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Url]:
    """The store, served; locks settle at once."""
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lock, "_SETTLE_S", 0.0)
    without_queries(monkeypatch)
    storage.filesystem.cache_clear()
    with serving(buckets) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
        yield lambda path: url(port, path)
    storage.filesystem.cache_clear()
