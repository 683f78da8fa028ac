"""The worked-solution teacher: what it points at, and that it never shows the answer."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from tutelage import dialogue as protocol
from tutelage import engines, settings
from tutelage.corpora import open_corpus
from tutelage.engines.worked import hint
from tutelage.leaks import find_leak
from tutelage.records import (
    Dialogue,
    Gold,
    Message,
    Problem,
    Reply,
    Request,
    Rules,
    Sampling,
    Verdict,
)
from tutelage.templates import HintView, render


def taught(problem_id: str, statement: str, gold: str, solution: str) -> Problem:
    """A problem with a worked solution."""
    return Problem(problem_id, "math", "test", "CC0-1.0", statement, Gold("answer", gold), solution)


STAMPS = taught(
    "stamps", "Lena had 27 stamps. She gave 15 to Tom and then found 9 more. How many has she now?",
    "21",
    "After the gift she had 27 - 15 = 12 stamps.\nWith the find she has 12 + 9 = 21 stamps.\n"
    "The answer is 21.",
)  # fmt: skip
CLIPS = taught(
    "clips", "In April a shop sold 48 clips to each of 2 friends, in May a third. What did it sell?",
    "128",
    "In April it sold 48*2 = 96 clips.\nIn May it sold 96/3 = 32 clips.\n"
    "In both months it sold 96+32 = 128 clips.",
)  # fmt: skip
LONG = taught(
    "long", "A ride costs $3, a meal $4.50 and a book $1,200. The total?",
    "1207.50", "All three cost $3 + $4.50 + $1,200 = $1,207.50.",
)  # fmt: skip
TIMES = taught(
    "times", "A box holds 6 bags of 7 nuts. How many nuts?",
    "42", "There are 6 × 7 = 42 nuts.",
)  # fmt: skip
PROSE = replace(STAMPS, problem_id="prose", solution="She has twenty-one stamps.")
GIVEN = taught(
    "given", "Of 26 rolls he ate 13 and shared 8. How many are left?",
    "5", "First 26 - 13 = 13 were left.\nThen 13 - 8 = 5 were left.",
)  # fmt: skip
SHOWN = taught(
    "shown", "What do four threes and then twelve more make?",
    "24", "First 24 - 12 = 12.\nSo 12 + 12 = 24.",
)  # fmt: skip
"""A solution that has the answer in an early step."""
HALFWAY_UP = taught(
    "up", "A has 19 and gets 17; B has 7 fewer. How many has B?",
    "29", "A has 19 + 17 = 36.\nB has 36 - 7 = 29.",
)  # fmt: skip
HALFWAY_DOWN = taught(
    "down", "A has 48 and loses 23; B has 3 more. How many has B?",
    "28", "A has 48 - 23 = 25.\nB has 25 + 3 = 28.",
)  # fmt: skip
"""Solutions in which half of an early step comes to the answer: 19 + 10, 48 - 20."""


def talk(problem: Problem, *said: str, arm: str = "sml") -> Dialogue:
    """A dialogue with attempts and feedback in turn; the verifier read each attempt's last number."""
    dialogue = protocol.begin(problem, Rules(arm=arm, turns=9), 0, 0)
    for i, words in enumerate(said):
        turn = i // 2 + 1
        found = [] if words.endswith((" then", "= 21")) else re.findall(r"\d+", words)
        verdict = Verdict("incorrect", found[-1]) if found else Verdict("unjudged", reason="none")
        message = Message("student", "attempt", turn, words, verdict=verdict)
        if i % 2:
            message = Message("teacher", "feedback", turn, words)
        dialogue = replace(dialogue, messages=(*dialogue.messages, message))
    return dialogue


@dataclass(frozen=True)
class Case:
    problem: Problem
    said: tuple[str, ...]
    form: str
    words: tuple[str, ...] = ()
    """What the hint must hold, however it is worded."""
    arm: str = "sml"


