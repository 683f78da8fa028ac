"""A run in Cloud Storage, by Arrow's own client: what a kinder store would put up with shows here."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from cloud.storage import Buckets
from runs import scripted
from tutelage.flow import run
from tutelage.session import publication
from tutelage.shards import Journal, entries, fetch, journal
from tutelage.shards.folder import near
from tutelage.shards.journal import files
from tutelage.storage import location, move, remove

SIZE = 40


def published(buckets, name="run"):
    """The run's published files by name."""
    names = buckets.names("bucket", f"{name}/")
    kinds = ("shards/", "rejects/", "manifest.json")
    return {
        path.removeprefix(f"{name}/"): buckets.objects["bucket", path]
        for path in names
        if path.removeprefix(f"{name}/").startswith(kinds)
    }


def on_disk(folder):
    kinds = ("shards/", "rejects/", "manifest.json")
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if name.startswith(kinds)}


def is_whole(buckets):
    """Whether what a reader would find now is one publication, with nothing missing."""
    manifest = buckets.objects.get(("bucket", "run/manifest.json"))
    if manifest is None:
        return False
    for name, rows in json.loads(manifest)["files"].items():
        data = buckets.objects.get(("bucket", f"run/{name}"))
        if data is None or pq.ParquetFile(BytesIO(data)).metadata.num_rows != rows:
            return False
    return True


def test_a_run_is_played_repeated_and_extended(gs, buckets, tmp_path):
    out = gs("bucket/run")
    for limit in (SIZE, SIZE, 2 * SIZE):
        run(scripted(limit=limit), out)
        run(scripted(limit=limit), str(tmp_path / "disk"))
        assert published(buckets) == on_disk(tmp_path / "disk")
        assert len(published(buckets)) >= 3
    assert not [name for name in buckets.names("bucket", "run/journal/") if "spool" in name]


def test_what_is_published_stays_until_the_new_is_whole(gs, buckets, monkeypatch):
    """Between the first file that changes and the last there is nothing but moving."""
    out = gs("bucket/run")
    run(scripted(limit=SIZE), out)
    broken_by = []
    real = Buckets.answer

    def answer(store, request):
        reply = real(store, request)
        if request.verb != "GET" and not is_whole(store):
            broken_by.append((request.verb, request.path))
        return reply

    monkeypatch.setattr(Buckets, "answer", answer)
    run(scripted(limit=2 * SIZE), out)
    first = "DELETE", "/storage/v1/b/bucket/o/run%2Fmanifest.json"
    assert is_whole(buckets) and broken_by[0] == first
    uploads = [path for _, path in broken_by if "upload" in path]
    assert uploads == [] and len(broken_by) < 12


def test_a_publication_that_fails_leaves_the_one_before(gs, buckets, monkeypatch):
    out = gs("bucket/run")
    run(scripted(limit=SIZE), out)
    before = published(buckets)

    def fail(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("tutelage.flow.publish.write_shard", fail)
        with pytest.raises(Exception, match="disk is full"):
            run(scripted(limit=2 * SIZE), out)
    assert published(buckets) == before
    with monkeypatch.context() as patch:
        patch.setattr(publication, "move", fail)
        with pytest.raises(Exception, match="disk is full"):
            run(scripted(limit=2 * SIZE), out)
    assert "manifest.json" not in published(buckets)
    run(scripted(limit=2 * SIZE), out)
    assert is_whole(buckets) and len(published(buckets)) >= len(before)


def test_removing_and_moving(gs, buckets):
    run_ = location(gs("bucket/run"))
    for name in ("shards/train/a", "shards/train/b", "shards/c", "other"):
        (run_ / name).write_bytes(name.encode())
    remove(run_ / "shards/train")
    assert buckets.names("bucket") == ["run/other", "run/shards/c"]
    remove(run_ / "shards/train")
    move(run_ / "shards/c", run_ / "rejects/c")
    remove(run_ / "other")
    assert buckets.objects == {("bucket", "run/rejects/c"): b"shards/c"}
    with pytest.raises(ValueError, match="two locations"):
        move(run_ / "rejects/c", near(run_))


def test_threads_that_read_the_same_object_cold(gs, buckets, monkeypatch):
    """Each gets the whole of it, though all of them copy it to this machine at once."""
    folder = location(gs("bucket/run")) / "journal"
    book = Journal(folder)
    rows = [{"n": n, "text": "x" * 10_000} for n in range(300)]
    for row in rows:
        book.append(f"key{row['n']}", "kept", row)
    book.close()
    (file,) = files(folder)
    spans = [entry.span for entry in entries(file)]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(6):
            near(file).unlink()
            reads = list(pool.map(lambda _: list(fetch(spans)), range(6)))
            assert all(read == rows for read in reads)
    assert journal.files(folder) == [file]
