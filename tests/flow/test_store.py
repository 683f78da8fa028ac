"""A run in an object store is the run on disk: played, cut, resumed, extended, stopped, read."""

import asyncio
import json
from collections import Counter

import pytest
from click.testing import CliRunner

from runs import scripted
from stores import bucket
from tutelage.cli.dedup import command as dedup
from tutelage.cli.inspect import command as inspect
from tutelage.cli.show import command as show
from tutelage.engines import replay
from tutelage.engines.scripted import Scripted
from tutelage.errors import Mistake, OutputError, Permanent, RunFailed, SettingsError
from tutelage.flow import run
from tutelage.session import shutdown, telemetry
from tutelage.session.shutdown import request_file
from tutelage.shards import Journal, RunFolder, entries, journal, read_rows
from tutelage.shards.figures import figures
from tutelage.shards.journal import files

RUN = "mem://bucket/run"
SIZE = 40
UNLIKE = ("journal/", "logs/", "telemetry.json")
"""What clocks and workers are in."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The same run on disk."""
    folder = tmp_path_factory.mktemp("calm")
    run(settings(), str(folder))
    return folder


def settings(**options):
    return scripted(**({"limit": SIZE, "samples": 2} | options))


def published(where):
    """Every file of a run that must be the same everywhere, by its path."""
    found = {}
    for path in where.rglob("*"):
        name = str(path).removeprefix(str(where)).lstrip("/")
        if path.is_file() and not name.startswith(UNLIKE):
            found[name] = path.read_bytes()
    return found


def slow(monkeypatch):
    """Dialogues take their time, and the journal is written whenever the heartbeat beats."""
    real = Scripted.reply

    async def reply(engine, request):
        await asyncio.sleep(0.02)
        return await real(engine, request)

    monkeypatch.setattr(Scripted, "reply", reply)
    monkeypatch.setattr(Scripted, "capacity", 8)
    monkeypatch.setattr(journal, "_SOON_S", 0.0)
    monkeypatch.setattr(telemetry, "_HEARTBEAT_S", 0.05)


def journaled():
    return Counter(e.key for file in files(bucket().parent / "run/journal") for e in entries(file))


def test_it_is_the_run_on_disk(store, calm):
    run(settings(), RUN)
    assert published(bucket()) == published(calm)
    left = {name.removeprefix("bucket/run/") for name in store.objects}
    assert {name.split("/")[1].split("-")[0] for name in left if name.startswith("logs/")} == {
        "heartbeat"
    }
    lines = {name for name in left if name.startswith("journal/") and name.endswith(".jsonl")}
    assert {name for name in left if name.startswith("journal/")} - lines == {"journal/input.json"}
    assert len(lines) == 1
    assert set(journaled().values()) == {1}


def test_a_killed_run_goes_on(store, calm, monkeypatch):
    """What a SIGKILL leaves is what the store held at that moment; twice, the second time while
    the shards are written.
    """
    slow(monkeypatch)
    held = []

    def look(name):
        entries_so_far = store.objects.get(name, b"").count(b"\n")
        if name.endswith(".jsonl") and not held and entries_so_far > 20:
            held.append(dict(store.objects))
        if "/shards/" in name and len(held) == 1:
            held.append(dict(store.objects))

    store.written = look
    run(settings(), RUN)
    store.written = lambda name: None
    assert published(bucket()) == published(calm)
    for number, objects in enumerate(held):
        store.objects = dict(objects)
        assert "bucket/run/manifest.json" not in objects
        assert "bucket/run/journal/lock" in objects
        before = sum(journaled().values())
        assert (0 < before < 2 * SIZE) if number == 0 else before == 2 * SIZE
        run(settings(), RUN, resume="always")
        assert published(bucket()) == published(calm)
        assert set(journaled().values()) == {1} and len(journaled()) == 2 * SIZE
    assert len(held) == 2


def test_a_run_is_extended(store, calm):
    run(settings(limit=20, samples=1), RUN)
    assert len(journaled()) == 20
    run(settings(), RUN)
    assert published(bucket()) == published(calm)
    assert set(journaled().values()) == {1}
    with pytest.raises(SettingsError, match="samples: 2 -> 1"):
        run(settings(samples=1), RUN)


def test_a_store_that_goes_away_stops_the_run_which_goes_on_later(store, calm, monkeypatch):
    monkeypatch.setattr(journal, "_LATE", 100_000)
    store.refuses = lambda what, name: what == "write" and name.endswith(".jsonl")
    with pytest.raises(OutputError, match="check its name and your rights"):
        run(settings(), RUN)
    assert not journaled()
    store.refuses = lambda what, name: what == "write" and "/shards/" in name
    with pytest.raises((OutputError, RunFailed), match="away"):
        run(settings(), RUN)
    assert len(journaled()) == 2 * SIZE
    store.refuses = lambda what, name: False
    run(settings(), RUN)
    assert published(bucket()) == published(calm)


