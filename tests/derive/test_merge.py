"""`merge`: makes one run of several, and finds near-duplicates and splits across them."""

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import words
from tables import EXAMPLES, balanced, published, row
from tutelage.cli.merge import command
from tutelage.derive.merge import merge
from tutelage.errors import Mistake
from tutelage.shards import read_rows

TEXTS = [" ".join(words(90, seed)) for seed in range(6)]


def said(name, text, **options):
    return row(name, text=TEXTS[text], **options)


def found(out):
    return {
        r["dialogue_id"]: (r["split"], r["duplicate_of"], r["cluster_id"])
        for r in read_rows(str(out))
    }


def test_near_duplicates_across_runs_are_marked_within_an_arm(tmp_path):
    published(tmp_path / "one", [said("b", 0), said("c", 1), said("e", 2, arm="retry")])
    published(tmp_path / "two", [said("a", 1), said("d", 2), said("f", 3)])
    manifest = merge([str(tmp_path / "one"), str(tmp_path / "two")], str(tmp_path / "out"))
    assert balanced(manifest)
    assert found(tmp_path / "out") == {
        "a": ("train", None, "a"),
        "b": ("train", None, "b"),
        "c": ("train", "a", "a"),
        "d": ("train", None, "d"),
        "e": ("train", None, "e"),
        "f": ("train", None, "f"),
    }
    solved = [r["dialogue_id"] for r in read_rows(str(tmp_path / "out"), kind="solved")]
    assert sorted(solved) == ["a", "b", "d", "e", "f"]
    assert manifest["dialogues"]["near_duplicates"] == 1
    assert manifest["balance"] == {
        "input": 6, "kept": 6, "filtered": 0, "duplicate": 0, "dead": 0,
    }  # fmt: skip


def test_no_problem_and_no_near_duplicate_is_in_two_splits(tmp_path):
    shares = {"splits__ratios": {"train": 0.5, "validation": 0.5}}
    one = [said("a", 0, problem="p1"), said("b", 1, problem="p2", split="validation")]
    two = [
        said("c", 2, problem="p1", split="validation"),  # the problem is in train already
        said("d", 0, problem="p3", split="validation"),  # and so is this text
        said("e", 3, problem="p4", split="validation"),
    ]
    published(tmp_path / "one", one, **shares)
    published(tmp_path / "two", two, **shares)
    manifest = merge([str(tmp_path / "one"), str(tmp_path / "two")], str(tmp_path / "out"))
    assert {name: split for name, (split, _, _) in found(tmp_path / "out").items()} == {
        "a": "train", "b": "validation", "c": "held", "d": "held", "e": "validation",
    }  # fmt: skip
    assert manifest["splits"]["dialogues"] == {"held": 2, "train": 1, "validation": 2}
    assert not list((tmp_path / "out" / "shards" / "held").glob("solved-*"))


def test_groups_of_two_runs_are_contiguous_and_in_order(tmp_path):
    published(tmp_path / "one", [row(f"a{i}", group=f"g{i}", sample=0) for i in range(9)])
    published(tmp_path / "two", [row(f"b{i}", group=f"g{i}", sample=1) for i in range(9)])
    merge([str(tmp_path / "two"), str(tmp_path / "one")], str(tmp_path / "out"))
    order = [(r["group_id"], r["sample"]) for r in read_rows(str(tmp_path / "out"), kind="solved")]
    assert order == sorted(order)


def test_two_dialogues_with_one_id_are_refused(tmp_path):
    published(tmp_path / "one", [row("a"), row("b", text="this", run_id="first")])
    published(tmp_path / "two", [row("a"), row("b", text="that", run_id="second")])
    given_ = [str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(tmp_path / "out")]
    error = CliRunner().invoke(command, given_).exception
    assert isinstance(error, Mistake) and "\n" not in str(error)
    assert "dialogue b is not the same in two of the runs (first, second)" in str(error)
    assert not (tmp_path / "out").exists()


def test_arms_and_corpora_of_all_runs_are_on_the_card(tmp_path):
    published(tmp_path / "one", [row("a")], corpora=("starter",))
    published(tmp_path / "two", [row("b", arm="retry")], corpora=("other",), arms=("retry",))
    merge([str(tmp_path / "one"), str(tmp_path / "two")], str(tmp_path / "out"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "other" in card and "sml, retry" in card


def test_datasets_reads_a_merged_run(tmp_path):
    datasets = pytest.importorskip("datasets")
    published(tmp_path / "one", [row("a"), row("b", solved=None)])
    published(tmp_path / "two", [row("c")])
    merge([str(tmp_path / "one"), str(tmp_path / "two")], str(tmp_path / "out"))
    cache = str(tmp_path / "cache")
    sets = datasets.load_dataset(str(tmp_path / "out"), "sft", cache_dir=cache)
    assert sets["train"]["dialogue_id"][:] == ["a", "c"]


_RUNS = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 4),  # problem
            st.integers(0, 3),  # sample
            st.sampled_from([None, 1, 2]),
            st.integers(0, 5),  # text
            st.sampled_from(["train", "validation"]),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one[:2],
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=_RUNS, apart=st.booleans())
def test_the_account_holds_and_splits_stay_apart_for_any_runs(tmp_path_factory, made, apart):
    folder = tmp_path_factory.mktemp("any")
    names, total = [], 0
    for number, rows in enumerate(made):
        splits = {}
        own = [
            said(
                f"{number if apart else 0}-{problem}-{sample}",
                text if apart else problem,
                problem=f"p{problem}",
                group=f"g{problem}-{number if apart else 0}",
                sample=sample,
                solved=solved if apart else 2,
                split=splits.setdefault(problem, split),
            )
            for problem, sample, solved, text, split in rows
        ]
        shares = {"train": 0.5, "validation": 0.5}
        published(folder / str(number), own, rows_a_file=3, splits__ratios=shares)
        names.append(str(folder / str(number)))
        total += len(own)
    manifest = merge(names, str(folder / "out"))
    assert balanced(manifest)
    rows = list(read_rows(str(folder / "out")))
    assert len({r["dialogue_id"] for r in rows}) == len(rows) == manifest["dialogues"]["kept"]
    assert len(rows) + manifest["derived"]["balance"]["dropped"].get("repeated", 0) == total
    where = {}
    for r in rows:
        if r["split"] != "held":
            assert where.setdefault(r["problem_id"], r["split"]) == r["split"]
    twins = {r["dialogue_id"]: r for r in rows}
    for r in rows:
        if r["duplicate_of"]:
            twin = twins[r["duplicate_of"]]
            assert twin["duplicate_of"] is None and twin["split"] == r["split"]
