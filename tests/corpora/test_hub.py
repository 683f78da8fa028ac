"""Rows of our own with the columns of sets on the hub, and values as they lie in such columns."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tutelage.corpora import open_corpus
from tutelage.corpora.check import check
from tutelage.corpora.row import Row
from tutelage.errors import CorpusError
from tutelage.verifiers import VerifierPool

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 6 x 7?"}]
TWICE = {"fn_name": "twice", "inputs": [[2], [5]], "outputs": [[4], [10]]}
SETS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "NuminaMath-1.5": (
        {"problem": "What is 6 x 7?", "solution": "It is $42$.", "answer": "42", "source": "own",
         "problem_type": "Algebra", "question_type": "math-word-problem", "synthetic": False,
         "problem_is_valid": "Yes", "solution_is_valid": "Yes"},
        "math", "own", "42"),
    "NuminaMath-CoT": (
        {"source": "own", "problem": "What is 6 x 7?", "solution": "It is $\\boxed{42}$.",
         "messages": [{"role": "user", "content": "What is 6 x 7?"}]},
        "math", "own", "42"),
    "DeepScaleR": (
        {"problem": "What is 6 x 7?", "answer": "42", "solution": "It is \\boxed{41}."},
        "math", "deepscaler", "42"),
    "DAPO-17k": (
        {"data_source": "math_dapo", "prompt": CHAT, "ability": "MATH",
         "reward_model": {"ground_truth": "42", "style": "rule-lighteval/MATH_v2"},
         "extra_info": {"index": "a1"}},
        "math", "math_dapo", "42"),
    "OpenR1-Math": (
        {"problem": "What is 6 x 7?", "solution": "It is 42.", "answer": "$42$", "uuid": "u1",
         "source": "own", "problem_type": "Algebra", "question_type": "MCQ", "generations": ["a"],
         "messages": [], "correctness_count": 1, "is_reasoning_complete": [True]},
        "math", "own", "42"),
    "Big-Math": (
        {"problem": "What is 6 x 7?", "answer": "42", "source": "own", "domain": ["Mathematics"],
         "llama8b_solve_rate": 0.5},
        "math", "own", "42"),
    "Skywork-OR1, math": (
        {"data_source": "own-math", "prompt": CHAT, "ability": "math",
         "reward_model": {"ground_truth": '["42"]', "style": "rule"},
         "extra_info": {"index": 1, "model_difficulty": {"m": 3}}},
        "math", "own-math", "42"),
    "Skywork-OR1, code": (
        {"data_source": "own-code", "prompt": [{"role": "user", "content": "Double it."}],
         "ability": "code", "extra_info": {"index": 1, "model_difficulty": {"m": 3}},
         "reward_model": {"style": "rule", "ground_truth": json.dumps({
             "import_prefix": "import math", "entry_point": "Solution().twice",
             "test_code": "def check(candidate):\n    assert candidate(2) == 4"})}},
        "code", "own-code", ""),
    "SYNTHETIC-1": (
        {"source": "own", "task_type": "verifiable_math", "in_source_id": "7",
         "prompt": "What is 6 x 7?", "gold_standard_solution": "It is \\boxed{42}.",
         "verification_info": "{'ground_truth': '42'}", "metadata": "{}", "problem_id": "vfm_7"},
        "math", "own", "42"),
    "SYNTHETIC-2, code": (
        {"problem_id": "p1", "task_type": "prime_rl_code", "prompt": "Double it.",
         "verification_info": json.dumps({"language": "python", "test_cases": [
             {"type": "stdin_stdout", "input": "2\n", "output": "4\n", "fn_name": None}]})},
        "code", "synthetic", ""),
    "OpenMathReasoning": (
        {"problem": "What is 6 x 7?", "expected_answer": "42", "problem_source": "own",
         "problem_type": "has_answer_extracted", "generation_model": "m", "pass_rate_72b_tir": "0.9",
         "generated_solution": "<think>41? no</think>It is \\boxed{42}.", "inference_mode": "cot"},
        "math", "own", "42"),
    "MATH-500": (
        {"problem": "What is 6 x 7?", "solution": "It is $\\boxed{42}$.", "answer": "42",
         "subject": "Algebra", "level": 1, "unique_id": "test/algebra/1.json"},
        "math", "math-500", "42"),
    "AIME, capitals": (
        {"ID": "2024-I-1", "Problem": "What is 6 x 7?", "Solution": "It is 42.", "Answer": 42},
        "math", "aime", "42"),
    "AIME by year": (
        {"ID": "1983-1", "Year": 1983, "Problem Number": 1, "Question": "What is 6 x 7?",
         "Answer": "042", "Part": None},
        "math", "aime", "042"),
    "AIME, plain": ({"problem": "What is 6 x 7?", "answer": 42.0, "id": 5}, "math", "problem-answer",
                    "42"),
    "MMLU": (
        {"question": "What is 6 x 7?", "subject": "own", "choices": ["36", "42", "48", "54"],
         "answer": 1},
        "reasoning", "mmlu", "B"),
    "MMLU-Pro": (
        {"question_id": 3, "question": "What is 6 x 7?", "options": ["36", "48", "42"],
         "answer": "C", "answer_index": 2, "cot_content": "", "category": "math", "src": "own"},
        "reasoning", "own", "C"),
    "ARC": (
        {"id": "M1", "question": "What is 6 x 7?", "answerKey": "2",
         "choices": {"text": ["36", "42"], "label": ["1", "2"]}},
        "reasoning", "arc", "B"),
    "TACO": (
        {"question": "Double it.", "solutions": json.dumps(["print(2 * int(input()))"]),
         "starter_code": "", "difficulty": "EASY", "raw_tags": "[]", "name": None, "source": "own",
         "input_output": json.dumps({"inputs": ["2\n"], "outputs": ["4\n"]}), "tags": "[]"},
        "code", "own", "print(2 * int(input()))"),
    "APPS": (
        {"problem_id": 9, "question": "Double it.", "difficulty": "interview", "url": "",
         "solutions": json.dumps(["class Solution:\n    def twice(self, x):\n        return 2 * x"]),
         "starter_code": "class Solution:\n    def twice(self, x):", "input_output": json.dumps(TWICE)},
        "code", "apps", "class Solution:"),
    "KodCode": (
        {"style": "instruct", "subset": "Own", "question_id": "O_1", "question": "Double it.",
         "solution": "def twice(x):\n    return 2 * x",
         "test": "from solution import twice\n\ndef test_two():\n    assert twice(2) == 4",
         "test_info": [{"function_name": "twice", "function_declaration": "def twice(x):"}]},
        "code", "Own", "def twice(x):"),
    "MBPP+": (
        {"task_id": 2, "prompt": "Double it.", "code": "def twice(x):\n    return 2 * x",
         "source_file": "", "test_imports": [], "test_list": ["assert twice(2) == 4"],
         "test": "import numpy as np\n\ndef assertion(out, exp, atol):\n"
                 "    if out != exp and atol != 0:\n"
                 "        assert np.allclose(out, exp, rtol=1e-07, atol=atol)\n"
                 "    else:\n        assert out == exp, f'out: {out}, exp: {exp}'\n\n"
                 "for given, wanted in zip([[2], [0.1]], [4, 0.2]):\n"
                 "    assertion(twice(*given), wanted, 1e-6)"},
        "code", "mbpp-plus", "def twice(x):"),
    "HumanEval+": (
        {"task_id": "HumanEval/0", "prompt": "def twice(x):\n    '''Double it.'''\n",
         "canonical_solution": "    return 2 * x\n", "entry_point": "twice",
         "test": "import numpy as np\n\ndef is_floats(x):\n    return isinstance(x, np.ndarray)\n\n"
                 "def check(candidate):\n    for given, wanted in zip([[2], [3]], [4, 6]):\n"
                 "        assert not is_floats(candidate(*given))\n"
                 "        assert candidate(*given) == wanted\n"},
        "code", "humaneval", "def twice(x):"),
}  # fmt: skip


def written(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_the_hub_is_known_by_its_columns(tmp_path, name):
    record, domain, source, final = SETS[name]
    [row] = open_corpus(written(tmp_path / "rows.jsonl", record)).rows()
    assert row.problem, row.reason
    assert (row.problem.domain, row.problem.source) == (domain, source)
    assert row.problem.gold.value.startswith(final)
    assert row.problem.statement.strip()
    assert "Be brief" not in row.problem.statement
    if domain == "reasoning":
        assert f"{final}) 42" in row.problem.statement.splitlines()


@pytest.mark.parametrize("name", [name for name in SETS if SETS[name][1] == "code"])
def test_its_tests_tell_right_from_wrong(tmp_path, name):
    record, _, _, reference = SETS[name]
    [row] = open_corpus(written(tmp_path / "rows.jsonl", record)).rows()
    problem = row.problem
    assert problem is not None
    right = problem.gold.value if reference else (
        "print(2 * int(input()))" if "stdin" in problem.gold.tests_json
        else "class Solution:\n    def twice(self, x): return 2 * x")  # fmt: skip
    with VerifierPool(timeout=30, workers=1) as pool:
        verdicts = [
            pool.verify(problem, f"```python\n{text}\n```")
            for text in (right, right.replace("2 * ", "3 * "))
        ]
    assert [verdict.status for verdict in verdicts] == ["correct", "incorrect"], verdicts


def first(path: str, fields: dict[str, str] = {}) -> Row:  # noqa: B006 (never changed)
    return next(iter(open_corpus(path, fields).rows()))


def parquet(path: Path, **columns: pa.Array) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_values_are_read_as_they_were_meant(tmp_path):
    path = parquet(
        tmp_path / "rows.parquet",
        statement=pa.array([b"What is a tenth?"]),
        answer=pa.array([0.1], pa.float32()),
    )
    assert (
        (p := first(path).problem) and p.gold.value == "0.1" and p.statement == "What is a tenth?"
    )
    path = parquet(
        tmp_path / "deep.parquet",
        statement=pa.array(["What is a tenth?"]),
        final=pa.array([{"values": [0.1]}], pa.struct([("values", pa.list_(pa.float32()))])),
    )
    assert (p := first(path, {"answer": "final.values"}).problem) and p.gold.value == "0.1"


@pytest.mark.parametrize(
    ("record", "fields", "final"),
    [
        ({"statement": "a?", "answer": ["4"]}, {}, "4"),
        ({"statement": "a?", "answer": [[4.0]]}, {}, "4"),
        ({"prompt": CHAT, "answer": 4}, {"statement": "prompt"}, "4"),
        ({"q": "a?", "info": '{"a": {"b": 4}}'}, {"statement": "q", "answer": "info.a.b"}, "4"),
        ({"q": "a?", "info": "{'a': ['4', '5']}"}, {"statement": "q", "answer": "info.a.1"}, "5"),
        ({"statement": "a?", "answer": 4, "domain": "cooking"}, {}, "4"),
        ({"statement": "a?", "answer": '["4"]'}, {}, "4"),
        ({"statement": "a?", "answer": "[0, 1]"}, {}, "[0, 1]"),
        ({"problem": "a?", "solution": "b", "answer": "[0,1]", "source": "own"}, {}, "[0,1]"),
        ({"question": "a?", "answer": "4"}, {}, "4"),
        ({"statement": "a?", "choices": ["x", "y"], "answer": "y"}, {}, "B"),
        ({"statement": "a?", "choices": ["x", "y"], "answer": "(B)"}, {}, "B"),
        ({"statement": "a?", "choices": ["x", "y"], "answer": 1.0}, {}, "B"),
        ({"statement": "a?", "choices": {"A": "x", "B": "y"}, "answer": "B"}, {}, "B"),
        ({"question": "a?", "choices": '["x", "y"]', "answer": 1}, {}, "B"),
        ({"statement": "a?", "opts": ["x", "y"], "answer": 0}, {"choices": "opts"}, "A"),
        ({"problem": "a?", "solution": "\\boxed{5}", "answer": "4", "license": "X"}, {}, "4"),
    ],
)
def test_a_value_is_found_where_it_is(tmp_path, record, fields, final):
    row = first(written(tmp_path / "rows.jsonl", record), fields)
    assert row.problem and row.problem.gold.value == final, row


@pytest.mark.parametrize(
    ("record", "failure"),
    [
        ({"statement": "a?", "answer": float("nan")}, "no-answer"),
        ({"statement": "a?", "answer": ["4", "5"]}, "no-text"),
        ({"problem": "a?", "solution": "b", "answer": "proof", "source": "own"}, "no-answer"),
        ({"question": "a?", "choices": ["x", "y"], "answer": 7}, "no-answer"),
        ({"question": "a?", "solutions": "[]", "input_output": ""}, "bad-tests"),
        ({"question": "a?", "solutions": "[]", "input_output": '{"inputs": [1], "outputs": []}'},
         "bad-tests"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_a_dead_letter(tmp_path, record, failure):
    good = {**record, **{"answer": ["4"] if failure == "no-text" else 1}}
    rows = list(open_corpus(written(tmp_path / "rows.jsonl", good, record)).rows())
    assert (rows[1].problem, rows[1].failure) == (None, failure), rows[1]


def test_a_mapping_to_no_text_says_which_path_would_be_one(tmp_path):
    path = written(tmp_path / "rows.jsonl", {"q": "a?", "gold": {"truth": "4"}})
    with pytest.raises(CorpusError, match=r"`gold` is no text but .*truth.*: gold\.truth would be"):
        open_corpus(path, {"statement": "q", "answer": "gold"})


def test_a_domain_that_is_mapped_must_be_ours(tmp_path):
    path = written(tmp_path / "rows.jsonl", {"statement": "a?", "answer": 1, "kind": "cooking"})
    assert first(path, {"domain": "kind"}).failure == "bad-domain"


def test_cases_handed_over(cases):
    with VerifierPool(timeout=30, workers=1) as pool:
        for path in sorted(cases.glob("corpus_*")):
            results = list(check(open_corpus(str(path)).rows(), pool.verify, 1))
            wrong = [r for r in results if not r.passes]
            dead = [r.row.failure for r in results if r.row.problem is None]
            assert not wrong, (path.name, wrong)
            assert dead == (["no-answer"] * 2 if "nan" in path.name else []), path.name


def test_a_row_without_end_costs_one_dead_letter_and_no_memory(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    good = b'{"statement": "a?", "answer": 1}\n'
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(good + b'{"statement": "')
        for _ in range(400):
            stream.write(b"a" * 2**20)
        stream.write(b'"}\n' + good)
    small = written(tmp_path / "small.jsonl", {"statement": "a?", "answer": 1})
    script = f"""
import resource
from tutelage.corpora import open_corpus
peaks = []
for path in ({small!r}, {str(path)!r}):
    failures = [row.failure for row in open_corpus(path).rows()]
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(failures, peaks[1] - peaks[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    failures, _, growth = done.stdout.rpartition(" ")
    assert failures == "['', 'unreadable', '']"
    assert int(growth) < 100, f"{growth} MB for a row of 400"


@pytest.mark.parametrize("kind", ["lines", "array", "parquet"])
def test_the_longest_row_can_be_said(tmp_path, kind):
    records = [{"statement": "a?", "answer": n * "9"} for n in (1, 500_000, 2)]
    path = tmp_path / "rows"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif kind == "array":
        path.write_text(json.dumps(records))
    else:
        written(path, *records)
    failures = [row.failure for row in open_corpus(str(path), longest_row=100_000).rows()]
    assert failures == (["", "unreadable"] if kind == "array" else ["", "unreadable", ""])
    assert [row.failure for row in open_corpus(str(path)).rows()] == ["", "", ""]
