"""What each taker gets, and what is left out for which reason."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from played import Make, Played, Said
from tutelage.errors import Mistake, SettingsError
from tutelage.exports.exporting import Report, Request, export, taker
from tutelage.exports.takers import TAKERS
from tutelage.inspection.counting import inspected
from tutelage.records import Gold
from tutelage.view import static

WRONG, RIGHT = Said("It is 9"), Said("It is 6", right=True)
SOLVED_LATE = Played(3, [WRONG, Said("It is 7", hint="Off by one."), RIGHT])
TEXT = ["trl-sft", "openai", "axolotl", "llamafactory"]
WHOLE = ["verl-sft", "prime-rl", "sharegpt", "llamafactory"]
PROBLEMS = ["trl-grpo", "verl", "skyrl", "nemo-gym", "sdft"]


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def out(run: str, to: str, tmp_path: Path, **asked: Any) -> tuple[list[dict[str, Any]], Report]:
    """The rows of the training split, and the report."""
    report = export(Request(run, to, str(tmp_path / "out" / to), **asked))
    return read(Path(next(iter(report.rows)))), report


def test_every_taker_is_complete():
    for name in TAKERS:
        described = taker(name)
        for shape in described.shapes.values():
            assert shape.suffixes and shape.advice.format(
                path="p", folder="f", stem="s", kind="k", length=1, licence="l"
            )
        assert described.beyond or not described.limit


def test_each_trained_reply_ends_a_row_of_its_own(run: Make, tmp_path: Path):
    rows, _ = out(run([SOLVED_LATE]), "trl-sft", tmp_path)
    assert [row["completion"] for row in rows] == [
        [{"role": "assistant", "content": text}] for text in ("It is 9", "It is 7", "It is 6")
    ]
    assert [m["content"] for m in rows[2]["prompt"]] == [
        "Be brief.", "What is 3 + 3?", "It is 9", "Look again.", "It is 7", "Off by one.",
    ]  # fmt: skip


@pytest.mark.parametrize("to", ["openai", "axolotl"])
def test_the_flags_of_messages_follow_the_loss_policy(to: str, run: Make, tmp_path: Path):
    flag = {"openai": "weight", "axolotl": "train"}[to]
    rows, _ = out(run([SOLVED_LATE]), to, tmp_path, loss="after_feedback")
    told = [bool(m.get(flag)) for m in rows[0]["messages"]]
    assert told == [False, False, False, False, True, False, True]
    assert rows[0]["messages"][-1]["role"] == "assistant"


@pytest.mark.parametrize("to", WHOLE)
def test_a_taker_without_masks_refuses_a_policy_that_needs_one(to: str, run: Make, tmp_path: Path):
    folder = run([SOLVED_LATE], loss="final_only")
    with pytest.raises(SettingsError, match=r"no mask .* d3-sml-0 out: use --loss all_student"):
        out(folder, to, tmp_path)
    assert not list((tmp_path / "out").rglob("*.*"))
    rows, _ = out(folder, to, tmp_path, loss="all_student")
    assert len(rows) == 1


@pytest.mark.parametrize("to", TEXT)
def test_a_reply_that_was_cut_teaches_no_stop(to: str, run: Make, tmp_path: Path):
    cut = Said("It is because of the", cut=True)
    rows, report = out(run([Played(3, [cut, RIGHT]), Played(4, [Said("8", True)])]), to, tmp_path)
    said = json.dumps(rows)
    if to == "llamafactory":
        assert len(rows) == 1 and "because" not in said
    else:
        assert "because" in said, "what was said before stays as context"
        assert report.left_out["replies cut at the length limit (a trainer on text would learn to "
                               "stop there)"] == 1  # fmt: skip
    if to == "trl-sft":
        assert not any("because" in row["completion"][0]["content"] for row in rows)
    if to == "openai":
        assert [m["weight"] for m in rows[0]["messages"] if "weight" in m] == [0, 1]


def test_reasoning_is_trained_in_last_messages_and_never_silently_lost(run: Make, tmp_path: Path):
    folder = run([Played(3, [Said("It is 9", reasoning="3 times 3"), RIGHT])])
    rows, _ = out(folder, "trl-sft", tmp_path)
    assert rows[0]["completion"][0]["content"] == "<think>\n3 times 3\n</think>\n\nIt is 9"
    assert rows[1]["prompt"][2]["content"] == "It is 9"
    with pytest.raises(Mistake, match=r"1 dialogues with reasoning.*--as turns"):
        out(folder, "openai", tmp_path)
    rows, _ = out(folder, "openai", tmp_path, shape="turns")
    assert len(rows) == 2


@pytest.mark.parametrize("to", PROBLEMS)
def test_takers_for_rl_get_each_problem_once(to: str, run: Make, tmp_path: Path):
    played = [
        Played(n, [Said("It is 1"), Said(f"It is {2 * n}", s == 1)], sample=s, arm=arm)
        for n in (3, 4)
        for arm in ("sml", "retry")
        for s in range(3)
    ]
    rows, _ = out(run(played), to, tmp_path)
    assert len(rows) == 2
    prompt = rows[0].get("prompt") or rows[0]["responses_create_params"]["input"]
    assert [m["role"] for m in prompt] == ["system", "user"]


def test_the_gold_is_a_string_whatever_it_is(run: Make, tmp_path: Path):
    tests = json.dumps({"setup": "", "tests": ["assert f(1) == 2"], "entry_point": "f"})
    folder = run([
        Played(3, [RIGHT]),
        Played(4, [Said("def f", True)], gold=Gold("tests", "def f(x): ...", tests)),
    ])  # fmt: skip
    verl, _ = out(folder, "verl", tmp_path)
    assert [row["reward_model"]["ground_truth"] for row in verl] == ["6", tests]
    assert [row["extra_info"]["index"] for row in verl] == [0, 1]
    skyrl, _ = out(folder, "skyrl", tmp_path)
    assert [row["reward_spec"]["ground_truth"] for row in skyrl] == ["6", tests]
    nemo, _ = out(folder, "nemo-gym", tmp_path)
    assert nemo[1]["verifier_metadata"]["tests_json"] == tests


def test_a_pair_has_one_prompt_and_one_message_on_each_side(run: Make, tmp_path: Path):
    played = [
        Played(3, [RIGHT], sample=0),
        Played(3, [WRONG, RIGHT], sample=1),
        Played(3, [Said("It is 8"), RIGHT], sample=2, system="Be rude."),
        Played(3, [Said("It is 5", cut=True), RIGHT], sample=3),
        Played(4, [Said("It is 8", True)], sample=0),
    ]
    rows, report = out(run(played), "trl-dpo", tmp_path)
    assert [(r["chosen_id"], r["rejected_id"]) for r in rows] == [("d3-sml-0", "d3-sml-1")]
    assert [m["content"] for m in rows[0]["prompt"]] == ["Be brief.", "What is 3 + 3?"]
    assert (rows[0]["chosen"], rows[0]["rejected"]) == (
        [{"role": "assistant", "content": "It is 6"}],
        [{"role": "assistant", "content": "It is 9"}],
    )
    assert report.left_out["attempts cut at the length limit"] == 1


def test_pairs_within_a_dialogue_prefer_what_followed_the_hint(run: Make, tmp_path: Path):
    rows, _ = out(run([SOLVED_LATE]), "trl-dpo", tmp_path, shape="turns")
    assert (rows[0]["chosen"][0]["content"], rows[0]["rejected"][0]["content"]) == (
        "It is 6", "It is 7",
    )  # fmt: skip
    assert rows[0]["prompt"][-1]["content"] == "Off by one."


def test_kto_labels_each_attempt(run: Make, tmp_path: Path):
    asked = Said("Which sum?", act="question")
    rows, _ = out(run([Played(3, [WRONG, asked, RIGHT])]), "trl-kto", tmp_path)
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [
        ("It is 9", False), ("It is 6", True),
    ]  # fmt: skip


def test_groups_are_whole_and_side_by_side(run: Make, tmp_path: Path):
    played = [
        Played(n, [WRONG, Said("It is 6", s % 2 == 0)], sample=s) for s in range(4) for n in (3, 4)
    ] + [Played(5, [WRONG], sample=0, failed=True)]
    rows, report = out(run(played), "art", tmp_path)
    assert [row["group_index"] for row in rows] == [0] * 4 + [1] * 4
    assert [row["reward"] for row in rows] == [0.7, 0.0] * 4
    assert report.left_out["dialogues that failed"] == 1


def test_rows_that_must_not_be_trained_are_left_out_and_counted(run: Make, tmp_path: Path):
    played = [
        Played(3, [RIGHT]),
        Played(4, [WRONG, RIGHT], leak=True),
        Played(5, [WRONG]),
        Played(6, [RIGHT], changes={"duplicate_of": "d3-sml-0"}),
        Played(7, [RIGHT], arm="retry"),
        Played(8, [RIGHT], split="held"),
    ]
    folder = run(played)
    (Path(folder) / "contamination.jsonl").write_text('{"problem_id": "p9"}\n', "utf-8")
    rows, report = out(folder, "trl-sft", tmp_path, arms=("sml",))
    assert [row["dialogue_id"] for row in rows] == ["d3-sml-0"]
    assert report.left_out == Counter({
        "dialogues in which the answer leaked (see --keep-leaks)": 1,
        "dialogues of another arm": 1,
    })  # fmt: skip
    rows, _ = out(folder, "trl-sft", tmp_path, keep_leaks=True, where="arm = 'sml'")
    assert {row["dialogue_id"] for row in rows} == {"d3-sml-0", "d4-sml-0"}


def test_rows_beyond_the_takers_limit_are_reported(run: Make, tmp_path: Path):
    long = Played(3, [Said("word " * 2000), RIGHT])
    rows, report = out(run([long, Played(4, [RIGHT])]), "trl-sft", tmp_path)
    assert len(rows) == 3
    assert "2 of 3 rows have more than 1024 tokens" in report.warnings[0]
    assert "SFTConfig(max_length=" in report.warnings[0]
    _, quiet = out(run([Played(4, [RIGHT])], name="short"), "trl-sft", tmp_path)
    assert not quiet.warnings


def test_dialogues_that_do_not_alternate_are_left_out(run: Make, tmp_path: Path):
    twice = {"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First."}, {"role": "user", "content": "And second."},
        {"role": "assistant", "content": "6"},
    ]}  # fmt: skip
    odd = Played(3, [RIGHT])
    row = odd.row("all_student", "")
    trail = [*row["trail"][:2], row["trail"][1], row["trail"][2]]
    folder = run([Played(3, [RIGHT], changes=twice | {"trail": trail}), Played(4, [RIGHT])])
    rows, report = out(folder, "llamafactory", tmp_path)
    assert len(rows) == 1
    assert report.left_out["dialogues in which teacher and student do not take turns"] == 1


def test_a_folder_has_a_file_per_split_and_the_takers_own_files(run: Make, tmp_path: Path):
    folder = run([Played(3, [RIGHT]), Played(4, [RIGHT], split="validation")])
    _, report = out(folder, "llamafactory", tmp_path)
    names = {Path(path).name for path in report.rows}
    assert names == {"train.jsonl", "validation.jsonl"}
    info = json.loads((tmp_path / "out" / "llamafactory" / "dataset_info.json").read_text())
    assert info["tutelage_train"]["file_name"] == "train.jsonl"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"to": "trl-sfx"}, "the nearest is 'trl-sft'"),
        ({"shape": "token"}, "it has turns, tokens, messages"),
        ({"loss": "all"}, "no loss policy 'all'"),
        ({"split": "test"}, "its splits are train"),
        ({"where": "outcome.nothing = 1"}, "not SQL over the columns"),
        ({"to": "trl-dpo", "where": "1 = 1; SELECT 2"}, "not SQL over the columns"),
        ({"to": "verl-sft", "out": "x.jsonl"}, r"reads \.parquet"),
        ({"shape": "tokens"}, "names no student model"),
        ({"where": "arm = 'blind'"}, "nothing to export"),
    ],
)
def test_a_mistake_is_one_line(asked: dict[str, str], words: str, run: Make, tmp_path: Path):
    given = {"to": "trl-sft", "out": str(tmp_path / "x.parquet")} | asked
    with pytest.raises(Mistake, match=words) as caught:
        export(Request(run([SOLVED_LATE]), **given))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.parquet").exists()


def test_parquet_is_as_the_hub_wants_it(run: Make, tmp_path: Path):
    target = tmp_path / "one.parquet"
    export(Request(run([SOLVED_LATE]), "trl-sft", str(target)))
    file = pq.ParquetFile(target)
    assert file.metadata.row_group(0).column(0).has_offset_index
    assert json.loads(file.schema_arrow.metadata[b"tutelage"])["run_id"] == "a-run"
    assert not any(str(f.type) == "null" for f in file.schema_arrow)


def test_an_estimate_never_lowers_a_takers_limit(run: Make, tmp_path: Path):
    _, report = out(run([SOLVED_LATE]), "llamafactory", tmp_path)
    assert "cutoff_len: 2048" in report.advice


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is cut short"),
        (lambda path: path.unlink(), "is missing"),
        (
            lambda path: pq.write_table(pq.read_table(path).drop_columns(["leaks"]), path),
            "has columns of an earlier",
        ),
    ],
)
def test_a_run_that_does_not_agree_with_its_manifest_is_one_line(
    fault: Any, words: str, run: Make, tmp_path: Path
):
    folder = run([SOLVED_LATE])
    fault(Path(folder) / "shards" / "train" / "solved-00000-of-00001.parquet")
    for use in (
        lambda: out(folder, "openai", tmp_path),
        lambda: static.write([folder], str(tmp_path / "page.html")),
        lambda: inspected(folder),
    ):
        with pytest.raises(Mistake, match=words) as caught:
            use()
        assert "\n" not in str(caught.value)
