"""Code formats. The tests they yield are run here on the references, in a process of their own."""

import base64
import json
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tutelage.corpora import FORMATS, load, open_corpus
from tutelage.corpora.mutants import gold, mutate
from tutelage.corpora.row import Record
from tutelage.corpora.source import unfenced
from tutelage.errors import BadRow
from tutelage.records import Problem

_RUNNER = """
import json, os, sys
for number, program in enumerate(json.load(sys.stdin)):
    sys.stdout.flush()
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            exec(compile(program, "program", "exec"), {"__name__": "program"})
        except BaseException:
            os._exit(1)
        os._exit(0)
    print(os.wait()[1] == 0)
"""


def passes(problems: list[Problem], messages: list[str]) -> list[bool]:
    """Whether each message, as code, passes all tests of its problem. Trusted sources only."""
    programs = []
    for problem, message in zip(problems, messages, strict=True):
        tests = json.loads(problem.gold.tests_json)
        programs.append("\n\n".join([tests["setup"], unfenced(message), *tests["tests"]]))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", _RUNNER],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [line == "True" for line in done.stdout.split()]


def read(name: str, record: Record) -> Problem:
    form = load(name, FORMATS, "format")()
    assert form.fits(record)
    problem: Problem = form.problem(record, "train")
    assert problem.domain == "code"
    return problem


MBPP = {
    "task_id": 601,
    "text": "Write a function to add.",
    "code": "def plus(a, b):\r\n  return a + b",
    "test_list": ["assert plus(1, 2) == 3", "assert plus(2, 2) == 4"],
    "test_setup_code": "",
}


def test_mbpp_tells_the_name_and_one_assert_and_no_more() -> None:
    problem = read("mbpp", MBPP)
    assert problem.statement.split("\n") == [
        "Write a function to add.",
        "",
        "Call it `plus`. It must pass this test:",
        "assert plus(1, 2) == 3",
    ]
    assert "plus(2, 2)" not in problem.statement and "return" not in problem.statement
    assert passes([problem] * 2, [gold(problem), mutate(problem)]) == [True, False]


@pytest.mark.parametrize(
    ("task_id", "split"),
    [
        (10, "prompt"),
        (11, "test"),
        (510, "test"),
        (511, "validation"),
        (601, "train"),
        ("x", "train"),
    ],
)
def test_mbpp_splits_by_number(task_id: object, split: str) -> None:
    assert read("mbpp", MBPP | {"task_id": task_id}).split == split


def test_mbpp_sanitized_and_a_class_that_the_setup_uses() -> None:
    record = {
        "prompt": "Write a function to weigh a box.",
        "code": "class Box:\n    w = 2\ndef weigh(box):\n    return math.floor(box.w)",
        "test_list": ["assert weigh(box) == 2"],
        "test_imports": ["import math"],
        "test_setup_code": "box = Box()",
    }
    problem = read("mbpp", record)
    assert "This is given:\nclass Box:\n    w = 2" in problem.statement
    assert "floor" not in problem.statement
    alone = "```python\ndef weigh(box):\n    return box.w\n```"
    assert passes([problem] * 2, [gold(problem), alone]) == [True, True]


def test_humaneval_runs_with_the_function_alone() -> None:
    record = {
        "task_id": "HumanEval/x",
        "prompt": 'import math\n\ndef area(r: int):\n    """ Area.\n    """\n',
        "canonical_solution": "    return math.floor(math.pi * r * r)\n",
        "test": "def check(candidate):\n    assert candidate(1) == 3\n",
        "entry_point": "area",
    }
    problem = read("humaneval", record)
    assert (
        problem.gold.value
        == str(record["prompt"]) + str(record["canonical_solution"]).rstrip("\n") + "\n"
    )
    assert json.loads(problem.gold.tests_json)["setup"] == "import math"
    alone = "```python\ndef area(r):\n    return math.floor(math.pi * r * r)\n```"
    assert passes([problem] * 3, [gold(problem), alone, mutate(problem)]) == [True, True, False]


def test_opencodeinstruct() -> None:
    record = {
        "id": "1",
        "input": "Double a number.",
        "output": "Here:\n```python\ndef double(x):\n    return 2 * x\n```",
        "unit_tests": json.dumps(["\nassert double(2) == 4\n", "\nassert double(0) == 0\n"]),
        "average_test_score": "1.0",
    }
    problem = read("opencodeinstruct", record)
    assert problem.gold.value == "def double(x):\n    return 2 * x"
    assert "Call it `double`" in problem.statement and "double(0)" not in problem.statement
    assert passes([problem] * 2, [gold(problem), mutate(problem)]) == [True, False]
    form = load("opencodeinstruct", FORMATS, "format")()
    for change in ({"average_test_score": "0.8"}, {"unit_tests": "assert 1"}, {"unit_tests": "[]"}):
        with pytest.raises(BadRow) as caught:
            form.problem(record | change, "train")
        assert caught.value.failure == "bad-tests"


