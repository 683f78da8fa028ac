"""Right answers with something wrong about them: columns, and the rule that refuses them."""

import pytest

from builders import problem
from tutelage import contract, settings
from tutelage import dialogue as protocol
from tutelage.dialogue.flaws import false_equation
from tutelage.records import Dialogue, Gold, Problem, Reply, Request, Rules, Verdict


def answered(text: str, finish: str = "stop", rules: Rules | None = None) -> Dialogue:
    """A dialogue whose first attempt has the right answer, by the verifier."""
    dialogue = protocol.begin(problem(), rules or Rules(turns=2), 0, 0)
    dialogue = protocol.advance(dialogue, Reply(text, finish_reason=finish))
    return protocol.advance(dialogue, Verdict("correct", "5"))


@pytest.mark.parametrize(
    ("text", "finish", "flaw"),
    [
        ("2 + 3 = 5. The answer is 5.", "stop", ("", False)),
        ("2 + 3 = 6. The answer is 5.", "stop", ("2 + 3 = 6", False)),
        ("The answer is 5. And then", "length", ("", True)),
        ("2 + 2 = 3. The answer is 5. And", "length", ("2 + 2 = 3", True)),
    ],
)
def test_the_row_says_what_is_wrong_with_the_solving_turn(
    text: str, finish: str, flaw: tuple[str, bool]
) -> None:
    row = contract.row(answered(text, finish), contract.Stamp("r"))
    assert contract.fits(row), list(contract.faults(row))
    assert row["flaw"] == {"any": any(flaw), "false_equation": flaw[0], "cut": flaw[1]}
    assert row["trail"][-1]["false_equation"] == flaw[0]
    assert row["outcome"]["status"] == "solved"


def test_a_turn_that_solves_nothing_has_no_flaw() -> None:
    dialogue = protocol.begin(problem(), Rules(turns=1), 0, 0)
    for response in (Reply("2 + 3 = 6.", finish_reason="length"), Verdict("incorrect", "6")):
        dialogue = protocol.advance(dialogue, response)
    row = contract.row(dialogue, contract.Stamp("r"))
    assert not row["flaw"]["any"] and row["trail"][-1]["false_equation"] == "2 + 3 = 6"


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("2 + 3 = 5. The answer is 5.", "stop", "correct"),
        ("2 + 3 = 6. The answer is 5.", "stop", "incorrect"),
        ("The answer is 5. And then", "length", "unjudged"),
    ],
)
def test_what_is_flawed_is_not_solved_where_that_is_the_rule(
    text: str, finish: str, status: str
) -> None:
    dialogue = answered(text, finish, Rules(turns=2, refuses_flaws=True))
    verdict = dialogue.messages[-1].verdict
    assert verdict is not None and verdict.status == status and verdict.extracted == "5"
    assert (dialogue.outcome is None) == (status != "correct")
    if status == "incorrect":
        want = protocol.need(dialogue)
        assert isinstance(want, Request) and "2 + 3 = 6" in want.chat[-1][1]


def test_programs_hold_no_equations() -> None:
    posed = Problem("p", "code", "s", "l", "Double.", Gold("tests", "def f(): ..."))
    assert false_equation(posed, "assert 2 + 3 == 6  # 2 + 3 = 6") == ""


@pytest.mark.parametrize(
    ("sets", "refuses"),
    [
        ([], True),
        (["verifier.flaws=accept"], False),
        (["student.model=some/model"], False),
        (["student.engine=scripted"], False),
        (["student.model=some/model", "verifier.flaws=refuse"], True),
    ],
)
def test_the_bundled_model_is_held_to_its_working(sets: list[str], refuses: bool) -> None:
    assert settings.load("", sets).rules("sml").refuses_flaws == refuses


def test_the_small_prompt_ends_a_reply_before_it_speaks_for_the_teacher() -> None:
    assert "Teacher:" in settings.load().rules("sml").student.stop
    assert settings.load("", ["student.model=a/b"]).rules("sml").student.stop == ()
    assert settings.load("", ["student.stop=[]"]).rules("sml").student.stop == ()
    assert settings.load("", ['student.stop=["###"]']).rules("sml").student.stop == ("###",)
