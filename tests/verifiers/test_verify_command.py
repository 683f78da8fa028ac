"""`tutelage verify`: one object a row, in order, whatever the row is."""

import json
import subprocess
import sys
from functools import partial

import pytest

from typed import tutelage


def piped(text: str) -> subprocess.CompletedProcess[str]:
    """`tutelage verify -` in a process of its own."""
    command = [sys.executable, "-m", "tutelage", "verify", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True)


verify = partial(tutelage, "verify")


ROWS = [
    ('{"statement": "6 x 7?", "gold": "42", "answer": "It is 42."}', "correct", ""),
    ('{"statement": "6 x 7?", "gold": 42, "answer": "It is 43."}', "incorrect", "not equal"),
    ("not json", "unjudged", "unreadable: "),
    ("[1, 2]", "unjudged", "unreadable: wanted an object, got list"),
    ('{"statement": "s", "gold": "42"}', "unjudged", "unreadable: wanted answer, got none"),
    ('{"statement": "s", "answer": "42"}', "unjudged", "unreadable: wanted gold, got none"),
    ('{"gold": "1", "answer": "1", "domain": "art"}', "unjudged", "unreadable: wanted domain"),
    ('{"gold": "1", "answer": "1", "domain": ["math"]}', "unjudged", "unreadable: wanted domain"),
    ('{"domain": "code", "answer": "x"}', "unjudged", "unreadable: wanted tests, got none"),
    ('{"gold": "2x", "answer": "\\\\boxed{x+x}"}', "correct", ""),
    ('{"gold": "42", "answer": ""}', "incorrect", "no answer"),
    ('{"gold": "7", "answer": "\\\\boxed{99999999!}"}', "unjudged", "refused: "),
    (
        '{"domain": "reasoning", "gold": {"dataset": "chain_sum", "answer": "7", "entry": '
        '{"answer": "7"}}, "answer": "<answer>7</answer>"}',
        "correct",
        "",
    ),
    ('{"domain": "reasoning", "gold": "7", "answer": "The answer is 7."}', "correct", ""),
    ("[" * 100_000, "unjudged", "unreadable: "),
    ('{"gold": "1", "answer": "\\ud800 1"}', "correct", ""),
]


@pytest.mark.parametrize("source", ["file", "-"])
def test_rows_come_back_in_order(tmp_path, source):
    text = "\n".join(row for row, _, _ in ROWS) + "\n"
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    done = piped(text) if source == "-" else verify(str(path))
    assert (done.returncode, done.stderr) == (0, "")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(printed) == len(ROWS)
    for (row, status, reason), verdict in zip(ROWS, printed, strict=True):
        assert verdict["status"] == status, row
        assert verdict["reason"].startswith(reason) and bool(reason) == bool(verdict["reason"]), row
        assert set(verdict) == {"status", "reason", "extracted"}, row


def test_labelled_rows_are_counted(tmp_path):
    path = tmp_path / "rows.jsonl"
    labels = [("7", True), ("7", "incorrect"), ("8", "correct"), ("8", False), ("8", ["odd"])]
    rows = [{"gold": "7", "answer": answer, "expected": label} for answer, label in labels]
    rows.append({"gold": "7", "answer": r"\boxed{99999999!}", "expected": "correct"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = verify(str(path))
    assert len(done.stdout.splitlines()) == 6
    assert done.stderr == (
        "5 labelled rows: 2 as expected; 1 wrong ones accepted, 1 right ones refused, 1 unjudged\n"
    )


def test_bytes_that_are_no_text_cost_one_row(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"gold": "1", "answer": "1"}\n\xff\xfe\n{"gold": "1", "answer": "2"}'
    )
    statuses = [json.loads(line)["status"] for line in verify(str(path)).stdout.splitlines()]
    assert statuses == ["correct", "unjudged", "incorrect"]


TESTS = ["assert f(2) == 4", "assert f(3) == 9"]
CODE = [
    ({"answer": "```python\ndef f(x): return x * x\n```", "tests": TESTS}, "correct", ""),
    ({"answer": "def f(x): return x * x", "tests": "\n".join(TESTS)}, "correct", ""),
    ({"answer": "def f(x): return 4", "tests": TESTS}, "incorrect", "passed 1 of 2 tests"),
    ({"answer": "I do not know.", "tests": TESTS}, "incorrect", "no code"),
    ({"answer": "import sys; sys.exit(0)", "tests": TESTS}, "incorrect", "passed 0 of 2 tests"),
    (
        {
            "answer": "def f(x): return x * x",
            "tests": "def check(candidate):\n    assert candidate(5) == 25",
            "entry_point": "f",
        },
        "correct",
        "",
    ),
    ({"answer": "def f(x): return 4", "tests": [1]}, "unjudged", "unreadable: wanted tests as"),
]


def test_code_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"domain": "code", **row}) for row, _, _ in CODE))
    done = verify(str(path))
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(printed) == len(CODE)
    for (row, status, reason), verdict in zip(CODE, printed, strict=True):
        assert verdict["status"] == status, (row, verdict)
        assert verdict["reason"].startswith(reason)
    assert printed[2]["detail"]["first_failure"]["input"] == "f(3)"


