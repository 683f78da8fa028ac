"""Publishing where workers are elsewhere gives the bytes of publishing here, in blocks or in one."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from runs import Said, journal, published, scripted, words
from tutelage.flow import publish_elsewhere, run
from tutelage.settings import Settings
from tutelage.shards import RunFolder, read_rows

HALVES = {"train": 0.5, "validation": 0.5}
"""One split is in the tests below, in several blocks and in one."""


def contents(root):
    """Every published file."""
    kinds = ("shards", "rejects", "manifest.json", "splits.json")
    paths = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in paths.items() if name.parts[0] in kinds}


def texts():
    """Unlike ones, copies, near-duplicates, chains, and a family that crowds its keys."""
    found = []
    for seed in range(30):
        base = words(120, seed)
        found.append(" ".join(base))
        if seed % 3 == 0:
            found.append(" ".join(base).upper())
        if seed % 3 == 1:
            found.append(" ".join([*base[:-5], *words(5, 1000 + seed)]))
            found.append(" ".join([*base[:-11], *words(11, 1000 + seed)]))
            found.append(" ".join([*words(11, 2000 + seed), *base[11:]]))
    family = words(100, 99)
    found += [" ".join([*family[:-3], *words(3, 5000 + n)]) for n in range(80)]
    return found


def dialogues():
    said = [Said(f"d{i * 37 % 997:03d}", text) for i, text in enumerate(texts())]
    controls = [Said(f"c{one.key}", one.text, one.asked, "retry") for one in said]
    return said + controls


@pytest.fixture
def blocks(request, monkeypatch):
    """A journal in so many blocks."""
    monkeypatch.setattr(publish_elsewhere, "_BLOCK", 1)
    monkeypatch.setattr(publish_elsewhere, "_MOST_BLOCKS", request.param)
    return request.param


@dataclass(frozen=True)
class Local:
    """A run that was published here after each of two parts of its dialogues."""

    settings: Settings
    parts: list[Path]
    """Folders with the whole run as it was after each."""
    problems: list[int]
    manifests: list[dict]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """At first, and when the run is extended by what ties two splits."""
    root = tmp_path_factory.mktemp("local")
    options = {
        "arms": ("sml", "retry"),
        "splits__ratios": HALVES,
        "dedup__threshold": 0.7,
        "sets": ["shards.rows=50"],
    }
    said = dialogues()
    order = random.Random(3).sample(said, len(said))
    middle = words(200, 7)
    bridges = [
        Said(f"{arm[0]}{name}", " ".join(text), f"p-{name}", arm)
        for arm in ("sml", "retry")
        for name, text in (
            ("a0", middle),
            ("n1", [*words(30, 8), *middle[30:]]),
            ("n2", [*middle[:-30], *words(30, 9)]),
            ("z9", words(120, 4)),
        )
    ]
    made = Local(scripted(**options), [root / "first", root / "second"], [], [])
    problems = len(said) // 2, len({one.asked for one in said + bridges})
    for sessions, count, part in zip(
        ([order[:200], order[200:]], [bridges]), problems, made.parts, strict=True
    ):
        for session in sessions:
            journal(RunFolder(root / "here"), session, made.settings)
        made.manifests.append(published(RunFolder(root / "here"), count, made.settings))
        made.problems.append(count)
        shutil.copytree(root / "here", part)
    return made


@pytest.mark.parametrize("blocks", [1, 7], indirect=True)
def test_the_bytes_are_those_of_a_local_run(blocks, local, tmp_path):
    for part, count, here in zip(local.parts, local.problems, local.manifests, strict=True):
        shutil.copytree(part / "journal", tmp_path / "journal", dirs_exist_ok=True)
        there = published(RunFolder(tmp_path), count, local.settings, build=publish_elsewhere.build)
        assert there == here
        assert contents(tmp_path) == contents(part)
        assert here["dedup"]["counts"]["near"] > 50 and here["dedup"]["counts"]["exact"] >= 20
        assert here["dedup"]["counts"]["capped"] > 0, "keys are crowded"


@dataclass(frozen=True)
class Dead:
    """A run in which rows are no problems, and problems come twice."""

    settings: Settings
    root: Path
    rows: int


@pytest.fixture(scope="module")
def dead(tmp_path_factory):
    root = tmp_path_factory.mktemp("dead")
    corpus = root / "rows.jsonl"
    good = [
        {"question": f"What is {n} + 3?", "answer": f"{n} + 3\n#### {n + 3}"} for n in range(20)
    ]
    lines = [json.dumps(row) for row in [*good, *good[:4]]]
    lines += ["{broken", json.dumps({"question": "What is 1 + 1?"})]
    corpus.write_text("\n".join(lines) + "\n")
    options = {"samples": 2, "dedup__threshold": 0.4, "sets": ["shards.rows=7"]}
    settings = scripted(corpora=(str(corpus),), **options)
    run(settings, str(root / "run"))
    return Dead(settings, root / "run", len(lines))


@pytest.mark.parametrize("blocks", [7], indirect=True)
def test_rejects_and_dialogues_that_failed(blocks, dead, tmp_path):
    before = contents(dead.root)
    assert json.loads(before["manifest.json"])["dedup"]["counts"]["near"] > 0
    assert {name.split("/")[0] for name in before} >= {"shards", "rejects", "manifest.json"}
    unpublished = shutil.ignore_patterns("shards", "rejects", "manifest.json")
    shutil.copytree(dead.root, tmp_path / "run", ignore=unpublished)
    run_id = dead.settings.run_id()
    folder = RunFolder(tmp_path / "run")
    published(folder, dead.rows, dead.settings, build=publish_elsewhere.build, run_id=run_id)
    assert contents(tmp_path / "run") == before


def test_where_nothing_is_solved_sft_is_there_and_empty(tmp_path):
    settings = scripted(limit=4, student__engine="tutelage.engines.scripted:Mutant")
    run(settings, str(tmp_path))
    before = contents(tmp_path)
    assert "shards/train/solved-00000-of-00001.parquet" in before
    assert list(read_rows(str(tmp_path), kind="solved")) == []
    assert "path: shards/train/solved-*.parquet" in (tmp_path / "README.md").read_text()
    folder = RunFolder(tmp_path)
    published(folder, 4, settings, build=publish_elsewhere.build, run_id=settings.run_id())
    assert contents(tmp_path) == before


def test_a_journal_of_nothing(tmp_path):
    settings = scripted(corpora=("starter?size=0",))
    run(settings, str(tmp_path))
    before = contents(tmp_path)
    published(RunFolder(tmp_path), 0, settings, build=publish_elsewhere.build)
    assert set(contents(tmp_path)) == set(before) == {"manifest.json"}
