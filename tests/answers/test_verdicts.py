"""Verdicts on labelled answers, each written before the code met it, and on inputs that once
failed.

`verdicts.jsonl`: most of its rows are of four lots. At first sight 1 of 178, 2 of 164, 7 of 93
(this lot was written to trip the rules up) and 18 of 216 wrong answers were accepted, and 5 of 204,
6 of 169, 1 of 70 and 101 of 446 right ones refused (of the last lot those are here that were
mended). Of seven more, as language models write without a mark, 9 of 297 and 117 of 677; of 302
with one, none and 17 of 207; of 96 wrong ones that were to trip the rules up, 15. All of it is a
regression test now.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tutelage.leaks import find_leak
from tutelage.records import Gold, Problem
from tutelage.verifiers.math import MathVerifier

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("verdicts.jsonl").read_text().splitlines()
]


def status(row: dict[str, Any]) -> str:
    gold = Gold("answer", row["gold"])
    problem = Problem("p", "math", "test", "CC0-1.0", row["statement"], gold)
    return MathVerifier().verify(problem, row["answer"]).status


@pytest.mark.parametrize("right", [True, False])
def test_labelled_answers(right: bool) -> None:
    rows = [row for row in ROWS if row["correct"] is right]
    assert len(rows) >= 150
    assert [row for row in rows if (status(row) == "correct") is not right] == []


def test_numbers_too_large_for_a_float_are_compared() -> None:
    large = "9" * 320
    for statement, answer in (
        (f"How many digits has {large}?", "320, because 300 + 21 = 321"),
        ("How many digits has it?", f"{large}, because 3 + 4 = 7"),
        (f"How many digits has {large}?", f"5, since {large} + 1 = 6"),
    ):
        assert status({"statement": statement, "gold": "320", "answer": answer}) == "incorrect"


@pytest.mark.parametrize("base", ["36", "37", "99", "{100}"])
def test_a_number_of_any_base_is_no_crash(base: str) -> None:
    row = {"statement": "What is it?", "gold": f"13_{base}", "answer": f"It is 13_{base}."}
    assert status(row) == "correct"
    assert status(row | {"answer": "It is 13."}) != "correct"


@pytest.mark.parametrize("gold", [r"2^{2^{2^{2^9}}}", r"\frac{2}{3} 2^{2^{2^{2^9}}}"])
def test_a_tower_of_powers_is_no_decimal(gold: str) -> None:
    row = {"statement": "What is it?", "gold": gold, "answer": "0.666667"}
    assert status(row) != "correct"
    assert not find_leak("math", gold, row["statement"], (), row["answer"]).kind


def test_inputs_that_once_failed(cases: Path) -> None:
    failed = []
    for file in sorted(cases.glob("verify_*.jsonl")):
        for line in filter(str.strip, file.read_text("utf-8").splitlines()):
            row = json.loads(line)
            wanted = row.get("expected") or ("correct" if row["truth"] else "incorrect")
            if (status(row) == "correct") is not (wanted == "correct"):
                failed.append((file.name, row))
    assert failed == []


def test_worked_solutions_without_their_mark(corpora: Path) -> None:
    """GSM8K's solutions, which state the answer in a sentence: it is read, and no other number."""
    lost, wrong = 0, 0
    rows = (corpora / "gsm8k_train.jsonl").read_text("utf-8").splitlines()[:1000]
    for row in map(json.loads, rows):
        solution, gold = re.sub("<<[^<>]*>>", "", row["answer"]).rsplit("####", 1)
        others = set(re.findall(r"\d+", solution.strip().rsplit("\n", 1)[-1])) - {gold.strip()}
        texts = {"statement": row["question"], "answer": solution.strip()}
        lost += status({"gold": gold.strip(), **texts}) != "correct"
        wrong += sum(status({"gold": other, **texts}) == "correct" for other in others)
    assert lost <= 16 and wrong <= 10, (lost, wrong)
