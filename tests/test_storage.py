"""Places on disk and in a store: the same answers, and whole files only."""

import pickle
from pathlib import Path

import pytest

from stores import Store, bucket
from tutelage.errors import Mistake
from tutelage.storage import Location, Remote, location, opened, remove, streamed, whole


@pytest.fixture(params=["disk", "store"])
def root(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Location:
    return tmp_path / "root" if request.param == "disk" else bucket("root")


def test_both_kinds_answer_alike(root: Location) -> None:
    for name in ("a.json", "b/c.json", "b/d.txt", "b/deep/e.json"):
        with whole(root / name) as part:
            part.write_text(name)
    assert (root / "b" / "c.json").read_text("utf-8") == "b/c.json"
    assert (root / "a.json").exists() and (root / "a.json").is_file()
    assert (root / "b").exists() and (root / "b").is_dir() and not (root / "b").is_file()
    assert not (root / "nope").exists()
    assert {p.name for p in root.glob("*.json")} == {"a.json"}
    assert {str(p) for p in root.glob("*/*.json")} == {str(root / "b" / "c.json")}
    assert {p.name for p in root.rglob("*") if p.is_file()} == {
        "a.json", "c.json", "d.txt", "e.json"
    }  # fmt: skip
    for open_ in (opened, streamed):
        with open_(root / "b/d.txt") as file:
            assert file.read() == b"b/d.txt"
    at = root / "b" / "c.json"
    assert (at.name, at.stem, at.suffix, at.parent) == ("c.json", "c", ".json", root / "b")
    remove(root / "b")
    assert not (root / "b").exists() and (root / "a.json").exists()
    remove(root / "a.json")
    remove(root / "a.json")
    (root / "a.json").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (root / "a.json").unlink()
    with pytest.raises(FileNotFoundError):
        (root / "a.json").read_text("utf-8")
    assert list(root.glob("*.json")) == list((root / "never").glob("*/*.json")) == []


def half(part: Path) -> None:
    part.write_text("half")
    raise OSError("the disk is full")


def test_a_file_that_was_not_finished_leaves_the_old_one(root: Location) -> None:
    with whole(root / "x") as part:
        part.write_text("old")
    with pytest.raises(OSError, match="full"), whole(root / "x") as part:
        half(part)
    with whole(root / "x"):
        pass
    assert (root / "x").read_text("utf-8") == "old"


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("mem://bucket/a/b?scheme=http", "mem://bucket/a/b?scheme=http"),
        ("mem://bucket/a/b/", "mem://bucket/a/b"),
        ("mem://bucket/my run", "mem://bucket/my%20run"),
        ("mem://bucket/my%20run", "mem://bucket/my%20run"),
        ("file:///tmp/x", "/tmp/x"),
        ("outputs/x", "outputs/x"),
    ],
)
def test_a_place_is_found_again_by_its_text(store: Store, text: str, again: str) -> None:
    found = location(text)
    assert str(found) == again
    assert location(str(found)) == found == pickle.loads(pickle.dumps(found))


def test_a_query_stays_at_the_end(store: Store) -> None:
    found = location("mem://bucket?scheme=http")
    assert str(found / "a" / "b") == "mem://bucket/a/b?scheme=http"
    assert isinstance(found, Remote)
    assert location("mem://bucket/my%20run?a=b").at[1] == "bucket/my run"
    assert ((found / "a").at[1], found.at[1]) == ("bucket/a", "bucket")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope://bucket/run", "cannot read nope://bucket: Unrecognized filesystem type"),
        ("s3://key:secret@bucket/run", "with a key in it: leave it to the environment"),
        ("s3://", "wanted a URL such as"),
        ("s3://bucket/../run", "wanted a URL such as"),
        ("s3://bucket/run?nonsense=1", "cannot read s3://bucket.nonsense=1: "),
    ],
)
def test_a_url_that_leads_nowhere_is_a_mistake(text: str, said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        location(text)
    assert "secret" not in str(caught.value)
