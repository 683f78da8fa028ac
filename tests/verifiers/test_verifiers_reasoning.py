"""Reasoning-gym's scorers, and what is kept from them."""

import json

import pytest

from tutelage.records import Gold, Problem
from tutelage.verifiers import VerifierPool


@pytest.fixture(scope="module", autouse=True)
def pool():
    pytest.importorskip("reasoning_gym")
    with VerifierPool(timeout=20, workers=1) as pool:
        yield pool


def problem(dataset: str, index: int = 0, **more) -> Problem:
    import reasoning_gym

    entry = reasoning_gym.create_dataset(dataset, size=4, seed=3, **more)[index]
    value = {"dataset": dataset, "answer": entry["answer"], "entry": entry, "literal": ""}
    gold = Gold("scorer", json.dumps(value))
    return Problem("p", "reasoning", "test", "Apache-2.0", entry["question"], gold)


def answer(problem: Problem) -> str:
    return json.loads(problem.gold.value)["answer"]


DATASETS = ["chain_sum", "leg_counting", "mini_sudoku", "spiral_matrix", "simple_equations"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_right_answer_passes_and_others_do_not(pool, dataset):
    task = problem(dataset)
    right = answer(task)
    for message in (
        f"<answer>{right}</answer>",
        f"So: <answer>1</answer> <answer>\n{right}\n</answer>",
    ):
        assert pool.verify(task, message).status == "correct"
    for wrong in (f"{right}9", "0 0 0", f"{right} or 9"):
        verdict = pool.verify(task, f"<answer>{wrong}</answer>")
        assert verdict.status == "incorrect", verdict
        assert verdict.extracted == wrong


@pytest.mark.parametrize(
    "form", ["The answer is {}.", "It is \\boxed{{{}}}.", "#### {}", "{}", "**Answer:** {}"]
)
def test_forms_without_tags(pool, form):
    task = problem("chain_sum")
    assert pool.verify(task, form.format(answer(task))).status == "correct"
    assert pool.verify(task, form.format("77777")).status == "incorrect"


@pytest.mark.parametrize("message", ["", "  \n", "<answer></answer>"])
def test_no_answer(pool, message):
    verdict = pool.verify(problem("chain_sum"), message)
    assert (verdict.status, verdict.reason) == ("incorrect", "no answer")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "exec('x = 1')",
        "[].append",
        "(print)(1)",
        "[x for x in (1, 2)]",
        "lambda: 0",
    ],
)
def test_code_never_reaches_a_scorer_that_evaluates(pool, text):
    verdict = pool.verify(problem("spiral_matrix"), f"<answer>{text}</answer>")
    assert (verdict.status, verdict.reason[:9]) == ("unjudged", "refused: ")


def test_mathematics_reaches_it(pool):
    task = problem("simple_integration")
    verdict = pool.verify(task, f"<answer>{answer(task)}</answer>")
    assert verdict.status == "correct"
    assert pool.verify(task, "<answer>sin(X) + C</answer>").status == "incorrect"


def test_an_answer_that_its_scorer_cannot_read_is_wrong(pool):
    task = problem("prime_factorization")
    assert pool.verify(task, f"<answer>{answer(task)}</answer>").status == "correct"
    assert pool.verify(task, "<answer>two times three</answer>").status == "incorrect"


def test_a_scorer_that_accepts_anything_is_not_believed(pool):
    task = problem("game_of_life_halting")
    right = answer(task)
    other = {"True": "False", "False": "True"}[right]
    assert pool.verify(task, f"<answer>{right}</answer>").status == "correct"
    assert pool.verify(task, f"<answer>{other}</answer>").status == "incorrect"


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        "{}",
        '{"dataset": "no_such_set", "entry": {}}',
        '{"dataset": "chain_sum", "entry": {}}',
    ],
)
def test_a_gold_that_is_none_is_unjudged(pool, value):
    broken = Problem("p", "reasoning", "test", "MIT", "", Gold("scorer", value))
    verdict = pool.verify(broken, "<answer>1</answer>")
    assert (verdict.status, verdict.reason[:6]) == ("unjudged", "error:")


def test_tuples_come_from_the_literal(pool):
    import reasoning_gym

    entry = reasoning_gym.create_dataset("rearc", size=1, seed=1)[0]
    literal = repr(entry)
    value = {"dataset": "rearc", "answer": entry["answer"], "entry": {}, "literal": literal}
    task = Problem("p", "reasoning", "test", "MIT", "", Gold("scorer", json.dumps(value)))
    assert pool.verify(task, f"<answer>{entry['answer']}</answer>").status == "correct"
    assert pool.verify(task, "<answer>1 2\n3 4</answer>").status == "incorrect"