def packed(cases: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


FUNCTIONAL: dict[str, object] = {
    "question_content": "Add the numbers.",
    "starter_code": "class Solution:\n    def total(self, nums: List[int], k: int):\n        ",
    "public_test_cases": json.dumps(
        [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]
    ),
    "private_test_cases": packed([{"input": "[]\n0", "output": "0", "testtype": "functional"}]),
    "metadata": json.dumps({"func_name": "total"}),
}
METHOD = (
    "class Solution:\n    def total(self, nums: List[int], k: int):\n        return sum(nums) + k"
)
PLAIN = "def total(nums, k):\n    return sum(nums) + k"


def test_livecodebench_functions() -> None:
    problem = read("livecodebench", FUNCTIONAL)
    assert problem.statement.startswith(
        "Add the numbers.\n\nUse this starting code:\n```python\nclass"
    )
    tests = json.loads(problem.gold.tests_json)
    _, *asserts = tests["tests"]  # the first makes lists of tuples
    assert len(asserts) == 2 and tests["entry_point"] == "total" and "stdin" not in tests
    assert gold(problem) == ""
    assert asserts[0] == "assert _listed(Solution().total([1, 2], 3)) == 6"
    answers = [f"```python\n{code}\n```" for code in (METHOD, METHOD.replace("+", "-"))]
    assert passes([problem] * 2, answers) == [True, False]
    plain = read("livecodebench", FUNCTIONAL | {"starter_code": "def total(nums, k):"})
    assert passes([plain], [PLAIN]) == [True]


def test_livecodebench_programs() -> None:
    pairs = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
    record = FUNCTIONAL | {
        "starter_code": "",
        "public_test_cases": json.dumps(pairs),
        "private_test_cases": packed(pairs * 2),
        "metadata": "{}",
    }
    problem = read("livecodebench", record)
    tests = json.loads(problem.gold.tests_json)
    assert tests["stdin"] == [["1 2\n", "3\n"]] * 3 and tests["tests"] == []
    assert "reads standard input" in problem.statement


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("bombed"),))


@pytest.mark.parametrize(
    "private",
    [
        base64.b64encode(zlib.compress(pickle.dumps(Bomb()))).decode(),
        base64.b64encode(zlib.compress(pickle.dumps(3))).decode(),
        base64.b64encode(b"no zlib").decode(),
        "no base64 é",
        json.dumps({"input": "1"}),
        json.dumps([{"input": "1"}]),
        json.dumps([{"input": "not JSON", "output": "1"}]),
    ],
)
def test_private_tests_that_cannot_be_read_run_nothing(
    private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRow) as caught:
        read("livecodebench", FUNCTIONAL | {"private_test_cases": private})
    assert caught.value.failure == "bad-tests"
    assert not Path("bombed").exists()


def test_lic_math_keeps_the_shards_in_order() -> None:
    record = {
        "task_id": "sharded-GSM8K/1",
        "task": "math",
        "question": "Ann has 2 cats and gets 3. How many?",
        "answer": "2 + 3 = <<2+3=5>>5\n#### 5",
        "shards": [
            {"shard_id": 2, "shard": "Ann has 2 cats"},
            {"shard_id": 1, "shard": "How many cats?"},
            {"shard_id": 3, "shard": "she gets 3"},
        ],
    }
    problem: Problem = load("lic", FORMATS, "format")().problem(record, "train")
    assert problem.hint_shards == ("How many cats?", "Ann has 2 cats", "she gets 3")
    assert problem.gold.value == "5" and problem.problem_id.startswith("lic-")


@pytest.mark.parametrize("task", ["humaneval", "lcb"])
def test_lic_code_names_the_function(task: str) -> None:
    record = FUNCTIONAL | {
        "task_id": "sharded-x/1",
        "task": "code",
        "metadata": {"func_name": "total"},
        "shards": [{"shard_id": 1, "shard": "add numbers"}, {"shard_id": 2, "shard": "and k"}],
    }
    if task == "humaneval":
        del record["question_content"]
        record |= {
            "prompt": "SCALE = 1\ndef total(nums, k):\n    ''' Add. '''\n",
            "canonical_solution": "    return SCALE * (sum(nums) + k)\n",
        }
    problem = read("lic", record)
    assert problem.hint_shards == ("add numbers (Call the function `total`.)", "and k")
    assert "Solution" not in problem.statement
    if task == "lcb":
        assert problem.statement.endswith("Write the function `total(nums: List[int], k: int)`.")
    plain = f"```python\n{PLAIN}\n```"
    assert passes([problem] * 2, [gold(problem) or plain, plain]) == [True, True]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"task": "summary"}, "unsupported-task"),
        ({"shards": []}, "bad-shards"),
        ({"shards": ["x"]}, "bad-shards"),
        ({"shards": [{"shard_id": 1}]}, "bad-shards"),
        ({"answer": "5"}, "no-answer"),
    ],
)
def test_lic_rows_that_are_no_problem(change: dict[str, object], failure: str) -> None:
    record = {
        "task_id": "a",
        "task": "math",
        "question": "q",
        "answer": "#### 5",
        "shards": [{"shard_id": 1, "shard": "s"}],
    }
    with pytest.raises(BadRow) as caught:
        load("lic", FORMATS, "format")().problem(record | change, "train")
    assert caught.value.failure == failure


@pytest.mark.parametrize(("file", "count"), [("mbpp.jsonl", 974), ("HumanEval.jsonl.gz", 164)])
def test_references_pass_and_mutants_fail_on_real_files(
    file: str, count: int, corpora: Path
) -> None:
    problems = [row.problem for row in open_corpus(str(corpora / file)).rows() if row.problem]
    assert len(problems) == count
    assert all(json.loads(problem.gold.tests_json)["entry_point"] for problem in problems)
    some = problems[::7]
    assert all(passes(some, [gold(problem) for problem in some]))
    assert not any(passes(some, [mutate(problem) for problem in some]))
