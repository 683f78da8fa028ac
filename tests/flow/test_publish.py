"""What is marked, where it goes, and that it stays there: on journals written by hand."""

import hashlib
import json
import random
from dataclasses import replace

import pytest

from runs import Said, journal, lone, published, scripted, words
from tutelage import dedup
from tutelage.contract import json_schema
from tutelage.flow import publish, run
from tutelage.session.plan import plan
from tutelage.shards import RunFolder, read_rows
from tutelage.shards.journal import files

HALVES = {"splits__ratios": {"train": 0.5, "validation": 0.5}}
TWO_WORKERS = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
"""Threads; processes take seconds to start, and have a run of their own in `test_contamination.py`."""


def texts() -> list[str]:
    """Unlike ones, copies, near-duplicates, and chains whose ends are not alike."""
    made = []
    for seed in range(40):
        base = words(120, seed)
        made.append(" ".join(base))
        if seed % 4 == 0:
            made.append(" ".join(base).upper())
        if seed % 4 == 1:
            made.append(" ".join([*base[:-5], *words(5, 1000 + seed)]))
        if seed % 4 == 2:
            made.append(" ".join([*base[:-11], *words(11, 1000 + seed)]))
            made.append(" ".join([*words(11, 2000 + seed), *base[11:]]))
    return made


def dialogues() -> list[Said]:
    """In the arm `retry` half of the texts again, as controls have them."""
    made = [Said(f"d{i * 37 % 101:03d}", text) for i, text in enumerate(texts())]
    return made + [Said(f"c{one.key}", one.text, f"p-{one.key}", "retry") for one in made[::2]]


def marks(folder):
    return {
        row["dialogue_id"]: (row["duplicate_of"], row["cluster_id"])
        for row in read_rows(str(folder))
    }


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def by_key(folder):
    return {row["dialogue_id"]: row for row in read_rows(str(folder))}


def in_memory(said):
    """What comparing without Beam finds among the dialogues of each arm."""
    found = {}
    for arm in {one.arm for one in said}:
        of_arm = [one for one in said if one.arm == arm]
        scheme = dedup.Scheme()
        chat = [f"What is 2 + 3?\nIt is 4\nLook again.\n{one.text}" for one in of_arm]
        result = dedup.find(dedup.sketch([one.key for one in of_arm], chat, scheme), scheme)
        for key in result.ids:
            found[key] = (result.duplicate_of.get(key), result.cluster[key])
    return found


def settings_of(said, **options):
    arms = tuple(dict.fromkeys(one.arm for one in said))
    return scripted(arms=arms, **options)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    said = [one for one in dialogues() if one.arm == "sml"]
    folder = tmp_path_factory.mktemp("published")
    return said, folder, lone(folder, said)


def test_beam_marks_what_memory_marks(done):
    said, folder, manifest = done
    found = marks(folder)
    assert found == in_memory(said)
    removed = [twin for twin, _ in found.values() if twin]
    assert len(removed) > 20
    assert all(found[twin][0] is None for twin in removed)
    assert manifest["dialogues"]["near_duplicates"] == len(removed)
    counts = manifest["dedup"]["counts"]
    assert (counts["documents"], counts["kept"]) == (len(said), len(said) - len(removed))
    assert counts["exact"] == 10
    assert counts["hot_keys"] == counts["capped"] == 0
    assert manifest["dedup"]["scheme"] == dedup.Scheme().record()


def test_the_manifest_is_what_its_schema_says(done):
    _, _, manifest = done
    schema = json_schema("manifest.v1")
    assert set(manifest) == set(schema["properties"]) - {"derived"}
    assert set(schema["required"]) == set(manifest) - {"code"}, "which a derived run has not"
    assert set(schema["properties"]["dedup"]["properties"]) == set(manifest["dedup"])
    counts = schema["properties"]["dedup"]["properties"]["counts"]
    assert set(counts["required"]) == set(manifest["dedup"]["counts"])


def test_two_workers_and_another_order_of_work_give_the_same_bytes(done, tmp_path):
    said, folder, manifest = done
    other = RunFolder(tmp_path)
    settings = settings_of(said)
    shuffled = random.Random(5).sample(said, len(said))
    for begin in range(0, len(said), 20):
        journal(other, shuffled[begin : begin + 20], settings)
    assert published(other, len(said), settings, TWO_WORKERS) == manifest
    assert digests(tmp_path) == digests(folder)


