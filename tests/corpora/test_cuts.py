"""Cutting problems into shards: question first, nothing lost."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from tutelage.corpora import open_corpus
from tutelage.corpora.cuts import cut, lack, sentences
from tutelage.errors import BadRow
from tutelage.records import Gold, Problem

PROBLEM = Problem("p", "math", "s", "MIT", "", Gold("answer", "4"))


@pytest.mark.parametrize(
    ("statement", "shards"),
    [
        (
            "Ann has 9 pears. She eats 2. How many are left?",
            ["How many are left?", "Ann has 9 pears.", "She eats 2."],
        ),
        (
            "Ann has 9 pears. If she gives away 3, how many pears are left?",
            ["How many pears are left?", "Ann has 9 pears.", "She gives away 3."],
        ),
        (
            "Mr. Li buys 3.5 kg at $2.50. What does he pay at 5 p.m. today?",
            ["What does he pay at 5 p.m. today?", "Mr. Li buys 3.5 kg at $2.50."],
        ),
        (
            "Let $x = 3$. Find $x^2$. Use no calculator.",
            ["Find $x^2$.", "Let $x = 3$.", "Use no calculator."],
        ),
        (
            "How far is it? It is 3 miles there. It is 4 back.",
            ["How far is it?", "It is 3 miles there.", "It is 4 back."],
        ),
    ],
)
def test_the_question_comes_first(statement: str, shards: list[str]) -> None:
    assert list(cut(replace(PROBLEM, statement=statement)).hint_shards) == shards


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("How many legs have 3 cats?", "single sentence"),
        ("Ann has 3 cats. Bob has 2.", "asks anything"),
        ("def f(x):\n    return x", "is code"),
    ],
)
def test_what_the_rule_cannot_cut_is_refused(statement: str, why: str) -> None:
    with pytest.raises(BadRow) as caught:
        cut(replace(PROBLEM, statement=statement))
    assert caught.value.failure == "uncuttable" and why in caught.value.reason


@pytest.mark.parametrize(
    ("shards", "missing"),
    [
        (("Ann has 9 pears.", "She eats 2."), []),
        (("Ann has 9 pears.",), ["2", "eats"]),
        (("Ann has 9 pears.", "She eats 3."), ["2", "3"]),
        (("Ann has 9 pears.", "She eats 2.", "She eats 2."), ["2", "eats"]),
        (("Ann has 9 red pears.", "She eats 2."), ["red"]),
    ],
)
def test_what_is_lost_or_made_up_is_named(shards: tuple[str, ...], missing: list[str]) -> None:
    assert lack("Ann has 9 pears. She eats 2.", shards) == missing


def test_sentences_keep_every_character_but_the_blanks_between() -> None:
    for row in open_corpus("starter?size=100").rows():
        assert row.problem
        text = row.problem.statement
        assert " ".join(sentences(text)) == text


def test_every_starter_problem_can_be_cut() -> None:
    for row in open_corpus("starter?size=240").rows():
        assert row.problem
        shards = cut(row.problem).hint_shards
        assert len(shards) >= 2 and shards[0].endswith("?")
        assert not lack(row.problem.statement, shards)


def test_most_of_gsm8k_can_be_cut(corpora: Path) -> None:
    done = 0
    for row in open_corpus(str(corpora / "gsm8k_train.jsonl")).rows(0, 10):
        assert row.problem
        with contextlib.suppress(BadRow):
            done += not lack(row.problem.statement, cut(row.problem).hint_shards)
    assert done > 0.95 * 748
