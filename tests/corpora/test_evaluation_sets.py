"""Named evaluation sets: found where they lie, and said how to get where they do not."""

import json
from pathlib import Path

import pytest

from tutelage import settings
from tutelage.corpora import open_corpus
from tutelage.corpora.evaluation import SETS, at_hand
from tutelage.errors import CorpusError
from tutelage.session.evaluation_sets import open_sets

LIC = {
    "task_id": "sharded-GSM8K/1",
    "task": "math",
    "shards": [
        {"shard_id": 1, "shard": "How many are left?"},
        {"shard_id": 2, "shard": "Of 9, 4."},
    ],
    "question": "Of 9 pears 4 are eaten. How many are left?",
    "answer": "9 - 4 = 5\n#### 5",
}
OTHER = LIC | {"task": "summary", "task_id": "sharded-x"}
OMNI = {"solution": "So 7.", "difficulty": 5, "answer": "7"}


def lay(folder: Path, rows: list[dict[str, object]], name: str = "test.jsonl") -> None:
    folder.mkdir(parents=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is at hand but what a test lays down in `sets` and `hub`."""
    monkeypatch.setenv("TUTELAGE_EVAL", str(tmp_path / "sets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def problems(spec: str) -> list:
    rows = list(open_corpus(spec).rows())
    assert all(row.problem for row in rows), [row.reason for row in rows]
    return [row.problem for row in rows]


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_not_here_says_how_to_get_it(name):
    with pytest.raises(CorpusError) as told:
        open_corpus(f"eval:{name}")
    assert f"hf download {SETS[name].hub} --repo-type dataset" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_name_that_nobody_knows_gets_the_nearest():
    with pytest.raises(CorpusError, match="'math-500'"):
        open_corpus("eval:math500")
    with pytest.raises(CorpusError, match="view=shards"):
        open_corpus("eval:lic-math?view=none")


def test_one_file_holds_two_sets_and_rows_of_neither(elsewhere):
    lay(elsewhere / "sets/lic-math", [OTHER, LIC])
    (problem,) = problems("eval:lic-math")
    assert (problem.source, problem.split, len(problem.hint_shards)) == ("lic-math", "test", 2)
    (whole,) = problems("eval:lic-math?view=full")
    assert whole.hint_shards == () and whole.statement == problem.statement


def test_the_hubs_cache_is_read_as_it_lies(elsewhere):
    rows = [{"problem": "2+2?", "solution": r"It is \boxed{4}.", "answer": "4", "subject": "x"}]
    lay(elsewhere / "hub/datasets--HuggingFaceH4--MATH-500/snapshots/abc", rows)
    (problem,) = problems("eval:math-500")
    assert (problem.gold.value, problem.source) == ("4", "math-500")


def test_aime_is_read_by_its_fields(elsewhere):
    lay(elsewhere / "sets/aime-2025", [{"problem": "Find n.", "answer": 70}])
    (problem,) = problems("eval:aime-2025")
    assert (problem.gold.value, problem.domain) == ("70", "math")


def test_omni_math_is_parted_in_two_whatever_the_order(elsewhere):
    rows = [
        OMNI | {"problem": f"Problem {n}: what is the seventh of {n} sevenths?"} for n in range(520)
    ]
    lay(elsewhere / "sets/omni-math", rows)
    lay(elsewhere / "sets/omni-math-train", rows[::-1])
    held = {problem.statement for problem in problems("eval:omni-math")}
    rest = problems("eval:omni-math-train")
    assert len(held) == 500 and len(rest) == 20
    assert not held & {problem.statement for problem in rest}
    assert {problem.split for problem in rest} == {"train"}


def test_decontamination_takes_one_or_all_that_are_at_hand(elsewhere):
    with pytest.raises(CorpusError, match="no evaluation set is at hand"):
        open_sets(["eval:all"])
    lay(elsewhere / "sets/lic-math", [LIC])
    lay(elsewhere / "sets/aime-2025", [{"problem": "Find n.", "answer": 70}])
    assert at_hand() == ["lic-math", "aime-2025"]
    assert [name for name, _ in open_sets(["eval:all"])] == ["eval:lic-math", "eval:aime-2025"]
    assert [name for name, _ in open_sets(["eval:aime-2025"])] == ["eval:aime-2025"]


def test_generate_leaves_out_what_an_evaluation_set_holds(elsewhere):
    from tutelage.flow import run

    statement = (
        "A farmer has seventeen sheep and buys twenty more from the old miller down the road."
    )
    lay(
        elsewhere / "sets/aime-2025",
        [{"problem": f"{statement} How many are there?", "answer": 37}],
    )
    file = elsewhere / "train.jsonl"
    file.write_text(
        "".join(
            json.dumps({"statement": text, "answer": "37"}) + "\n"
            for text in (f"{statement} How many sheep has he?", "What is 30 + 7?")
        )
    )
    chosen = settings.load(
        corpora=(str(file),), decontaminate__paths=("eval:all",), student__engine="scripted",
        teacher__engine="scripted",
    )  # fmt: skip
    manifest = run(chosen, str(elsewhere / "run"))
    assert manifest["balance"]["filtered"] == 1 and manifest["balance"]["kept"] == 1
