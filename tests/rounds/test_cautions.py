"""What a loop is warned of, and what it is not."""

import pytest

from tutelage.rounds.cautions import of_round


def line(**figures):
    return {
        "groups": 10, "groups_compared": 6, "return": 0.2, "solved_by": {"1": 0.1, "2": 0.3},
        "question_rate": 0.1,
    } | figures  # fmt: skip


@pytest.mark.parametrize(
    ("newest", "told"),
    [
        ({"groups_compared": 1}, "only 1 of 10 groups"),
        ({"return": 0.09}, "fell from 0.200 to 0.090"),
        ({"solved_by": {"1": 0.6, "2": 0.7}}, "60% of the dialogues are solved at turn 1"),
        ({"question_rate": 0.04}, "questions fell from 10.0% to 4.0%"),
    ],
)
def test_each_sign_is_said_by_itself(newest, told):
    (words,) = of_round([{"round": 0}, line(), line(**newest)])
    assert told in words


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"round": 0, "held_out": {}}],
        [line()],
        [line(), line(**{"return": 0.11}, question_rate=0.06)],
        [line(**{"return": 0.01}, question_rate=0.0), line(**{"return": 0.0}, question_rate=0.0)],
        [line(), line(solved_by={"1": 0.9})],
    ],
)
def test_a_loop_that_goes_well_hears_nothing(lines):
    assert list(of_round(lines)) == []
