"""`filter`: what each rule drops, that the account holds, and that every reader accepts the result."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables import EXAMPLES, balanced, published, read, row
from tutelage import settings as settings_room
from tutelage.cli.filter import command
from tutelage.contract import Stamp
from tutelage.derive import filter as filtering
from tutelage.derive.rules import Choice
from tutelage.errors import Mistake, OutputError
from tutelage.session.admission import admit
from tutelage.shards import RunFolder, read_rows
from tutelage.shards.figures import figures

TURNS = (1, 2, None, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """40 groups of four in two arms and two splits; some leak, some are cut."""
    rows = [
        row(
            f"d{i:02d}-{sample}",
            group=f"g{i:02d}",
            problem=f"p{i // 2:02d}",
            arm=("sml", "retry")[i % 2],
            sample=sample,
            solved=TURNS[(3 * i + sample) % 4] if i % 10 else None,
            split="train" if i // 2 % 5 else "validation",
            leaks=i == 3 and sample == 1,
            finish="length" if i == 4 and sample == 2 else "stop",
        )
        for i in range(40)
        for sample in range(4)
    ]
    return published(tmp_path_factory.mktemp("filter") / "run", rows, rows_a_file=30)


def kept(run, out, **asked):
    plan = filtering.plan([str(run)], Choice(**asked))
    manifest = filtering.write_filtered(plan, str(out))
    assert balanced(manifest)
    return list(read_rows(str(out))), manifest


def groups(rows):
    sizes = {}
    for one in rows:
        sizes[one["group_id"]] = sizes.get(one["group_id"], 0) + 1
    return sizes


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"arms": ("sml",)}, lambda r: r["arm"] == "sml"),
        ({"no_leaks": True}, lambda r: not r["leak"]["any"]),
        ({"no_cut": True}, lambda r: all(t["finish_reason"] != "length" for t in r["trail"])),
        ({"solve_rate": (0.0, 0.5)}, lambda r: r["group_id"] in ("g00", "g10", "g20", "g30")),
        ({"where": ("problem_id < 'p05'", "sample >= 0")}, lambda r: r["problem_id"] < "p05"),
    ],
)
def test_a_group_that_loses_a_dialogue_is_dropped_completely(run, tmp_path, asked, holds):
    rows, _ = kept(run, tmp_path / "out", **asked)
    every = list(read_rows(str(run)))
    bad = {r["group_id"] for r in every if not holds(r)}
    assert {r["dialogue_id"] for r in rows} == {
        r["dialogue_id"] for r in every if r["group_id"] not in bad
    }
    assert set(groups(rows).values()) == {4}


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"solved": True}, lambda r: r["outcome"]["solved_turn"] is not None),
        ({"solved_turn": (2, 3)}, lambda r: r["outcome"]["solved_turn"] in (2, 3)),
        ({"max_tokens": 4}, lambda r: sum(len(t["token_ids"]) for t in r["trail"]) <= 4),
        ({"where": ("sample = 1 OR NULL",)}, lambda r: r["sample"] == 1),
    ],
)
def test_single_dialogues_are_kept_if_groups_may_be_broken(run, tmp_path, asked, holds):
    rows, manifest = kept(run, tmp_path / "out", break_groups=True, **asked)
    assert [r["dialogue_id"] for r in rows] == [
        r["dialogue_id"] for r in read_rows(str(run)) if holds(r)
    ]
    assert "group" not in manifest["derived"]["balance"]["dropped"]


def test_no_false_steps_drops_dialogues_solved_by_a_wrong_calculation(tmp_path):
    rows = [row("a", text="since 2 + 2 = 5"), row("b"), row("c", solved=None, text="1 + 1 = 3")]
    rows[0]["flaw"] |= {"any": True, "false_equation": "2 + 2 = 5"}
    left, _ = kept(published(tmp_path / "run", rows), tmp_path / "out", no_false_steps=True)
    assert {r["dialogue_id"] for r in left} == {"b", "c"}


def test_a_sample_depends_on_the_seed_and_on_nothing_else(run, tmp_path):
    first, _ = kept(run, tmp_path / "1", sample=30, seed=1)
    repeated, _ = kept(run, tmp_path / "2", sample=30, seed=1)
    other_seed, _ = kept(run, tmp_path / "3", sample=30, seed=2)
    assert first == repeated != other_seed
    assert len(first) == 28 and set(groups(first).values()) == {4}
    single, _ = kept(run, tmp_path / "4", sample=30, break_groups=True)
    assert len(single) == 30


def test_per_problem_counts_whole_groups(run, tmp_path):
    rows, _ = kept(run, tmp_path / "1", per_problem=7)
    assert set(groups(rows).values()) == {4}
    assert len(rows) == 20 * 4
    rows, _ = kept(run, tmp_path / "2", per_problem=7, break_groups=True)
    assert len(rows) == 20 * 7


def test_turns_are_balanced(run, tmp_path):
    rows, manifest = kept(run, tmp_path / "1", balance_turns=True, break_groups=True)
    assert len(set(manifest["solved_at"].values())) == 1
    before = sum(r["outcome"]["solved_turn"] is None for r in read_rows(str(run)))
    assert sum(r["outcome"]["solved_turn"] is None for r in rows) == before
    with pytest.raises(Mistake, match=r"groups of up to 4: add --break-groups"):
        kept(run, tmp_path / "2", balance_turns=True)


def test_the_result_is_a_run_for_every_command(run, tmp_path):
    out = tmp_path / "out"
    rows, manifest = kept(run, out, solve_rate=(0.1, 1.0), seed=3)
    found = figures(str(out))
    assert sum(arm["dialogues"] for arm in found["arms"].values()) == len(rows)
    assert found["run_id"] == manifest["run_id"] != read(run)["run_id"]
    assert [r["dialogue_id"] for r in read_rows(str(out), splits=("train",), kind="solved")]
    assert manifest["derived"]["parents"] == [
        {
            "name": "run",
            "run_id": "a-run",
            "manifest": manifest["derived"]["parents"][0]["manifest"],
            "rows": 160,
        }
    ]
    again, _ = kept(out, tmp_path / "again", sample=8)
    assert len(again) == 8
    assert {r["run_id"] for r in again} == {"a-run"}


def test_datasets_reads_both_configurations(run, tmp_path):
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "out"
    rows, _ = kept(run, out, arms=("sml",))
    cache = str(tmp_path / "cache")
    for name, kind in (("rl", "*"), ("sft", "solved")):
        sets = datasets.load_dataset(str(out), name, cache_dir=cache)
        assert sum(map(len, sets.values())) == len(list(read_rows(str(out), kind=kind))) > 0
    assert len(rows) == 80


def test_where_nothing_is_solved_sft_is_there_and_empty(run, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows, manifest = kept(
        run, tmp_path / "out", where=("outcome.solved_turn IS NULL",), break_groups=True
    )
    assert manifest["files"]["shards/validation/solved-00000-of-00001.parquet"] == 0
    rl, sft = (
        datasets.load_dataset(str(tmp_path / "out"), name, streaming=True) for name in ("rl", "sft")
    )
    assert rl.keys() == sft.keys() == {"train", "validation"}
    assert sum(1 for split in rl.values() for _ in split) == len(rows)
    assert not [row for split in sft.values() for row in split]
    again, _ = kept(tmp_path / "out", tmp_path / "again", sample=8, break_groups=True)
    assert len(again) == 8


def test_the_same_command_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        kept(run, tmp_path / name, no_leaks=True)
    kept(run, tmp_path / "a", no_leaks=True)  # once more, over itself
    files = [
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")}
        for n in ("a", "b")
    ]
    assert files[0] == files[1]


def test_several_runs_are_filtered_as_one(tmp_path):
    one = [row("a", sample=0, group="g1"), row("c", group="g3")]
    two = [row("b", sample=1, group="g1"), row("c", group="g3")]
    published(tmp_path / "one", one)
    published(tmp_path / "two", two)
    runs = [str(tmp_path / "one"), str(tmp_path / "two")]
    plan = filtering.plan(runs, Choice(where=("true",)))
    manifest = filtering.write_filtered(plan, str(tmp_path / "out"))
    assert balanced(manifest)
    assert manifest["derived"]["balance"]["dropped"]["repeated"] == 1
    assert [r["dialogue_id"] for r in read_rows(str(tmp_path / "out"))] == ["a", "b", "c"]
    published(tmp_path / "other", [row("c", group="g3", text="else")])
    with pytest.raises(Mistake, match=r"dialogue c is not the same in two of the runs"):
        filtering.plan([runs[0], str(tmp_path / "other")], Choice(solved=True))


def test_the_report_of_evaluation_problems_is_copied(tmp_path):
    published(tmp_path / "run", [row("a"), row("b")])
    line = json.dumps({"problem_id": "p-a"}) + "\n"
    (tmp_path / "run" / "contamination.jsonl").write_text(line)
    kept(tmp_path / "run", tmp_path / "out", solved=True)
    assert (tmp_path / "out" / "contamination.jsonl").read_text() == line


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["{run}", "--solved"], "give --out"),
        (["{run}", "--out", "{tmp}/o"], "wanted a rule"),
        (["{run}", "--where", "1=1; DROP TABLE x", "--out", "{tmp}/o"], "not SQL"),
        (["{run}", "--where", "nope = 1", "--out", "{tmp}/o"], "nope"),
        (["{run}", "--solved-turn", "9", "--out", "{tmp}/o"], "none of 160 dialogues is left"),
        (["{run}", "{run}", "--solved", "--out", "{tmp}/o"], "each run once"),
        (["{run}", "--solved", "--break-groups", "--out", "{run}"], "another run in it"),
        (["{tmp}/none", "--solved", "--out", "{tmp}/o"], "no such folder"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run, tmp_path, args, words):
    result = CliRunner().invoke(command, [a.format(run=run, tmp=tmp_path) for a in args])
    assert isinstance(result.exception, Mistake)
    assert words in str(result.exception) and "\n" not in str(result.exception)
    assert not (tmp_path / "o").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="files in it"):
        kept(run, tmp_path, solved=True, break_groups=True)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_generate_refuses_a_derived_run(run, tmp_path):
    kept(run, tmp_path / "out", no_leaks=True)
    before = sorted((tmp_path / "out").rglob("*"))
    settings_, stamp = settings_room.load(corpora=("starter",)), Stamp("x")
    with pytest.raises(Mistake, match="holds a run that `filter` made of others"):
        admit(RunFolder(tmp_path / "out"), settings_, stamp, "auto")
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_a_dry_run_counts_each_rule_alone_and_after_the_others(run):
    asked = ["--no-leaks", "--arm", "sml", "--dry-run", "--sample", "10"]
    said = CliRunner().invoke(command, [str(run), *asked]).output.splitlines()
    table = {line.split()[0]: line.split()[1:] for line in said[1:-1]}
    assert table == {"arm": ["80", "80"], "no-leaks": ["1", "0"], "group": ["0"], "sample": ["72"]}
    assert said[-1] == "8 of 160 dialogues would be kept"


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 6),  # group
        st.integers(0, 5),  # sample
        st.sampled_from([None, 1, 2, 3]),
        st.booleans(),
        st.sampled_from(["train", "validation"]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda one: one[:2],
)
_ASKED = st.fixed_dictionaries(
    {
        "solved": st.booleans(),
        "no_leaks": st.booleans(),
        "where": st.sampled_from([(), ("sample < 3",), ("outcome.solved_turn > 1",)]),
        "per_problem": st.sampled_from([None, 1, 2, 4]),
        "sample": st.sampled_from([None, 1, 3, 9]),
        "break_groups": st.booleans(),
        "seed": st.integers(0, 3),
    }
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=_ROWS, asked=_ASKED)
def test_the_account_holds_for_any_rows_and_options(tmp_path_factory, made, asked):
    folder = tmp_path_factory.mktemp("any")
    splits = {}
    rows = [
        row(
            f"d{group}-{sample}",
            group=f"g{group}",
            sample=sample,
            solved=solved,
            leaks=leaks,
            split=splits.setdefault(group, split),
        )
        for group, sample, solved, leaks, split in made
    ]
    published(folder / "run", rows, rows_a_file=4)
    plan = filtering.plan([str(folder / "run")], Choice(**asked))
    total = sum(tally.dropped for tally in plan.decision.tallies)
    assert plan.kept + total == len(rows)
    if not plan.kept:
        with pytest.raises(Mistake, match="is left"):
            filtering.write_filtered(plan, str(folder / "out"))
        return
    manifest = filtering.write_filtered(plan, str(folder / "out"))
    assert balanced(manifest)
    left = list(read_rows(str(folder / "out")))
    every = list(read_rows(str(folder / "run")))
    assert all(r in every for r in left)
    if not asked["break_groups"]:
        before = groups(rows)
        assert all(before[name] == size for name, size in groups(left).items())
    if asked["sample"]:
        assert len(left) <= asked["sample"]
