"""Math formats and the generic one: a record in, a problem out."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import tutelage.corpora
from tutelage.corpora import FORMATS, load, open_corpus
from tutelage.corpora.competition import boxed
from tutelage.corpora.files import split
from tutelage.corpora.generic import Generic, parse_mapping
from tutelage.corpora.native import Native, written
from tutelage.corpora.row import Format, Record
from tutelage.errors import BadRow, CorpusError
from tutelage.records import Problem


def read(name: str, record: Record) -> Problem:
    form: Format = load(name, FORMATS, "format")()
    assert form.fits(record)
    return form.problem(record, "train")


def test_the_examples_in_the_docstrings_are_true() -> None:
    for module in pkgutil.iter_modules(tutelage.corpora.__path__, "tutelage.corpora."):
        failed, _ = doctest.testmod(importlib.import_module(module.name))
        assert not failed, module.name


def test_gsm8k_loses_its_notes_and_commas() -> None:
    answer = "He has 2*3 = <<2*3=6>>6 boxes.\nThat is 6*500 = $<<6*500=3000>>3,000.\n#### 3,000"
    problem = read("gsm8k", {"question": "How much?", "answer": answer})
    assert problem.gold.value == "3000" and problem.domain == "math"
    assert problem.solution.splitlines() == [
        "He has 2*3 = 6 boxes.",
        "That is 6*500 = $3,000.",
        "The answer is 3000.",
    ]


@pytest.mark.parametrize(
    ("body", "question", "equation", "answer", "statement", "solution"),
    [
        (
            "Ann has 30 cats",
            "How many stay?",
            "( 30.0 - 11.0 )",
            19.0,
            "Ann has 30 cats. How many stay?",
            "30 - 11 = 19\nThe answer is 19.",
        ),
        (
            "Ann has cats. If 2 of 8 go and 3 come.",
            "How many stay?",
            "( ( 8.0 - 2.0 ) + 3.0 )",
            9,
            "Ann has cats. If 2 of 8 go and 3 come, how many stay?",
            "8 - 2 = 6\n6 + 3 = 9\nThe answer is 9.",
        ),
        (
            "A.",
            "How many?",
            "( 9.0 / 2.0 )",
            "4.5",
            "A. How many?",
            "9 / 2 = 4.5\nThe answer is 4.5.",
        ),
        ("A.", "How many?", "( 9.0 / 2.0 )", 5, "A. How many?", ""),
        ("A.", "How many?", "( 9.0 / 0.0 )", 5, "A. How many?", ""),
        ("A.", "How many?", "8.0", 8, "A. How many?", ""),
    ],
)
def test_svamp(
    body: str, question: str, equation: str, answer: object, statement: str, solution: str
) -> None:
    record = {"Body": body, "Question": question, "Equation": equation, "Answer": answer}
    problem = read("svamp", record)
    assert (problem.statement, problem.solution) == (statement, solution)
    assert not problem.gold.value.endswith(".0")


@pytest.mark.parametrize(
    ("solution", "final"),
    [
        (r"First \boxed{1}, no: \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{\left\{ x \mid x > 0 \right\}}", r"\left\{ x \mid x > 0 \right\}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"so $\boxed 7$.", "7"),
        (r"so \fbox{9}", "9"),
        (r"never closed \boxed{\frac{1}{2}", ""),
        ("none at all", ""),
        (r"\boxed{}", ""),
        (r"\boxed", ""),
    ],
)
def test_the_last_box_with_its_braces(solution: str, final: str) -> None:
    assert boxed(solution) == final
    if final:
        assert read("math", {"problem": "p", "solution": solution}).gold.value == final


def test_omni_math_keeps_its_latex_and_ends_in_the_answer() -> None:
    record = {"problem": "p", "solution": "It is small.", "answer": r"$\sqrt{2}$", "difficulty": 8}
    problem = read("omni-math", record)
    assert problem.gold.value == r"\sqrt{2}"
    assert problem.solution.endswith("The answer is \\sqrt{2}.")


def test_a_mapping_reaches_into_objects_and_lists() -> None:
    fields = parse_mapping("statement=task.text, answer=finals.1,id=no,solution=why,licence=l")
    record = {
        "task": {"text": "What?"},
        "finals": [1, 2.0],
        "no": "a/7",
        "why": "1 + 1 = 2",
        "l": "MIT",
    }
    problem = Generic(fields, "mine").problem(record, "dev")
    assert problem.statement == "What?" and problem.gold.value == "2"
    assert problem.problem_id.startswith("mine-a-7-") and problem.licence == "MIT"
    assert problem.solution == "1 + 1 = 2" and problem.split == "dev"


def test_a_generic_row_with_tests_is_code() -> None:
    record = {"statement": "f?", "tests": ["assert f() == 1"], "entry_point": "f"}
    problem = Generic().problem(record, "train")
    assert problem.domain == "code" and problem.gold.kind == "tests"
    assert '"entry_point": "f"' in problem.gold.tests_json


@pytest.mark.parametrize("words", ["statement", "statement=", "=a", "statement=a,answer"])
def test_a_mapping_that_is_none(words: str) -> None:
    with pytest.raises(CorpusError, match="KEY=FIELD"):
        parse_mapping(words)


def test_an_exact_repeat_has_the_same_id_and_any_change_another() -> None:
    record = {"statement": "What?", "answer": "2"}
    ids = [
        Generic().problem(changed, "train").problem_id
        for changed in (
            record,
            record | {"solution": "other"},
            record | {"statement": " What?\r\n"},
            record | {"answer": "3"},
            record | {"statement": "Why?"},
            record | {"domain": "reasoning"},
        )
    ]
    assert len(set(ids[:3])) == 1 and len(set(ids[2:])) == 4


def test_our_own_rows_come_back_as_they_were(tmp_path: Path) -> None:
    problems = [row.problem for row in open_corpus("starter?size=30").rows() if row.problem]
    path = tmp_path / "problems.jsonl"
    path.write_text("\n".join(map(written, problems)))
    again = [row.problem for row in open_corpus(str(path)).rows()]
    assert again == problems


@pytest.mark.parametrize(
    ("name", "record", "failure"),
    [
        ("gsm8k", {"question": "a", "answer": "no mark"}, "no-answer"),
        ("gsm8k", {"question": "a", "answer": "#### "}, "no-answer"),
        ("gsm8k", {"question": "", "answer": "#### 3"}, "no-statement"),
        ("svamp", {"Body": "a", "Question": "b", "Answer": "many"}, "no-answer"),
        ("math", {"problem": "a", "solution": "b"}, "no-answer"),
        ("omni-math", {"problem": "a", "solution": "b", "answer": None}, "no-answer"),
        ("tutelage", {"statement": "a", "gold": "b"}, "no-answer"),
        ("tutelage", {"statement": "a", "gold": {"value": "b"}, "domain": "x"}, "bad-domain"),
        ("tutelage", {"statement": "a", "gold": {"value": "b"}, "shards": "x"}, "bad-shards"),
    ],
)
def test_records_that_are_no_problem(name: str, record: Record, failure: str) -> None:
    with pytest.raises(BadRow) as caught:
        load(name, FORMATS, "format")().problem(record, "train")
    assert caught.value.failure == failure


def test_splits_by_file_name() -> None:
    names = ("gsm8k_train.jsonl", "test.jsonl.gz", "latest.json", "x-val-1.parquet", "contest.json")
    assert [split(name) for name in names] == ["train", "test", "train", "validation", "train"]


def test_real_files(corpora: Path) -> None:
    gsm = [row.problem for row in open_corpus(str(corpora / "gsm8k_train.jsonl")).rows()]
    svamp = [row.problem for row in open_corpus(str(corpora / "svamp.json")).rows()]
    assert len(gsm) == 7473 and len(svamp) == 1000
    assert all(gsm) and all(svamp)
    assert all(p.gold.value.lstrip("-").isdigit() and "<<" not in p.solution for p in gsm if p)
    assert sum(not p.solution for p in svamp if p) == 2  # their equations miss their answers
    assert Native().problem({"statement": "a", "gold": {"value": "1"}}, "x").split == "x"
