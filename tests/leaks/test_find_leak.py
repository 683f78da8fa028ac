"""The labelled cases, and rules that no label can state.

`cases.jsonl` was written case by case before the rules met it. The half `held` was scored once
before anything was mended: precision .99, recall .86 (239 of 277 leaks, 2 false alarms). So was a
second lot, `fresh-…` in the same half, when the rules were drawn anew: precision 1.00, recall .86
(150 of 175 leaks, no false alarm; the rules before found 127, with one). What both showed has been
mended since, so all of it is a regression test now.
"""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutelage.leaks import find_leak
from tutelage.records import Gold, Leak

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases.jsonl").read_text("utf-8").splitlines()
]


def found_in(case: dict[str, Any], find: Callable[..., Leak] = find_leak) -> Leak:
    history = [(turn["role"], turn["content"]) for turn in case["history"]]
    return find(case["domain"], case["gold"], case["statement"], history, case["message"])


def test_cases_are_many_of_both_kinds_and_each_is_there_once() -> None:
    counts = Counter((case["half"], case["leak"]) for case in CASES)
    assert len(counts) == 4 and min(counts.values()) >= 200
    assert {case["domain"] for case in CASES} == {"math", "code", "reasoning"}
    keys = {(case["statement"], str(case["history"]), case["message"]) for case in CASES}
    assert len(keys) == len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("half", "precision", "recall"), [("dev", 0.985, 0.95), ("held", 0.985, 0.93)]
)
def test_precision_and_recall_stay_above_their_floors(
    half: str, precision: float, recall: float
) -> None:
    cases = [case for case in CASES if case["half"] == half]
    judged = [(case["leak"], bool(found_in(case).kind), case["message"]) for case in cases]
    hits = sum(leaks and found for leaks, found, _ in judged)
    alarms = [message for leaks, found, message in judged if found and not leaks]
    missed = [message for leaks, found, message in judged if leaks and not found]
    assert hits / (hits + len(alarms)) >= precision, alarms
    assert hits / (hits + len(missed)) >= recall, missed


def test_every_kind_is_found_and_has_evidence() -> None:
    found = [leak for leak in map(found_in, CASES) if leak.kind]
    assert {leak.kind for leak in found} == {
        *("string", "number", "words", "expression", "boxed", "set", "choice", "code", "hidden"),
        "confirmed",
    }
    assert all(leak.evidence for leak in found)


EGGS = "A farmer has 6 baskets with 7 eggs in each. How many eggs are there?"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("There are 42 eggs.", "string"),
        ("There are 42.0 eggs.", "number"),
        ("There are forty-two eggs.", "words"),
        ("The answer is 6 * 7.", "expression"),
        ("The answer is six times seven.", "expression"),
        (r"\boxed{6 \cdot 7}", "boxed"),
        ("It is 4 2.", "hidden"),
        ("It lies between 41 and 43.", "hidden"),
        ("Work out 6 * 7.", ""),
        ("6 * 7", ""),
        ("Is it 6 * 7?", ""),
        ("Redo step 42 of the list.", ""),
        ("142, 420, 4.2 and 42.5 are other numbers.", ""),
    ],
)
def test_kinds_and_the_line_between_a_hint_and_a_leak(message: str, kind: str) -> None:
    assert find_leak("math", "42", EGGS, [], message).kind == kind


@pytest.mark.parametrize("role", ["assistant", "student"])
def test_what_the_student_said_is_public(role: str) -> None:
    message = "Where does your 42 come from?"
    assert find_leak("math", "42", EGGS, [(role, "Maybe 42.")], message).kind == ""
    assert find_leak("math", "42", EGGS, [("teacher", "42")], message).kind == "string"


def test_what_is_public_may_not_be_affirmed() -> None:
    said = [("student", "Is it 42 or 13?")]
    assert find_leak("math", "42", EGGS, said, "42 is correct.").kind == "confirmed"
    assert find_leak("math", "42", EGGS, said, "Yes, the first one.").kind == "confirmed"
    assert find_leak("math", "42", EGGS, said, "How did you get 42 and 13?").kind == ""


@pytest.mark.parametrize(
    "gold", ["42", "#### 42", r"\boxed{42}", "$42$", "x = 42", "42 eggs", "Answer: 42.", "$42.00"]
)
def test_a_gold_is_read_out_of_its_wrapping(gold: str) -> None:
    assert find_leak("math", gold, EGGS, [], "You get forty-two.").kind == "words"


def test_records_and_bare_golds_are_one() -> None:
    tests = '{"entry_point": "f"}'
    code = "def f(a):\n    b = a * 2\n    return b + 1\n"
    for gold in (code, Gold("tests", code, tests), Gold("answer", code)):
        assert find_leak("code", gold, "Double and add one.", [], code).kind == "code"
    scorer = Gold("scorer", "entry 7 of the set")
    assert find_leak("reasoning", scorer, "?", [], "Tuesday", "Count on.\nTuesday").kind == "string"
    assert find_leak("reasoning", scorer, "?", [], "entry 7", "Count on.\nTuesday").kind == ""


def test_threads_do_not_disturb_each_other() -> None:
    alone = [found_in(case) for case in CASES[:200]]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found_in, CASES[:200] * 4)) == alone * 4


FRAGMENTS = st.sampled_from(
    [
        *(r"\frac{", "}{", r"\boxed{", "(", "[", "^", "1e999", "0x", "½", "٤", "²", "$", r"\sqrt"),
        *(
            "-",
            "/",
            "1/0",
            "\ud800",
            "\x00",
            "A)",
            "half",
            "a dozen",
            "minus",
            "#### ",
            "```python\n",
        ),
        *('"""', "9" * 300, "1,", "İ", "x =", "over", "%", "the answer is", "\n", "0b", "42", " "),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(FRAGMENTS, max_size=12).map("".join))


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.sampled_from(["math", "code", "reasoning"]))
@settings(max_examples=150, deadline=None)
def test_no_text_raises(gold: str, statement: str, said: str, message: str, domain: str) -> None:
    leak = find_leak(domain, gold, statement, [("student", said)], message)
    assert leak.kind or not leak.evidence