CASES = {
    "no number": Case(STAMPS, ("I do not know.",), "unread"),
    "nothing": Case(STAMPS, ("",), "unread"),
    "working without an answer": Case(
        STAMPS, ("First 27 + 15 = 42, and then",), "hint", ("27 - 15",)
    ),
    "all steps and no answer": Case(STAMPS, ("27 - 15 = 12 and 12 + 9 = 21",), "unread"),
    "only an answer": Case(STAMPS, ("The answer is 30.",), "hint", ("27", "15")),
    "a wrong operation": Case(STAMPS, ("27 + 15 = 42. The answer is 42.",), "hint", ("27 - 15",)),
    "the second step": Case(STAMPS, ("27 - 15 = 12. The answer is 12.",), "hint", ("12 + 9",)),
    "a slip": Case(STAMPS, ("27 - 15 = 13. The answer is 13.",), "pinpoint", ("27 - 15 = 13",)),
    "a slip in step two": Case(
        STAMPS, ("27 - 15 = 12 and 12 + 9 = 22. So 22.",), "pinpoint", ("12 + 9 = 22",)
    ),
    "a slip, turned round": Case(
        STAMPS, ("12 it is, and 9 + 12 = 20. So 20.",), "pinpoint", ("9 + 12 = 20",)
    ),
    "the same slip again": Case(
        STAMPS,
        ("27 - 15 = 13. The answer is 13.", "Work that out again.", "27 - 15 = 14. So 14."),
        "split",
        ("27", "10", "5"),
    ),
    "a slip after a hint": Case(
        STAMPS,
        ("The answer is 30.", "Subtract 15 from 27.", "27 - 15 = 13. So 13."),
        "pinpoint",
        ("27 - 15 = 13", "27 - 15"),
    ),
    "the same slip a third time": Case(
        STAMPS,
        ("27 - 15 = 13.", "Again.", "27 - 15 = 14.", "In two parts.", "27 - 15 = 14. So 14."),
        "check",
        ("14 + 15", "27"),
    ),
    "a slip in a product again": Case(
        TIMES, ("6 * 7 = 36.", "Again.", "6 * 7 = 40. So 40."), "check", ("40 / 7", "6 * 7")
    ),
    "a slip in words": Case(
        STAMPS, ("27 minus 15 is 13. So 13.",), "pinpoint", ("27 minus 15 is 13",)
    ),
    "a slip with units": Case(
        STAMPS, ("27 stamps - 15 stamps = 13 stamps.",), "pinpoint", ("27 stamps - 15 stamps = 13",)
    ),
    "a slip beside the right number": Case(
        STAMPS, ("In 12 days: 27 - 15 = 13. The answer is 13.",), "pinpoint", ("27 - 15 = 13",)
    ),
    "a slip that was mended": Case(
        STAMPS, ("27 - 15 = 13, no, 12. The answer is 12.",), "hint", ("12 + 9",)
    ),
    "no number after no number": Case(
        STAMPS, ("I do not know.", "Which number is it?", "Nor now."), "unread"
    ),
    "another false sum": Case(
        STAMPS, ("27 - 15 = 12, 12 + 9 = 21, 21 - 1 = 19. So 19.",), "pinpoint", ("21 - 1 = 19",)
    ),
    "a result that is given": Case(GIVEN, ("The answer is 30.",), "hint", ("26 - 13",)),
    "and was passed over": Case(GIVEN, ("13 - 8 = 6. So 6.",), "pinpoint", ("13 - 8 = 6",)),
    "missed again": Case(
        STAMPS,
        ("27 - 15 = 12. So 12.", "Add 9 to 12.", "27 - 15 = 12. So 12."),
        "split",
        ("12", "8", "1"),
    ),
    "missed again, and its first part comes to the answer": Case(
        HALFWAY_UP,
        ("It is 26.", "19 + 17?", "It is 26."),
        "hint",
        ("19 + 17",),
    ),
    "a slip again, and its first part comes to the answer": Case(
        HALFWAY_DOWN,
        ("48 - 23 = 24.", "48 - 23?", "48 - 23 = 26."),
        "check",
        ("26 + 23",),
    ),
    "another step missed": Case(
        STAMPS, ("The answer is 30.", "27 - 15?", "27 - 15 = 12. So 12."), "hint", ("12 + 9",)
    ),
    "a product missed again": Case(
        TIMES, ("It is 13.", "6 times 7.", "It is 36."), "hint", ("6 * 7", "multiply")
    ),
    "all there, wrong one given": Case(
        STAMPS, ("27 - 15 = 12, 12 + 9 = 21. The answer is 12.",), "question"
    ),
    "no steps in the solution": Case(PROSE, ("The answer is 30.",), "remark"),
    "the step shows the answer": Case(SHOWN, ("The answer is 30.",), "remark"),
    "which the student said": Case(SHOWN, ("24 no, 30.",), "hint", ("24 - 12",)),
    "written without spaces": Case(CLIPS, ("The answer is 50.",), "hint", ("48 * 2", "multiply")),
    "a division": Case(CLIPS, ("48*2 = 96. I say 96.",), "hint", ("96 / 3", "divide 96 by 3")),
    "a last sum": Case(CLIPS, ("48*2 = 96, 96/3 = 32, so 32.",), "hint", ("96 + 32",)),
    "more than two numbers": Case(LONG, ("It is 7.",), "hint", ("$3 + $4.50 + $1,200",)),
    "a slip in a product": Case(TIMES, ("6 x 7 = 36. So 36.",), "pinpoint", ("6 x 7 = 36",)),
    "blind, a slip": Case(
        STAMPS, ("27 - 15 = 13. The answer is 13.",), "pinpoint", ("27 - 15 = 13",), "blind"
    ),
    "blind, no slip": Case(STAMPS, ("27 + 15 = 42. So 42.",), "remark", (), "blind"),
    "blind, no number": Case(STAMPS, ("I do not know.",), "unread", (), "blind"),
}


