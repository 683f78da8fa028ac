"""Evaluation sets are kept out of a run, and what was found can be looked at."""

import json

import pytest

from runs import scripted
from tutelage.corpora import open_corpus
from tutelage.errors import CorpusError
from tutelage.flow import run
from tutelage.shards import RunFolder, read_rows
from tutelage.shards.contaminated import marked

PADDING = "It was a quiet day by the sea, and nobody had anything else to count or to weigh."


@pytest.fixture(scope="module")
def problems():
    return [row.problem for row in open_corpus("starter?size=40").rows()]


@pytest.fixture(scope="module")
def planted(problems, tmp_path_factory):
    """A corpus of 40 problems and a row that is none, and a folder with eight of them in it.

    Six as they are, one with words around it, one worded anew but with the same worked solution.
    """
    place = tmp_path_factory.mktemp("planted")
    rows = [
        {"question": p.statement, "answer": f"{p.solution}\n#### {p.gold.value}"} for p in problems
    ]
    long = {
        "question": "How many apples does Ana have?",
        "answer": f"{PADDING}\nShe has 7.\n#### 7",
    }
    corpus = [*rows[:20], {"question": "No answer?"}, *rows[20:], long, rows[3]]
    (place / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    evals = place / "evals"
    (evals / "deep").mkdir(parents=True)
    (evals / "README.md").write_text("What these sets are.")
    test = [*rows[:6], {"question": "a row without an answer"}]
    (evals / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in test))
    other = [
        {"question": f"{PADDING} {rows[30]['question']}", "answer": "no steps\n#### 1"},
        {"question": "And how many had Ana?", "answer": long["answer"]},
    ]
    (evals / "deep" / "more.json").write_text(json.dumps(other))
    return place


def played(planted, out, **options):
    settings = scripted(
        corpora=(str(planted / "train.jsonl"),),
        decontaminate__paths=(str(planted / "evals"),),
        **options,
    )
    return run(settings, str(out))


@pytest.fixture(scope="module")
def done(planted, tmp_path_factory):
    out = tmp_path_factory.mktemp("clean")
    return out, played(planted, out)


def lines(out):
    return [json.loads(line) for line in (out / "contamination.jsonl").read_text().splitlines()]


def test_no_evaluation_problem_is_played(done, problems):
    out, manifest = done
    balance = manifest["balance"]
    assert (balance["filtered"], balance["duplicate"], balance["dead"]) == (8, 1, 1)
    asked = {row["statement"] for row in read_rows(str(out))}
    planted = {p.statement for p in [*problems[:6], problems[30]]}
    assert len(asked) == 33 and not asked & planted


def test_the_rejects_say_why(done):
    import pyarrow.parquet as pq

    out, _ = done
    rows = pq.ParquetDataset(RunFolder(out).rejects).read().to_pylist()
    reasons = [row["outcome"]["reason"] for row in rows if row["statement"] and not row["messages"]]
    found = [reason for reason in reasons if reason.startswith("contaminated: ")]
    assert len(found) == 8
    assert sum("its statement is that of" in r and "in test.jsonl" in r for r in found) == 6
    assert sum("its statement shares" in r and "in deep/more.json" in r for r in found) == 1
    assert sum("its solution is that of" in r and "in deep/more.json" in r for r in found) == 1


def test_the_report_shows_both_sides(done, problems):
    out, manifest = done
    said = lines(out)
    assert [line["row"] for line in said] == [0, 1, 2, 3, 4, 5, 31, 41]
    assert {line["corpus"] for line in said} == {"train.jsonl"}
    assert said[6]["way"] == "run" and said[7]["field"] == "solution"
    page = (out / "contamination.md").read_text()
    assert "8 found and left out" in page
    assert "| `test.jsonl` | 6 | 1 |" in page and "| `deep/more.json` | 2 | 0 |" in page
    assert page.count("\n## Row ") == 8
    start = problems[0].statement.lower()[:20]
    shown = [line for line in page.splitlines() if line.startswith(start)]
    assert shown and all(line.count(start) == 2 and " | " in line for line in shown)
    assert manifest["decontamination"] == {
        "action": "drop",
        "matches": 8,
        "ngram": 13,
        "threshold": 0.8,
        "sets": {
            "deep/more.json": {"problems": 2, "unusable": 0},
            "test.jsonl": {"problems": 6, "unusable": 1},
        },
    }
    assert "8 matching problems left out" in (out / "README.md").read_text()


def test_an_extended_run_has_the_report_of_a_long_one(done, planted, tmp_path):
    out, manifest = done
    assert played(planted, tmp_path, limit=10)["decontamination"]["matches"] == 6
    assert played(planted, tmp_path, limit=100)["balance"] == manifest["balance"]
    assert lines(tmp_path) == lines(out)


def test_marked_problems_are_played_and_listed(planted, tmp_path):
    manifest = played(planted, tmp_path, decontaminate__action="mark")
    assert manifest["balance"]["filtered"] == 0
    assert manifest["decontamination"]["matches"] == 8
    named = marked(str(tmp_path))
    assert named == {line["problem_id"] for line in lines(tmp_path)}
    rows = {row["problem_id"] for row in read_rows(str(tmp_path))}
    assert named < rows and len(named) == 8
    assert "8 found and kept, and listed here" in (tmp_path / "contamination.md").read_text()


def test_nothing_found_is_said_too(planted, tmp_path):
    settings = scripted(
        corpora=("starter?size=5&seed=9",), decontaminate__paths=(str(planted / "evals"),)
    )
    manifest = run(settings, str(tmp_path))
    assert manifest["decontamination"]["matches"] == 0
    assert (tmp_path / "contamination.jsonl").read_text() == ""
    assert "0 found" in (tmp_path / "contamination.md").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        ("", "holds no rows"),
        ('{"height": 3}\n', "no evaluation set: .* of no known format"),
        ('{"Body": "", "Question": "", "Answer": 5, "ID": 1}\n', "no evaluation set: no-statement"),
    ],
)
def test_a_set_that_is_none_is_a_mistake_before_anything_is_played(tmp_path, content, said):
    path = tmp_path / "set.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CorpusError, match=said) as raised:
        run(scripted(decontaminate__paths=(str(path),)), str(tmp_path / "out"))
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_questions_alone_will_do(planted, tmp_path, problems):
    questions = [{"id": i, "question": p.statement} for i, p in enumerate(problems[:4])]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in questions))
    settings = scripted(corpora=(str(planted / "train.jsonl"),), decontaminate__paths=(str(path),))
    run(settings, str(tmp_path / "out"))
    assert [line["row"] for line in lines(tmp_path / "out")] == [0, 1, 2, 3]


def test_a_folder_without_sets_is_a_mistake(tmp_path):
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(CorpusError, match="no evaluation set in"):
        run(scripted(decontaminate__paths=(str(tmp_path),)), str(tmp_path / "out"))
