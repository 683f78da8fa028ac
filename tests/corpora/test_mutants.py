"""Right and wrong answers to try a verifier with."""

import json

import pytest

from tutelage.corpora import check as checking
from tutelage.corpora import mutants, near
from tutelage.corpora.row import Row
from tutelage.records import Gold, Leak, Problem, Verdict


def problem(gold: Gold) -> Problem:
    return Problem("p", "math", "s", "MIT", "What?", gold)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("72", "73"),
        ("-3", "-4"),
        ("0.5", "1.5"),
        ("3.14159265", "4.14159265"),
        ("09", "10"),
        ("1,000", "2,000"),
        (r"\frac{1}{2}", r"\frac{2}{2}"),
        ("True", "False"),
        ("yes", "No"),
        (r"\text{(B)}", r"\text{(B)} + 1"),
        ("(B)", "(C)"),
        ("Z", "A"),
        (r"-\infty", "-7"),
        (r"\pi", r"\pi + 1"),
        ("north", "not north"),
        ('{"s": "]"}', '{"s": "]"} + 1'),
    ],
)
def test_another_answer(answer: str, wrong: str) -> None:
    assert mutants.other(answer) == wrong


def test_messages_are_as_a_student_writes_them() -> None:
    assert mutants.gold(problem(Gold("answer", "72"))) == "The answer is 72."
    assert mutants.gold(problem(Gold("answer", r"\frac12"))) == r"The answer is $\boxed{\frac12}$."
    scorer = problem(Gold("scorer", json.dumps({"answer": "4", "entry": {}})))
    assert mutants.gold(scorer) == "<answer>4</answer>"
    assert mutants.mutate(scorer) == "<answer>14</answer>"
    assert mutants.gold(problem(Gold("scorer", '{"answer": null}'))) == ""
    assert mutants.gold(problem(Gold("scorer", "no JSON"))) == ""


@pytest.mark.parametrize(
    ("code", "mutant"),
    [
        ("def f(x):\n    return x", "def f(x):\n    return None"),
        ("def g():\n    return 1\ndef f(x):\n    return g()", "def f(x):\n    return None"),
        ("class f:\n    def run(self):\n        return 1", "def run(self):\n        return None"),
        ("f = abs", "def f(*args, **kwargs):\n    return None"),
        ("no code at all", "def f(*args, **kwargs):\n    return None"),
    ],
)
def test_mutants_of_code(code: str, mutant: str) -> None:
    tests = json.dumps({"setup": "", "tests": ["assert f(1)"], "entry_point": "f"})
    made = mutants.mutate(problem(Gold("tests", code, tests)))
    assert mutant in made and made.startswith("```python\n")
    assert "return g()" not in made


def test_a_check_tells_a_good_judge_from_bad_ones() -> None:
    rows = [Row("s", n, problem(Gold("answer", str(n)))) for n in range(20)]
    rows.append(Row("s", 20, None, "unreadable", "f:1"))
    rows.append(Row("s", 21, problem(Gold("scorer", '{"answer": null}'))))

    def good(asked: Problem, answer: str) -> Verdict:
        right = answer == f"The answer is {asked.gold.value}."
        return Verdict("correct" if right else "incorrect")

    results = list(checking.check(rows, good))
    assert [result.row.index for result in results] == list(range(22))
    assert all(result.passes for result in results)
    assert results[20].trials == ()
    assert [trial.kind for trial in results[21].trials] == ["mutant"]
    lax = list(checking.check(rows[:3], lambda *_: Verdict("correct")))
    strict = list(checking.check(rows[:3], lambda *_: Verdict("incorrect")))
    dead = list(checking.check(rows[:3], lambda *_: Verdict("unjudged")))
    assert not any(result.passes for result in [*lax, *strict, *dead])


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("72", {"digit": "73", "sign": "-72"}),
        ("0", {"digit": "1"}),
        ("-0.5", {"digit": "-0.6", "sign": "0.5"}),
        (r"$\frac{1}{2}$", {"digit": r"\frac{1}{3}", "sign": r"-\frac{1}{2}"}),
        ("x^2 - 3x", {"digit": "x^2 - 4x", "operation": "x^2 + 3x", "exponent": "x^{3} - 3x"}),
        (r"2 \pm \sqrt{3}", {"digit": r"2 \pm \sqrt{4}"}),
        ("(1, 2)", {"digit": "(1, 3)"}),
        ("[1, 2)", {"digit": "[1, 3)", "bracket": "[1, 2]"}),
        (r"[1, \infty)", {"digit": r"[2, \infty)", "bracket": r"(1, \infty)"}),
        (r"x \geq 2", {"digit": r"x \geq 3", "bound": "x > 2"}),
        ("2, 3", {"digit": "2, 4", "member": "2"}),
        ("12,000", {"digit": "12,001"}),
        ("well-known", {}),
        ("3 red ones", {"digit": "4 red ones"}),
    ],
)
def test_near_misses(answer: str, wrong: dict[str, str]) -> None:
    assert dict(near.near_misses(answer)) == wrong


def test_a_thorough_check_looks_closer_and_asks_the_gate() -> None:
    """Of the verifier that sees no sign the near misses tell, of the gate that sees no box."""

    def unsigned(asked: Problem, answer: str) -> Verdict:
        right = asked.gold.value in answer.replace("-", "")
        return Verdict("correct" if right else "incorrect")

    def outside_boxes(asked: Problem, message: str) -> Leak:
        return Leak("" if "boxed" in message else "string")

    row = Row("s", 0, problem(Gold("answer", "72")))
    (plain,) = checking.check([row], unsigned)
    (close,) = checking.check([row], unsigned, find_leak=outside_boxes)
    assert plain.passes and not close.passes
    assert [(t.kind, t.message) for t in close.trials if not t.passes] == [
        ("near miss", "The answer is -72."), ("gate", r"\boxed{72}"),
    ]  # fmt: skip