def test_dialogues_are_compared_within_their_arm(tmp_path):
    text, other = " ".join(words(80, 1)), " ".join(words(80, 2))
    said = [
        Said("a1", text, "p1", "sml"),
        Said("a2", text, "p1", "retry"),
        Said("a3", text, "p2", "sml"),
        Said("a4", other, "p2", "retry"),
    ]
    manifest = lone(tmp_path, said)
    assert marks(tmp_path) == {
        "a1": (None, "a1"),
        "a2": (None, "a2"),
        "a3": ("a1", "a1"),
        "a4": (None, "a4"),
    }
    assert manifest["dialogues"]["near_duplicates"] == 1
    assert [row["dialogue_id"] for row in read_rows(str(tmp_path), kind="rest")] == ["a3"]


def test_of_a_dialogue_that_was_finished_twice_the_one_that_stands_is_compared(tmp_path):
    folder, settings = RunFolder(tmp_path), scripted()
    text, other = " ".join(words(80, 1)), " ".join(words(80, 2))
    journal(folder, [Said("b", text), Said("a", text)], settings)
    journal(folder, [Said("b", other), Said("c", other)], settings)
    published(folder, 3, settings)
    assert marks(tmp_path) == {"a": (None, "a"), "b": ("a", "a"), "c": (None, "c")}


def test_a_run_of_nothing_balances(tmp_path):
    manifest = run(scripted(corpora=("starter?size=0",)), str(tmp_path))
    assert manifest["balance"] == {"input": 0, "kept": 0, "filtered": 0, "duplicate": 0, "dead": 0}
    assert list(read_rows(str(tmp_path))) == []


def test_without_comparing_nothing_is_marked(tmp_path):
    text = " ".join(words(80, 1))
    manifest = lone(tmp_path, [Said("a", text), Said("b", text)], dedup__enabled=False)
    assert marks(tmp_path) == {"a": (None, "a"), "b": (None, "b")}
    assert manifest["dedup"] == {}


def test_the_plan_does_not_depend_on_the_order_of_the_rows(done, tmp_path):
    said, folder, _ = done
    settings = settings_of(said, **HALVES)
    (file,) = files(RunFolder(folder).journal)
    name = publish.sketch(str(file), settings.dedup, RunFolder(tmp_path))
    facts, _ = publish.gathered([name], settings.dedup, RunFolder(tmp_path))

    def planned(order):
        (block,) = publish.gathered([name], settings.dedup, RunFolder(tmp_path))[1]
        moved = {old: new for new, old in enumerate(order)}
        ones = [block.only([i]) for i in range(len(block))]
        ones = [replace(one, ids=[moved[one.ids[0]]]) for one in ones]
        *parts, notes = plan(lambda *names: facts(*names).take(order), ones, settings, {})
        return [(part.path, part.rows.to_pylist()) for part in parts], notes

    order = list(range(len(said)))
    first = planned(order)
    assert planned(random.Random(1).sample(order, len(order))) == first
    assert {path.split("/")[1] for path, _ in first[0]} == {"train", "validation"}


def test_a_problem_and_a_cluster_lie_in_one_split(tmp_path):
    said = [
        Said(f"{name}{i:03d}", text, f"p{i // 2:03d}", arm)
        for arm, name in (("sml", "d"), ("retry", "c"))
        for i, text in enumerate(texts())
    ]
    manifest = lone(tmp_path, said, splits__ratios={"train": 0.6, "validation": 0.4})
    assert set(manifest["splits"]["dialogues"]) == {"train", "validation"}
    assert sum(manifest["splits"]["dialogues"].values()) == len(said)
    problems, clusters = {}, {}
    for path in sorted((tmp_path / "shards").rglob("*.parquet")):
        for row in read_rows(str(tmp_path), splits=[path.parent.name]):
            assert row["split"] == path.parent.name
            problems.setdefault(row["problem_id"], set()).add(row["split"])
            clusters.setdefault((row["arm"], row["cluster_id"]), set()).add(row["split"])
    assert all(len(found) == 1 for found in [*problems.values(), *clusters.values()])
    card = (tmp_path / "README.md").read_text()
    assert "  - split: validation\n    path: shards/validation/solved-*.parquet" in card


def test_near_duplicates_in_other_arms_lie_in_one_split(tmp_path):
    """Even where no arm alone has the pair."""
    said = []
    for i in range(12):
        text = " ".join(words(80, i))
        said += [Said(f"a{i:02d}", text, f"p{i:02d}", "sml")]
        said += [Said(f"b{i:02d}", f"{i} alone", f"p{i:02d}", "retry")]
        said += [Said(f"c{i:02d}", f"alone {i}", f"q{i:02d}", "sml")]
        said += [Said(f"d{i:02d}", text + " yes", f"q{i:02d}", "retry")]
    lone(tmp_path, said, **HALVES)
    rows = by_key(tmp_path)
    assert all(rows[f"a{i:02d}"]["split"] == rows[f"d{i:02d}"]["split"] for i in range(12))
    assert {row["split"] for row in rows.values()} == {"train", "validation"}
    assert not any(row["duplicate_of"] for row in rows.values())


