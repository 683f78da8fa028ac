"""The journal of a run in an object store: when it is written, and what an outage does to it."""

import pytest

from builders import finished
from stores import bucket
from tutelage import contract
from tutelage.errors import OutputError
from tutelage.shards import Journal, entries, fetch, journal
from tutelage.shards.journal import done, files

ROW = contract.row(finished(["6", "5"]), contract.Stamp("run"))


@pytest.fixture
def clock(monkeypatch):
    """A clock that only tests advance."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

        def time_ns(self):
            return int(self.now * 1e9)

    made = Clock()
    monkeypatch.setattr(journal, "time", made)
    return made


def keys(folder):
    return [entry.key for file in files(folder) for entry in entries(file)]


def test_what_was_synced_is_in_the_store_and_nothing_else(store, clock):
    lines = Journal(bucket())
    lines.append("a", "kept", ROW)
    assert keys(bucket()) == []
    lines.sync()
    lines.append("b", "dead", ROW)
    assert keys(bucket()) == ["a"]
    lines.sync()
    assert keys(bucket()) == ["a"], "a second has not gone by"
    clock.now += 1.1
    lines.sync()
    lines.append("c", "passing", ROW)
    assert keys(bucket()) == ["a", "b"], "what a kill would leave"
    lines.close()
    assert keys(bucket()) == ["a", "b", "c"]
    found = done(bucket())
    assert len(found) == 2 and "a" in found and "b" in found
    assert len(files(bucket())) == 1 and len(store.writes) == 3


def test_an_unchanged_object_is_not_rewritten(store, clock):
    lines = Journal(bucket())
    lines.sync()
    lines.append("a", "kept", ROW)
    for _ in range(3):
        clock.now += 10
        lines.sync()
        lines.flush()
    lines.close()
    assert len(store.writes) == 1


def test_rows_are_fetched_from_full_and_new_objects(store, clock, monkeypatch):
    monkeypatch.setattr(journal, "FULL", 20_000)
    monkeypatch.setattr(journal, "_OPEN", 3)
    lines = Journal(bucket())
    put = [ROW | {"seed": number} for number in range(60)]
    for number, row in enumerate(put):
        lines.append(f"k{number}", "kept", row)
        clock.now += 1.5
        lines.sync()
    lines.close()
    sizes = [len(data) for _, data in sorted(store.objects.items())]
    assert len(sizes) > 5
    assert all(20_000 <= size < 20_000 + len(str(ROW)) + 500 for size in sizes[:-1])
    assert keys(bucket()) == [f"k{number}" for number in range(60)]
    spans = [entry.span for file in files(bucket()) for entry in entries(file)]
    mixed = [number * 37 % 60 for number in range(60)]
    assert [row["seed"] for row in fetch(spans[number] for number in mixed)] == mixed


def test_a_copy_that_is_too_short_is_fetched_again(store, clock):
    lines = Journal(bucket())
    for key in ("a", "b"):
        lines.append(key, "kept", ROW | {"statement": key})
        lines.flush()
        assert keys(bucket())[-1] == key
    span = [entry.span for entry in entries(files(bucket())[0])][1]
    (copy,) = journal.near(bucket()).rglob("*.jsonl")
    copy.write_bytes(copy.read_bytes()[: span.offset])
    assert [row["statement"] for row in fetch([span])] == ["b"]


def test_after_an_outage_the_store_gets_every_line_once(store, clock):
    lines = Journal(bucket())
    lines.append("a", "kept", ROW)
    lines.sync()
    store.refuses = lambda what, _: what == "write"
    for key in "bcd":
        lines.append(key, "kept", ROW)
        clock.now += 2
        with pytest.raises(OSError, match="away"):
            lines.sync()
    store.refuses = lambda what, _: False
    lines.append("e", "kept", ROW)
    lines.sync()
    assert keys(bucket()) == list("abcde")


def test_a_write_that_succeeded_despite_an_error_is_not_duplicated(store, clock):
    lines = Journal(bucket())
    lines.append("a", "kept", ROW)

    def lost(_):
        raise OSError("the answer was lost")

    store.written = lost
    with pytest.raises(OSError, match="lost"):
        lines.sync()
    store.written = lambda _: None
    lines.append("b", "kept", ROW)
    lines.close()
    assert keys(bucket()) == ["a", "b"]


@pytest.mark.parametrize("how", ["seconds", "bytes"])
def test_a_long_outage_stops_the_run(store, clock, monkeypatch, how):
    monkeypatch.setattr(journal, "_LATE", len(str(ROW)) * 3)
    store.refuses = lambda what, _: what == "write"
    lines = Journal(bucket())
    lines.append("a", "kept", ROW)
    if how == "seconds":
        clock.now += 59
        lines.append("b", "kept", ROW)
        clock.now += 2
    else:
        for key in "bc":
            lines.append(key, "kept", ROW)
    with pytest.raises(OutputError, match=r"cannot write mem://bucket/run: .*away"):
        lines.append("d", "kept", ROW)
    with pytest.raises(OutputError):
        lines.flush()