def _wordings(dialogue: Dialogue) -> Iterator[tuple[HintView, str]]:
    for drawn in range(20):
        view = hint(dialogue, drawn / 20)
        yield view, render("teacher/worked.j2", view)


@pytest.mark.parametrize("name", CASES)
def test_each_attempt_gets_its_form(name: str) -> None:
    case = CASES[name]
    dialogue = talk(case.problem, *case.said, arm=case.arm)
    texts = set()
    for view, text in _wordings(dialogue):
        assert view.form == case.form
        assert [words for words in case.words if words not in text] == []
        assert re.fullmatch(r"[A-Z].*[.?]", text), text
        assert "  " not in text and "{" not in text
        texts.add(text)
    assert len(texts) >= 3, "a form is worded in more ways than one"


def test_the_blind_teacher_knows_no_step() -> None:
    for case in CASES.values():
        view = hint(talk(case.problem, *case.said, arm="blind"), 0.5)
        assert view.form in ("unread", "pinpoint", "remark")
        assert (view.left, view.right, view.first) == ("", "", "")


@pytest.mark.parametrize(
    ("asked", "form", "words"),
    [
        ("What do I do first?", "hint", "27 - 15"),
        ("I have 27 - 15 = 12. What next?", "hint", "12 + 9"),
        ("I have 12 and 21. Which one?", "remark", ""),
    ],
)
def test_a_question_is_answered_with_the_next_step(asked: str, form: str, words: str) -> None:
    dialogue = talk(STAMPS, asked)
    question = replace(dialogue.messages[-1], act="question", verdict=None)
    dialogue = replace(dialogue, messages=(*dialogue.messages[:-1], question))
    for view, text in _wordings(dialogue):
        assert view.form == form
        assert words in text


async def test_the_engine_says_what_the_hint_is() -> None:
    chosen = settings.load("", ["student.engine=scripted", "teacher.engine=worked"])
    teacher = engines.build(chosen.teacher, chosen)
    dialogue = talk(STAMPS, "The answer is 30.")
    requests = [Request("teacher", (), Sampling(), seed, dialogue) for seed in range(20)]
    replies = [await teacher.reply(request) for request in requests]
    assert replies == [await teacher.reply(request) for request in requests]
    assert {reply.form for reply in replies} == {"hint"}
    assert len({reply.text for reply in replies}) > 4
    assert all(reply.usage == Reply("").usage and not reply.token_ids for reply in replies)
    teacher.close()


# Not the same words twice