@pytest.fixture
def bridged(tmp_path):
    """Two texts in two splits, and a third, played later, that is like both."""
    folder, settings = RunFolder(tmp_path), scripted(**HALVES)
    middle = words(200, 7)
    left = " ".join([*words(18, 8), *middle[18:]])
    right = " ".join([*middle[:-18], *words(18, 9)])
    names = [f"m{i:02d}" for i in range(20)]
    journal(folder, [Said(name, f"{name} alone") for name in names], settings)
    published(folder, len(names), settings)
    splits = {name: row["split"] for name, row in by_key(tmp_path).items()}
    one = next(name for name in names if splits[name] == "train")
    two = next(name for name in names if splits[name] == "validation")
    pair = [Said("n1", left, f"p-{one}"), Said("n2", right, f"p-{two}")]
    bridge = [Said("a0", " ".join(middle)), Said("z0", " ".join(middle))]
    # the second half of each group, and the bridge's
    rest = [Said(f"y-{n}", f"{n} again", f"p-{n}") for n in names if n not in (one, two)]
    settings = scripted(samples=2, **HALVES)
    journal(folder, [*pair, *rest], settings)
    before = published(folder, len(names), settings)
    return folder, settings, before, bridge


def test_what_would_tie_two_splits_is_held(bridged):
    folder, settings, before, bridge = bridged
    was = {name: row["split"] for name, row in by_key(folder.root).items()}
    assert set(was.values()) == {"train", "validation"}
    assert "held" not in before["splits"]["dialogues"]
    journal(folder, [Said(one.key, one.text, "p-bridge") for one in bridge], settings)
    manifest = published(folder, 21, settings)
    assert manifest["splits"]["dialogues"]["held"] == 2
    rows = by_key(folder.root)
    assert {name: rows[name]["split"] for name in was} == was
    assert {rows["a0"]["split"], rows["z0"]["split"]} == {"held"}
    # a held dialogue takes nobody's place, though its id comes first
    assert rows["n1"]["duplicate_of"] is None
    assert (rows["z0"]["duplicate_of"], rows["z0"]["cluster_id"]) == ("a0", "a0")
    assert len({rows[name]["cluster_id"] for name in ("n1", "n2", "a0")}) == 3
    solved = {row["dialogue_id"] for row in read_rows(str(folder.root), kind="solved")}
    assert {"n1", "n2"} <= solved and not {"a0", "z0"} & solved
    card = (folder.root / "README.md").read_text()
    assert "shards/held/" not in card and "2 held back in `shards/held`" in card


def test_published_again_nothing_moves(bridged):
    folder, settings, before, _ = bridged
    bytes_before = digests(folder.root)
    assert published(folder, 20, settings) == before
    assert digests(folder.root) == bytes_before


def test_a_problem_that_joins_later_goes_where_its_near_duplicates_are(tmp_path):
    folder, settings = RunFolder(tmp_path), scripted(**HALVES)
    old = [Said(f"m{i:02d}", " ".join(words(80, i))) for i in range(30)]
    journal(folder, old, settings)
    published(folder, 30, settings)
    was = {name: row["split"] for name, row in by_key(tmp_path).items()}
    new = [Said(f"a{one.key}", one.text + " more") for one in old]
    journal(folder, new, settings)
    published(folder, 60, settings)
    rows = by_key(tmp_path)
    assert {name: rows[name]["split"] for name in was} == was
    assert {name: rows[f"a{name}"]["split"] for name in was} == was
    record = json.loads((tmp_path / "splits.json").read_text())
    assert sum(map(len, record.values())) == 60


def test_an_extended_run_keeps_its_splits(tmp_path):
    options = {"arms": ("sml", "retry"), "splits__ratios": {"train": 0.7, "validation": 0.3}}
    run(scripted(limit=20, **options), str(tmp_path))
    was = {name: row["split"] for name, row in by_key(tmp_path).items()}
    manifest = run(scripted(limit=50, samples=2, **options), str(tmp_path))
    rows = by_key(tmp_path)
    assert len(was) == 40 and len(rows) == 200
    assert {name: rows[name]["split"] for name in was} == was
    problems = {}
    for row in rows.values():
        problems.setdefault(row["problem_id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in problems.values())
    assert set(manifest["splits"]["dialogues"]) == {"train", "validation"}
