"""Overlap with reference solutions: whole ones are found, hints and other programs are not."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from tutelage.leaks.programs import given_away, overlap, tokens

REFERENCE = "def mean(xs):\n    total = sum(xs)\n    count = len(xs)\n    return total / count\n"
STUDENT = "def mean(xs):\n    return sum(xs)"


@pytest.mark.parametrize(
    ("message", "leaks"),
    [
        (REFERENCE, True),
        ("```python\ndef m(v):\n    s = sum(v)\n    n = len(v)\n    return s / n\n```", True),
        ("Set `total = sum(xs)`, `count = len(xs)`, and `return total / count`.", True),
        (
            "```python\ndef mean(xs):\n    from statistics import fmean\n    return fmean(xs)\n```",
            True,
        ),
        ("```python\ndef mean(xs):\n    ...\n    return total / ___\n```", False),
        (f"Your code:\n```python\n{STUDENT}\n```\nonly adds up.", False),
        ("Divide by the number of elements, `len(xs)`.", False),
        ("mean([1, 3]) returned 4, but 2.0 was expected.", False),
        ("def mean(xs): return float(sum(xs)) / max(1, len(xs))", True),
        ("def mean(xs):\n    n = 0\n    for x in xs:\n        n += x / 2\n    return n", True),
        ("mean = lambda xs: 1.0 * sum(xs) / max(1, len(xs))", True),
        ("Write `return float(sum(xs)) / max(1, len(xs))`.", True),
        ("The full solution: `float(sum(xs)) / max(1, len(xs))`.", True),
        ("`return max(xs) - min(xs) * 2` would be something else.", False),
        ("if not xs:\n    return float(sum(xs)) * 2 + 1", False),
        ("Return the sum divided by the length of the list, whatever it is.", False),
        (STUDENT, False),
    ],
)
def test_solutions_leak_and_hints_do_not(message: str, leaks: bool) -> None:
    told = given_away(REFERENCE, "", "Return the mean of a list.", (STUDENT,), message)
    assert bool(told) is leaks


def test_names_are_alike_and_strings_and_calls_are_not() -> None:
    assert tokens("total = f(x)") == tokens("s = g(y)") != tokens("total = len(x)")
    assert tokens("a == 'x'  # why") == tokens('b == "x"') != tokens("b == 'y'")


def problems(corpora: Path) -> list[tuple[str, str, str]]:
    found = []
    for line in (corpora / "mbpp.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        found.append((f"{row['text']}\n{row['test_list'][0]}", row["code"], ""))
    with gzip.open(corpora / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            tests = json.dumps({"entry_point": row["entry_point"]})
            found.append((row["prompt"], row["canonical_solution"], tests))
    return found


def test_on_real_problems(corpora: Path) -> None:
    """MBPP and HumanEval: every reference leaks; another problem's reference and one line seldom."""
    rows = problems(corpora)[::3]
    whole = [given_away(code, tests, text, (), code) for text, code, tests in rows]
    assert all(whole)
    others = [
        given_away(code, tests, text, (), other)
        for (text, code, tests), (_, other, _) in pairwise(rows)
    ]
    assert sum(map(bool, others)) <= 0.02 * len(others)
    lines = [
        min(overlap(code, (text,), code.rstrip().split("\n")[-1]))
        for text, code, _ in rows
        if code.strip().count("\n") >= 5
    ]
    assert sum(share >= 0.5 for share in lines) <= 0.05 * len(lines)
