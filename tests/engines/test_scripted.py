"""The scripted engine: the same draw says the same, and what should be wrong is wrong."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tutelage import dialogue as protocol
from tutelage import engines, settings
from tutelage.engines import scripted
from tutelage.engines.scripted import attempt, wrong_answer, wrong_code
from tutelage.records import Gold, Problem, Request, Rules, Sampling
from tutelage.verifiers import VerifierPool

MakeRequest = Callable[..., Request]


def _problem(gold: str) -> Problem:
    return Problem("p", "math", "test", "CC0-1.0", "What is it?", Gold("answer", gold))


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    made = VerifierPool(timeout=20)
    yield made
    made.close()


@pytest.fixture
def engine() -> Any:
    chosen = settings.load("", ["student.engine=scripted"])
    return engines.build(chosen.student, chosen)


@pytest.mark.parametrize("player", ["student", "teacher", "question", "reader"])
async def test_a_seed_says_the_same_in_any_engine(
    engine: Any, make_request: MakeRequest, player: str
) -> None:
    requests = [make_request(player=player, seed=seed) for seed in range(300)]
    first = [await engine.reply(a) for a in requests]
    other = engines.build(settings.load("", ["student.engine=scripted"]).student, None)  # type: ignore[arg-type]
    again = [await other.reply(a) for a in reversed(requests)]
    assert first == list(reversed(again))
    assert engine.gauges() == {"replies": 300.0}
    if player != "reader":
        assert len({reply.text for reply in first}) >= 3


def test_another_process_says_the_same() -> None:
    code = (
        "from tutelage.engines.scripted import attempt; from tutelage.records import *\n"
        "p = Problem('p', 'math', 'test', 'CC0-1.0', 'What is it?', Gold('answer', '22'))\n"
        "print([attempt(p, seed) for seed in range(50)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "5", "PATH": ""},
    )  # fmt: skip
    assert done.stdout.strip() == repr([attempt(_problem("22"), seed) for seed in range(50)])


async def test_students_carry_tokens_and_teachers_do_not(
    engine: Any, make_request: MakeRequest
) -> None:
    for seed in range(40):
        student = await engine.reply(make_request(seed=seed))
        assert len(student.token_ids) == len(student.logprobs) == student.usage.completion > 0
        assert all(-2 <= logprob <= 0 for logprob in student.logprobs)
        teacher = await engine.reply(make_request(player="teacher", seed=seed))
        assert teacher.token_ids == teacher.logprobs == ()
        assert teacher.usage.completion > 0


def test_attempts_are_right_wrong_and_questions_at_their_rates() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(4000):
        text = attempt(_problem("22"), seed)
        kind = "question" if text.endswith("?") else "right" if "is 22." in text else "wrong"
        kinds[kind] += 1
    questions = kinds["question"] / 4000
    assert questions == pytest.approx(scripted.ASK_RATE, abs=0.02)
    right = kinds["right"] / (kinds["right"] + kinds["wrong"])
    assert right == pytest.approx(scripted.SOLVE_RATE, abs=0.04)


async def test_drafts_leak_at_their_rate(engine: Any, make_request: MakeRequest) -> None:
    told = [
        (await engine.reply(make_request(player="teacher", seed=seed))).text for seed in range(2000)
    ]
    leaked = sum("22" in text for text in told)
    assert leaked / 2000 == pytest.approx(scripted.LEAK_RATE, abs=0.02)


async def test_the_form_that_was_asked_for_is_given(engine: Any, make_request: MakeRequest) -> None:
    for form in ("hint", "pinpoint", "counter-example", "a form of your own"):
        asked = replace(make_request(player="teacher"), form=form)
        assert (await engine.reply(asked)).form == form


GOLDS = [
    "0", "-0", "7", "-3", "22", "1000", "1,234", "123456", "1,234,567", "12345678901",
    "0.5", "-0.25", "3.14159", "2.50", "12345.678", "99999.5", "0.000123", "1e10", ".75",
    "3/4", "-1/2", "\\frac{3}{4}", "2\\sqrt{3}", "x^2+1", "\\pi", "\\{1, 2\\}", "(0, 1]",
    "50%", "$5", "$1,250", "12 apples", "Tuesday", "yes", "B",
]  # fmt: skip


@pytest.mark.parametrize("gold", GOLDS)
def test_a_wrong_answer_is_wrong_and_the_gold_right(gold: str, pool: VerifierPool) -> None:
    """By the verifier's own judgement, for each of the draws that make a difference."""
    problem = _problem(gold)
    wrong = {wrong_answer(gold, drawn) for drawn in range(9)}
    assert len(wrong) >= 5
    for answer in sorted(wrong):
        assert pool.verify(problem, f"The answer is {answer}.").status == "incorrect", answer
    assert pool.verify(problem, attempt(problem, 0, 1.0)).status == "correct"
    assert pool.verify(problem, attempt(problem, 0, 0.0)).status == "incorrect"


@pytest.mark.parametrize("gold", ["100000000000000000000", "inf", "$1,007", "3007 apples"])
def test_a_wrong_answer_is_never_the_gold(gold: str) -> None:
    plain = gold.replace("$", "").replace(",", "").split()[0]
    assert plain not in {wrong_answer(gold, drawn) for drawn in range(9)}


DOUBLE = Problem(
    "double", "code", "test", "CC0-1.0", "Write a function `double(x)`.",
    Gold(
        "tests",
        "def double(x):\n    return x * 2",
        json.dumps({"setup": "", "tests": ["assert double(3) == 6"], "entry_point": "double"}),
    ),
)  # fmt: skip
NAMELESS = replace(
    DOUBLE, gold=replace(DOUBLE.gold, tests_json='{"tests": ["assert double(3) == 6"]}')
)


@pytest.mark.parametrize("problem", [DOUBLE, NAMELESS], ids=["named", "nameless"])
def test_wrong_code_has_the_right_name_and_fails(problem: Problem, pool: VerifierPool) -> None:
    space: dict[str, Any] = {}
    exec(wrong_code(problem), space)
    assert space["double"](3, key=1) is None
    assert pool.verify(problem, attempt(problem, 0, 0.0)).status == "incorrect"
    assert pool.verify(problem, attempt(problem, 0, 1.0)).status == "correct"


def test_wrong_code_has_a_name_where_nothing_gives_one() -> None:
    problem = replace(DOUBLE, gold=Gold("tests", "", ""))
    assert wrong_code(problem).startswith("def solve(")


def test_a_scorers_answer_is_the_gold() -> None:
    gold = Gold("scorer", json.dumps({"answer": "31", "metadata": {}}))
    problem = replace(_problem(""), domain="reasoning", gold=gold)
    assert attempt(problem, 3, 1.0).endswith("The answer is 31.")
    assert "31." not in attempt(problem, 3, 0.0)


@pytest.mark.parametrize(("name", "right"), [("Reference", True), ("Mutant", False)])
def test_students_of_one_mind(name: str, right: bool) -> None:
    chosen = settings.load("", [f"student.engine=tutelage.engines.scripted:{name}"])
    student = engines.build(chosen.student, chosen)
    begun = protocol.begin(_problem("22"), Rules(), 0, 0)
    requests = [Request("student", (), Sampling(), seed, begun) for seed in range(200)]

    async def all_of_them() -> list[str]:
        return [(await student.reply(a)).text for a in requests]

    texts = asyncio.run(all_of_them())
    assert {text.endswith("The answer is 22.") for text in texts} == {right}