@pytest.mark.parametrize(
    "said", ["", "The answer is 30.", "27 - 15 = 13. So 13.", "12, 21, so 12."]
)
async def test_no_dialogue_hears_the_same_words_twice(said: str) -> None:
    """Ten turns, as in evaluation, of a student that learns nothing; and thirty, after all words."""
    chosen = settings.load("", ["student.engine=scripted", "teacher.engine=worked"])
    teacher = engines.build(chosen.teacher, chosen)
    for seed in range(2):
        heard: list[str] = []
        dialogue = talk(STAMPS)
        for turn in range(1, 31):
            found = re.findall(r"\d+", said)
            verdict = Verdict("incorrect", found[-1]) if found else Verdict("unjudged")
            attempt = Message("student", "attempt", turn, said, verdict=verdict)
            dialogue = replace(dialogue, messages=(*dialogue.messages, attempt))
            reply = await teacher.reply(Request("teacher", (), Sampling(), seed + turn, dialogue))
            heard.append(reply.text)
            feedback = Message("teacher", "feedback", turn, reply.text, form=reply.form)
            dialogue = replace(dialogue, messages=(*dialogue.messages, feedback))
        assert len(set(heard)) == 30
        assert not any("try" in text and "That was" in text for text in heard[:9])


async def test_a_step_that_only_can_be_named_is_named_in_other_words_each_time() -> None:
    """A product has no easier parts; another opening alone would not make it another hint."""
    chosen = settings.load("", ["student.engine=scripted", "teacher.engine=worked"])
    teacher = engines.build(chosen.teacher, chosen)
    for seed in range(6):
        dialogue, named = talk(TIMES), []
        for turn in range(1, 5):
            attempt = Message(
                "student", "attempt", turn, "It is 40.", verdict=Verdict("incorrect", "40")
            )
            dialogue = replace(dialogue, messages=(*dialogue.messages, attempt))
            reply = await teacher.reply(Request("teacher", (), Sampling(), seed + turn, dialogue))
            feedback = Message("teacher", "feedback", turn, reply.text, form=reply.form)
            dialogue = replace(dialogue, messages=(*dialogue.messages, feedback))
            named.append(next(s for s in re.split(r"(?<=[.?!]) ", reply.text) if "7" in s))
        assert len(set(named)) == 4, named


# The last step


def test_the_last_step_is_spelled_out_only_where_that_is_allowed() -> None:
    for said in ("27 - 15 = 12. So 12.", "27 - 15 = 12 and 12 + 9 = 20. So 20."):
        dialogue = talk(STAMPS, said)
        strict = replace(dialogue, rules=replace(dialogue.rules, leak_expression="block"))
        assert hint(strict, 0.5).form == "last"
        for _, text in _wordings(strict):
            assert "12 + 9" not in text and "9" not in text and "sum" in text
        assert any("12 + 9" in text for _, text in _wordings(dialogue))
    first = talk(STAMPS, "The answer is 30.")
    first = replace(first, rules=replace(first.rules, leak_expression="block"))
    assert hint(first, 0.5).form == "hint"  # a step before the last may be named


# What no hint may do, over many problems and many ways to be wrong.

_FIGURES = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


def _figures(*texts: str) -> set[float]:
    return {
        float(found.replace(",", "").rstrip("."))
        for text in texts
        for found in _FIGURES.findall(text)
    }


def _wrong(problem: Problem, draw: Random) -> str:
    """A wrong attempt of one of many kinds."""
    given = [int(n) for n in re.findall(r"\d+", problem.statement)] or [3]
    lines = problem.solution.splitlines()[:-1]
    gold = int(float(problem.gold.value))
    a, b = draw.choice(given), draw.choice(given)
    off = draw.choice([-3, -2, -1, 1, 2, 3, 10])
    slip = re.sub(r"= \$?(\d+)", lambda m: f"= {int(m[1]) + off}", lines[-1])
    kinds: list[Callable[[], str]] = [
        lambda: "",
        lambda: "I do not know.",
        lambda: f"The answer is {gold + off}.",
        lambda: f"The answer is {a}.",
        lambda: f"{a} + {b} = {a + b}. The answer is {a + b}.",
        lambda: f"{a} - {b} = {a - b}. The answer is {a - b}.",
        lambda: f"{a} * {b} = {a * b}. The answer is {a * b}.",
        lambda: f"{a} + {b} = {a + b + off}. The answer is {a + b + off}.",
        lambda: f"{lines[0]}\nThe answer is {a}.",
        lambda: f"{slip}\nThe answer is {gold + off}.",
        lambda: "\n".join([*lines[:-1], slip, f"The answer is {gold + off}."]),
        lambda: f"{problem.statement} Hmm. 1, 2, 3. I say {gold + off}.",
        lambda: f"It is -{gold} or {gold + 0.5}, I think {gold + 0.5}.",
    ]
    return draw.choice(kinds)()


