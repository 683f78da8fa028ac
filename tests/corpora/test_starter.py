"""The starter corpus: its sums are right, its numbers small, its problems distinct."""

import re
from collections import Counter

import pytest

from tutelage.corpora import open_corpus
from tutelage.corpora.starter import Starter
from tutelage.corpora.stories import PEOPLE, STORIES
from tutelage.records import Problem

STEP = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")
SIZE = 1200


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return [row.problem for row in open_corpus(f"starter?size={SIZE}&seed=3").rows() if row.problem]


def test_every_step_is_one_true_sum_and_they_lead_to_the_answer(problems: list[Problem]) -> None:
    for problem in problems:
        *steps, last = problem.solution.splitlines()
        assert 1 <= len(steps) <= 2
        results = []
        for step in steps:
            assert len(STEP.findall(step)) == 1 and step.endswith(".")
            a, sign, b, c = STEP.findall(step)[0]
            value = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
            assert value == int(c)
            if sign == "*":
                assert int(a) < 10 and int(b) < 10
            results.append(c)
        assert last == f"The answer is {problem.gold.value}."
        assert results[-1] == problem.gold.value


def test_numbers_are_small_and_the_answer_is_not_in_the_text(problems: list[Problem]) -> None:
    for problem in problems:
        given = [int(number) for number in re.findall(r"\d+", problem.statement)]
        in_steps = [int(number) for number in re.findall(r"\d+", problem.solution)]
        assert 2 <= len(given) <= 3
        assert all(2 <= number <= 50 for number in given + in_steps)
        assert int(problem.gold.value) not in given
        assert problem.statement.endswith("?")
        assert "{" not in problem.statement + problem.solution


def test_problems_are_distinct_and_kinds_are_mixed(problems: list[Problem]) -> None:
    assert len({problem.problem_id for problem in problems}) == SIZE
    assert len({problem.statement for problem in problems}) == SIZE
    signs = Counter(STEP.findall(problem.solution)[0][1] for problem in problems)
    assert signs["*"] / SIZE < 0.2
    steps = Counter(problem.solution.count("\n") for problem in problems)
    assert steps[1] > SIZE / 3 and steps[2] > SIZE / 3


def test_person_and_thing_do_not_meet_twice_in_a_story() -> None:
    pairs = len(PEOPLE) * len(STORIES[0].things)
    assert {len(story.things) for story in STORIES} == {12}
    words = [
        re.sub(r"\d+", "N", Starter().problem(n * len(STORIES)).statement) for n in range(pairs)
    ]
    assert len(set(words)) == pairs


def test_it_depends_on_seed_and_index_alone() -> None:
    long, short = Starter(size=500, seed=1), Starter(size=20, seed=1)
    assert list(short.rows()) == [
        row for row, _ in zip(Starter(500, 1, "starter").rows(), range(20), strict=False)
    ]
    assert [row.index for row in long.rows(3, 8)] == list(range(3, 500, 8))
    assert next(long.rows(7, 500)).problem == short.problem(7)
    assert Starter(seed=2).problem(0) != short.problem(0)


def test_near_duplicates_are_rare(problems: list[Problem]) -> None:
    shingles = []
    for problem in problems:
        words = problem.statement.lower().split()
        shingles.append({tuple(words[at : at + 5]) for at in range(len(words) - 4)})
    seen: dict[tuple[str, ...], list[int]] = {}
    close = set()
    for number, mine in enumerate(shingles):
        for other in {other for shingle in mine for other in seen.get(shingle, [])}:
            if len(mine & shingles[other]) / len(mine | shingles[other]) >= 0.8:
                close.add(number)
        for shingle in mine:
            seen.setdefault(shingle, []).append(number)
    assert len(close) <= SIZE / 200