DOUBLE = "print(int(input()) * 2)"
PAIRS = [("2\n", "4\n"), ("5\n", "10\n")]
OBJECTS = [{"input": given, "output": wanted, "testtype": "stdin"} for given, wanted in PAIRS]
LISTS = {"inputs": ["2", "5"], "outputs": ["4", "10"]}
CALLS = [{"input": "[1, 2]\n3", "output": "[3, 6]", "testtype": "functional"}]
SOLUTION = (
    "class Solution:\n    def times(self, xs: List[int], n):\n        return [x * n for x in xs]"
)
FORMS = [
    # program, one that is wrong, tests, entry point
    (DOUBLE, "print(4)", OBJECTS, ""),
    (DOUBLE, "print(4)", json.dumps(OBJECTS), ""),
    (DOUBLE, "print(4)", [{"input": "5", "expected_output": "10"}], ""),
    (DOUBLE, "print(4)", PAIRS, ""),
    (DOUBLE, "print(4)", LISTS, ""),
    (DOUBLE, "print(4)", json.dumps(LISTS), ""),
    (DOUBLE, "print(4)", {"stdin": PAIRS}, ""),
    (DOUBLE, "print(9)", {"inputs": [["2"]], "outputs": [["4"]]}, ""),
    (SOLUTION, SOLUTION.replace("* n", "+ n"), CALLS, "times"),
    (SOLUTION, SOLUTION.replace("* n", "+ n"), json.dumps(CALLS), "times"),
    ("def f(a, b): return a + b", "def f(a, b): return a",
     {"fn_name": "f", "inputs": [[1, 2]], "outputs": [[3]]}, ""),
    ("def f(a): return a", "def f(a): return 0",
     [{"type": "function_call", "fn_name": "f", "input": ["x"], "output": "x"}], ""),
    ("def f(x): return x", "def f(x): return 0", '["assert f(1) == 1"]', "f"),
]  # fmt: skip
UNKNOWN = [{"a": 1}, "[1, 2]", [{"input": "1"}, 3], {"inputs": ["1"], "outputs": []}]


def test_cases_of_other_corpora(tmp_path):
    rows, wanted = [], []
    for program, wrong, tests, entry in FORMS:
        for answer, status in ((program, "correct"), (wrong, "incorrect")):
            rows.append({"answer": answer, "tests": tests, "entry_point": entry})
            wanted.append(status)
    for tests in UNKNOWN:
        rows.append({"answer": "print(4)", "tests": tests})
        wanted.append("unjudged")
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"domain": "code", **row}) for row in rows))
    printed = [json.loads(line) for line in verify(str(path)).stdout.splitlines()]
    for row, status, verdict in zip(rows, wanted, printed, strict=True):
        assert verdict["status"] == status, (row, verdict)


@pytest.mark.parametrize("path", ["missing.jsonl", "."])
def test_no_file_is_one_line_and_status_2(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    done = verify(path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and path in done.stderr


def test_an_empty_file_prints_nothing(tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    done = verify(str(tmp_path / "rows.jsonl"))
    assert (done.returncode, done.stdout) == (0, "")


def test_a_verifier_of_ones_own_lies_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "shouting.py").write_text(
        "from tutelage.records import Verdict\n\n"
        "class Shouting:\n"
        "    def verify(self, problem, answer):\n"
        "        return Verdict('correct' if answer.isupper() else 'incorrect', answer, 'quiet')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    rows = [{"gold": "1", "answer": "YES"}, {"gold": "1", "answer": "The answer is 1."}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = verify("rows.jsonl", "--verifier", "shouting:Shouting")
    statuses = [json.loads(line)["status"] for line in done.stdout.splitlines()]
    assert (statuses, done.returncode) == (["correct", "incorrect"], 0), done.stderr
    unknown = verify("rows.jsonl", "--verifier", "shouting:Absent")
    assert unknown.returncode == 2 and unknown.stderr.count("\n") == 1