def _games(
    problems: list[Problem], turns: int
) -> Iterator[tuple[Problem, Dialogue, HintView, str]]:
    """Every hint of one game of `turns` wrong attempts a problem."""
    for problem in problems:
        draw = Random(problem.problem_id)
        said: list[str] = []
        for _ in range(turns):
            said.append(_wrong(problem, draw))
            dialogue = talk(problem, *said)
            view = hint(dialogue, draw.random())
            text = render("teacher/worked.j2", view)
            yield problem, dialogue, view, text
            said.append(text)


def _shown(problem: Problem, dialogue: Dialogue, text: str) -> bool:
    """Whether `text` holds the answer's number, and neither statement nor student did before."""
    own = [m.content for m in dialogue.messages if m.speaker == "student"]
    public = _figures(problem.statement, *own)
    return bool(_figures(text) & _figures(problem.gold.value) - public)


def test_no_hint_shows_the_answer() -> None:
    rows = open_corpus("starter?size=400&seed=1").rows()
    problems = [row.problem for row in rows if row.problem]
    forms: Counter[str] = Counter()
    for problem, dialogue, view, text in _games(problems, 4):
        forms[view.form] += 1
        assert not _shown(problem, dialogue, text), (problem.statement, text)
    assert forms.total() == 1600
    rare = {"unread", "pinpoint", "hint", "split", "question"} - {f for f in forms if forms[f] > 9}
    assert not rare, forms


@pytest.mark.parametrize("expression", ["allow", "block"])
def test_the_gate_passes_every_wording(expression: str) -> None:
    """What the gate holds back would be said anew, and at last be `please try again`."""
    rows = open_corpus("starter?size=25&seed=5").rows()
    problems = [row.problem for row in rows if row.problem]
    heard: Counter[str] = Counter()
    for problem, dialogue, _, _ in _games(problems, 4):
        strict = replace(dialogue, rules=replace(dialogue.rules, leak_expression=expression))
        history = [(m.role, m.content) for m in strict.messages if m.turn > 0]
        for view, text in _wordings(strict):
            leak = find_leak(
                "math", problem.gold, problem.statement, history, text, problem.solution,
                expression=expression,
            )  # fmt: skip
            assert not leak.kind, (problem.statement, text, leak)
            heard[view.form] += 1
    wanted = {"allow": {"hint", "pinpoint", "split"}, "block": {"hint", "last"}}[expression]
    assert wanted <= set(heard)


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_the_sweep_would_notice(kind: str) -> None:
    """The check of the test above, on hints that do and do not show the answer."""
    dialogue = talk(STAMPS, "27 - 15 = 12. The answer is 12.")
    shown = {"right": "You should get 21.", "wrong": "Work out 12 + 9."}[kind]
    assert _shown(STAMPS, dialogue, shown) == (kind == "right")
    assert not _shown(STAMPS, talk(STAMPS, "It is 21, no, 12."), shown)


def test_no_hint_shows_the_answer_of_a_real_problem(corpora: Path) -> None:
    rows = open_corpus(str(corpora / "gsm8k_train.jsonl")).rows()
    problems = [row.problem for row in rows if row.problem and row.index % 16 == 0]
    problems = [p for p in problems if re.fullmatch(r"\d+", p.gold.value)]
    assert len(problems) > 400
    for problem, dialogue, _, text in _games(problems, 3):
        assert not _shown(problem, dialogue, text), (problem.statement, text)


@pytest.mark.parametrize("said", ["$1,200 - 450 = 650", "1,200 - 450 = 650", "450 - 1200 = 650"])
def test_a_slip_is_seen_however_it_is_written(said: str) -> None:
    problem = replace(STAMPS, solution="It costs 1200 - $450 = $750.\nThe answer is 750.")
    assert hint(talk(problem, f"{said}. So 650."), 0.5).form == "pinpoint"


def test_the_students_words_are_quoted_as_they_are() -> None:
    problem = replace(STAMPS, solution="They are 1200000 + 345678 = 1545678.")
    view = hint(talk(problem, "1200000 + 345678 = 1545679. So 1545679."), 0.5)
    assert view.claim == "1200000 + 345678 = 1545679"
