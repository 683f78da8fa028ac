"""The toy world: its problems, its teacher, and the chats that a base model learns from."""

import asyncio
import random
from collections import Counter
from types import SimpleNamespace

import pytest

from builders import play
from tutelage import dialogue as protocol
from tutelage import leaks, settings
from tutelage.corpora import open_corpus
from tutelage.dialogue import moves
from tutelage.errors import CorpusError
from tutelage.records import Problem, Request, Rules, Sampling
from tutelage.replicate import chats, world
from tutelage.verifiers.math import MathVerifier

SPEC = "tutelage.replicate.world:Toy?family={}&size={}&seed={}&side={}&lengths={}"


def problems(family="a", size=60, seed=0, side="train", lengths="3-6") -> list[Problem]:
    rows = open_corpus(SPEC.format(family, size, seed, side, lengths)).rows()
    return [row.problem for row in rows if row.problem]


@pytest.mark.parametrize("family", "abc")
def test_no_problem_is_on_both_sides_and_none_comes_twice(family):
    train, test = (problems(family, 200, side=side) for side in ("train", "test"))
    assert len({p.problem_id for p in train}) == len({p.problem_id for p in test}) == 200
    assert not {p.problem_id for p in train} & {p.problem_id for p in test}


def test_a_corpus_is_the_same_in_parts_and_every_length_comes_as_often():
    corpus = open_corpus(SPEC.format("b", 60, 3, "train", "3-6"))
    whole = [row.problem for row in corpus.rows()]
    parts = [row.problem for part in range(3) for row in corpus.rows(part, 3)]
    assert sorted(p.problem_id for p in whole) == sorted(p.problem_id for p in parts)
    lengths = Counter(len(world.digits_by_name(p.gold.value)) for p in whole)
    assert lengths == dict.fromkeys(range(3, 7), 15)


def test_digits_are_spread_evenly_so_that_guessing_does_not_pay():
    count = Counter(
        d for p in problems(size=600) for d in world.digits_by_name(p.gold.value).values()
    )
    assert set(count) == set(world.DIGITS)
    assert max(count.values()) < 1.35 * min(count.values())


@pytest.mark.parametrize(
    "spec",
    ["family=d", "side=dev", "lengths=0-3", "lengths=3-7", "size=many", "colour=red"],
)
def test_an_option_that_is_wrong_is_a_mistake(spec):
    with pytest.raises(CorpusError):
        open_corpus(f"tutelage.replicate.world:Toy?{spec}")


@pytest.mark.parametrize("family", "ab")
def test_the_verifier_takes_the_gold_and_nothing_near_it(family):
    judge = MathVerifier()
    for problem in problems(family):
        gold = world.digits_by_name(problem.gold.value)
        right = f"The answer is {world.answer_text(gold)}."
        assert judge.glance(problem, right).status == "correct"
        for name in gold:
            other = "one" if gold[name] == "zero" else "zero"
            wrong = f"The answer is {world.answer_text(gold | {name: other})}."
            assert judge.glance(problem, wrong).status == "incorrect"
        assert moves.classify(right) == "answer"
        fewer = dict(list(gold.items())[:-1])
        assert (
            judge.glance(problem, f"The answer is {world.answer_text(fewer)}.").status
            == "incorrect"
        )


def remark(problem: Problem, said: str, teacher=world.Teacher, arm="sml", seed=0) -> str:
    talk = protocol.begin(problem, Rules(arm=arm, student_prompt="system"), 0, 0)
    talk = play(talk, [f"The answer is {said}"])
    request = Request("teacher", (), Sampling(), seed, talk)
    answer = asyncio.run(teacher(settings.Player(), settings.Settings()).reply(request))
    return answer.text


def test_a_remark_is_on_one_wrong_digit_and_true():
    problem = problems()[5]
    gold = world.digits_by_name(problem.gold.value)
    names = list(gold)
    said = world.answer_text(gold | {names[0]: "none", names[1]: "none"})
    found = Counter()
    for seed in range(60):
        words = remark(problem, said, seed=seed)
        (name,) = [n for n in names if n in words.split() or f"{n}," in words]
        assert gold[name] in words.rstrip(".").split()
        found[name] += 1
    assert set(found) <= set(gold)


def test_a_liar_lies_one_time_in_five_and_other_words_are_other():
    problem = problems()[5]
    gold = world.digits_by_name(problem.gold.value)
    lies = 0
    for seed in range(400):
        words = remark(problem, "nothing", world.Liar, seed=seed).rstrip(".").replace(",", "")
        name = next(name for name in gold if name in words.split())
        lies += gold[name] not in words.split()
    assert 50 < lies < 115
    usual = {remark(problem, "nothing", seed=seed).split()[0] for seed in range(40)}
    assert usual == {"No,", "Look"}
    assert remark(problem, "nothing", world.OtherWords).startswith("Better ")


def test_no_remark_is_taken_for_a_leak():
    """Three digits are the shortest answer: a remark tells one of them, and the gate must see that."""
    for problem in problems(lengths="3-3", size=40):
        for seed in range(3):
            words = remark(problem, "nothing", seed=seed)
            found = leaks.find_leak("reasoning", problem.gold, problem.statement, (), words)
            assert not found.kind, (found, words)


def test_the_web_has_the_habits_that_it_is_said_to_have():
    source = random.Random(0)
    eager = chats.Web(listen=1.0, repeat=0, ask=0, single=0, lazy=0, asked=0)
    deaf = chats.Web(listen=0.0, repeat=1.0, ask=0, single=0, lazy=0, asked=0)
    for web, kept in ((eager, True), (deaf, False)):
        taken = told = 0
        for _ in range(100):
            turns = [content for _, content in chats.chat(web, source)]
            for place in range(1, len(turns) - 2, 2):
                before, remark_, after = turns[place : place + 3]
                if remark_ == chats.RETRY:
                    assert before == after
                    continue
                told += 1
                taken += before != after
        assert told > 100 and (taken == told) == kept


def test_held_out_problems_are_in_no_chat():
    held = {p.statement for p in problems("a", 300, side="test")}
    source = random.Random(1)
    seen = {turns[0][1] for turns in (chats.chat(chats.Web(), source) for _ in range(2000))}
    assert not held & seen


def test_the_phrases_that_the_program_has_are_those_of_the_chats():
    from tutelage.dialogue import chats as shown
    from tutelage.templates import StudentView, render

    view = StudentView("x", "reasoning", 4)
    assert render("shared/retry.j2", view, "") == chats.RETRY
    own = str(SimpleNamespace(p=world.__file__).p).replace("world.py", "prompts")
    talk = protocol.begin(problems()[0], Rules(student_prompt="toy", prompts=own), 0, 0)
    assert [m.speaker for m in talk.messages] == ["teacher"], "no system prompt"
    talk = play(talk, ["The answer is ann one."])
    assert shown.for_question(talk) == (("user", chats.WANT_QUESTION),)
    assert all(moves.classify(words) in moves.QUESTIONS for words in chats.QUESTIONS)
