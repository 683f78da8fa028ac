"""Programs of many kinds, right and wrong, each with the verdict that Python itself would give."""

import json
from pathlib import Path

import pytest

from tutelage.records import Gold, Problem

ROWS = [
    json.loads(line) for line in Path(__file__).with_name("programs.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_the_verdict_is_the_one_that_python_gives(judged, row):
    verdict = judged(row["program"], row["tests"], entry="", setup=row.get("setup", ""))
    assert verdict.status == row["expected"], verdict


def test_cases_handed_over(verifier, cases):
    """Rows of the folder of cases whose tests are Python."""
    for path in sorted(cases.glob("code_*.jsonl")):
        for row in map(json.loads, path.read_text().splitlines()):
            tests = [row["tests"]] if isinstance(row["tests"], str) else row["tests"]
            if isinstance(tests[0], dict):
                continue
            body = {"setup": "", "tests": tests, "entry_point": row.get("entry_point", "")}
            gold = Gold("tests", "", json.dumps(body))
            problem = Problem("p", "code", "test", "MIT", row["statement"], gold)
            verdict = verifier.verify(problem, row["answer"])
            assert row["expected"].startswith(verdict.status), (row, verdict)


def test_expected_and_actual_are_the_right_way_round(judged):
    program = "def f(x): return 5"
    for test, wanted, got in (
        ("result = f(2)\nassert result == 4", "4", "5"),
        ("assert 4 == f(2)", "4", "5"),
        ("expected = 4\nresult = f(2)\nassert expected == result", "4", "5"),
        ("want = 4\nassert f(2) == want", "4", "5"),
        ("x = 2 + 2\nassert x == f(2)", "4", "5"),
    ):
        failure = json.loads(judged(program, [test]).detail)["first_failure"]
        assert (failure["expected"], failure["actual"]) == (wanted, got), test