def test_what_failed_too_often_is_in_the_journal(store, monkeypatch):
    async def refuse(engine, request):
        raise Permanent("HTTP 401")

    monkeypatch.setattr(Scripted, "reply", refuse)
    with pytest.raises(RunFailed, match="of the last"):
        run(settings(sets=["driver.window=20"]), RUN)
    assert len(journaled()) >= 20


def test_a_store_that_cannot_be_written_or_read_is_a_mistake(store):
    store.refuses = lambda what, name: what == "write"
    with pytest.raises(OutputError, match=r"cannot write mem://bucket/run: the store is away"):
        run(settings(), RUN)
    store.refuses = lambda what, name: True
    with pytest.raises(Mistake, match=r"cannot read mem://bucket/run/run.json: the store is away"):
        run(settings(), RUN)
    with pytest.raises(Mistake, match=r"cannot read mem://bucket/run: the store is away"):
        list(read_rows(RUN))


def test_a_folder_of_somebody_else_is_left_alone(store):
    store.objects["bucket/run/notes.txt"] = b"mine"
    with pytest.raises(SettingsError, match="neither empty nor a run"):
        run(settings(), RUN)
    assert store.objects == {"bucket/run/notes.txt": b"mine"}


def test_the_wish_to_stop_reaches_the_workers(store, monkeypatch):
    slow(monkeypatch)

    def look(name):
        if name.endswith(".jsonl"):
            request_file(RunFolder(bucket()), "now").write_text("a person", "utf-8")

    monkeypatch.setattr(shutdown, "_name", lambda: "now")

    store.written = look
    with pytest.raises(RunFailed, match="stopped with"):
        run(settings(sets=["driver.grace_s=0"]), RUN)
    store.written = lambda name: None
    assert 0 < len(journaled()) < 2 * SIZE


def test_it_is_read_like_one_on_disk(store, calm):
    run(settings(), RUN)
    assert list(read_rows(RUN)) == list(read_rows(str(calm)))
    some = {"columns": ("dialogue_id", "outcome"), "where": "outcome.solved_turn > 1"}
    assert list(read_rows(RUN, **some)) == list(read_rows(str(calm), **some)) != []
    mine, its = figures(RUN), figures(str(calm))
    assert {**mine, "telemetry": 0} == {**its, "telemetry": 0}
    assert "by turn" in CliRunner().invoke(inspect, [RUN]).output
    (row,) = CliRunner().invoke(show, [RUN, "--limit=1", "--json"]).output.splitlines()
    assert json.loads(row) == next(read_rows(str(calm)))
    with pytest.raises(Mistake, match="is not a run"):
        figures("mem://bucket/nope")


def test_its_dialogues_are_compared_like_those_on_disk(store, calm, tmp_path):
    run(settings(), RUN)
    said = []
    for name, what in (("store", RUN), ("disk", str(calm))):
        found = CliRunner().invoke(dedup, [what, "--out", str(tmp_path / name)])
        assert found.exit_code == 0, found.output
        said.append([line for line in found.output.splitlines() if "written to" not in line])
    assert said[0] == said[1] and "exact" in said[0][1]
    rows = [list(read_rows(str(tmp_path / name))) for name in ("store", "disk")]
    assert rows[0] == rows[1] != []
    with pytest.raises(Mistake, match="wanted each run once"):
        CliRunner().invoke(dedup, [RUN, RUN, "--out", str(tmp_path)], catch_exceptions=False)


def test_the_replies_of_unfinished_dialogues_stay_on_this_machine(store, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "_INSTANT", ())
    here = []

    def look(name):
        here.extend((tmp_path / "cache").rglob("replies/*.jsonl"))

    store.written = look
    run(settings(limit=30), RUN)
    assert here and not any("replies" in name for name in store.writes)
    assert list((tmp_path / "cache").rglob("*.jsonl")) == [], "none is left, nor a copy"


def test_a_journal_in_many_objects_is_published_the_same(store, calm, monkeypatch):
    run(settings(), RUN)
    (file,) = files(RunFolder(bucket()).journal)
    lines = file.read_bytes().splitlines(keepends=True)
    file.unlink()
    for begin in range(0, len(lines), 7):
        name = f"{file.stem.rpartition('-')[0]}-{begin:06d}.jsonl"
        (file.parent / name).write_bytes(b"".join(lines[begin : begin + 7]))
    run(settings(), RUN)
    assert published(bucket()) == published(calm)


def test_a_worker_says_when_its_journal_cannot_be_closed(store):
    lines = Journal(bucket())
    lines.append("a", "dead", {"x": 1})
    store.refuses = lambda what, name: True
    with pytest.raises(OutputError):
        lines.close()
