"""`republish`: writes what generating with these settings would have written."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import Said, lone, words
from tables import EXAMPLES, balanced, published, read, row
from tutelage.cli.republish import command
from tutelage.contract import LOSS_POLICIES, redrawn
from tutelage.derive.republish import republish
from tutelage.errors import Mistake
from tutelage.shards import read_rows
from tutelage.shards.contaminated import marked

TEXT = words(90, 1)


def dialogues():
    """Thirty problems; the dialogue of every third is a near-duplicate of the one before."""
    for i in range(30):
        said = words(90, i) if i % 3 else [*words(90, i - 1)[: 90 - i], *words(i, 100 + i)]
        yield Said(f"d{i:02d}", " ".join(said), f"p{i:02d}")


def shards(run):
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in run.rglob("*.parquet")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    run = tmp_path_factory.mktemp("republish") / "run"
    lone(run, list(dialogues()))
    return run


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"dedup__enabled": False},
        {"shards__rows": 7},
        {"splits__ratios": "train=0.5,test=0.5", "splits__seed": 3, "dedup__threshold": 0.3},
    ],
)
def test_the_shards_are_those_that_generate_would_have_written(plain, tmp_path, chosen):
    lone(tmp_path / "direct", list(dialogues()), **chosen)
    manifest = republish(str(plain), str(tmp_path / "out"), **chosen)
    assert balanced(manifest)
    assert shards(tmp_path / "out") == shards(tmp_path / "direct")
    direct = read(tmp_path / "direct")
    direct["splits"].pop("checksum", None)  # of `splits.json`, which only a run that can grow has
    for key in ("dialogues", "solved_at", "files", "dedup", "splits", "balance"):
        assert manifest[key] == direct[key], key


def test_changing_a_setting_and_back_restores_the_bytes(plain, tmp_path):
    republish(str(plain), str(tmp_path / "a"), splits__ratios="train=0.5,test=0.5")
    republish(str(tmp_path / "a"), str(tmp_path / "b"), splits__ratios="train=1")
    assert shards(tmp_path / "b") == shards(plain)


@pytest.mark.parametrize("policy", LOSS_POLICIES)
def test_a_new_loss_policy_sets_the_flag_of_each_message(tmp_path, policy):
    published(tmp_path / "run", [row(f"d{i}", solved=t) for i, t in enumerate((1, 2, 3, None))])
    manifest = republish(str(tmp_path / "run"), str(tmp_path / "out"), loss=policy)
    assert balanced(manifest)
    before = {r["dialogue_id"]: r for r in read_rows(str(tmp_path / "run"))}
    for after in read_rows(str(tmp_path / "out")):
        wanted = redrawn(after, policy)
        assert [known["train"] for known in after["trail"]] == wanted
        for known in (*after["trail"], *before[after["dialogue_id"]]["trail"]):
            known["train"] = None
        assert after == before[after["dialogue_id"]]


@pytest.mark.parametrize("action", ["drop", "mark"])
def test_problems_of_an_evaluation_set_are_left_out_or_marked(tmp_path, action):
    rows = [row(f"d{i}", problem=f"p{i // 2}", sample=i % 2) for i in range(8)]
    for one in rows:
        one["statement"] = f"{one['problem_id']}: " + " ".join(words(40, int(one["problem_id"][1])))
    published(tmp_path / "run", rows)
    known = tmp_path / "eval.jsonl"
    taken = [rows[2], rows[6]]
    known.write_text("".join(json.dumps({"question": r["statement"]}) + "\n" for r in taken))
    asked = ["--decontaminate", str(known), "--set", f"decontaminate.action={action}"]
    result = CliRunner().invoke(
        command, [str(tmp_path / "run"), "--out", str(tmp_path / "out"), *asked]
    )
    assert result.exit_code == 0, result.output
    manifest = read(tmp_path / "out")
    assert balanced(manifest) and manifest["decontamination"]["matches"] == 2
    left = {r["problem_id"] for r in read_rows(str(tmp_path / "out"))}
    dropped = manifest["derived"]["balance"]["dropped"]
    if action == "drop":
        assert left == {"p0", "p2"} and dropped == {"contaminated": 4}
    else:
        assert left == {"p0", "p1", "p2", "p3"} and not dropped
    assert marked(str(tmp_path / "out")) == {"p1", "p3"}
    assert "eval.jsonl" in (tmp_path / "out" / "contamination.md").read_text()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--set", "student.temperature=1.5"], "student.temperature shaped what was generated"),
        (["--set", "turns=7"], "turns shaped what was generated"),
        (["--set", "dedup.treshold=0.5"], "the nearest is 'dedup.threshold'"),
        (["--set", "dedup.threshold=7"], "dedup.threshold"),
        (["--splits", "train=0.5"], "add up to 1"),
    ],
)
def test_other_settings_than_those_of_publishing_are_refused(plain, tmp_path, args, words):
    result = CliRunner().invoke(command, [str(plain), "--out", str(tmp_path / "out"), *args])
    assert isinstance(result.exception, Mistake) and words in str(result.exception)
    assert "\n" not in str(result.exception) and not (tmp_path / "out").exists()


def test_a_derived_run_can_be_republished(plain, tmp_path):
    republish(str(plain), str(tmp_path / "a"), splits__ratios="train=0.5,test=0.5")
    said = CliRunner().invoke(
        command, [str(tmp_path / "a"), "--set", "shards.rows=5", "--out", str(tmp_path / "b")]
    )
    assert "dialogues  30 in = 30 kept\n" in said.output, said.output
    where = [{r["dialogue_id"]: r["split"] for r in read_rows(str(tmp_path / run))} for run in "ab"]
    assert where[0] == where[1]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    made=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([None, 1, 2, 3]), st.integers(0, 4)),
        min_size=1,
        max_size=12,
    ),
    threshold=st.sampled_from([0.2, 0.8, 1.0]),
    train=st.sampled_from([0.0, 0.3, 1.0]),
    rows=st.integers(1, 5),
)
def test_the_account_holds_for_any_settings(tmp_path_factory, made, threshold, train, rows):
    folder = tmp_path_factory.mktemp("any")
    own = [
        row(f"d{i}", problem=f"p{p}", sample=i, solved=t, text=" ".join(TEXT[: 20 * text]))
        for i, (p, t, text) in enumerate(made)
    ]
    published(folder / "run", own)
    manifest = republish(
        str(folder / "run"),
        str(folder / "out"),
        splits__ratios={"train": train, "test": 1 - train},
        dedup__threshold=threshold,
        shards__rows=rows,
    )
    assert balanced(manifest)
    after = list(read_rows(str(folder / "out")))
    assert {r["dialogue_id"] for r in after} == {r["dialogue_id"] for r in own}
    where = {}
    for r in after:
        assert where.setdefault(r["problem_id"], r["split"]) == r["split"]
