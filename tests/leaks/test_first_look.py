"""Whatever the whole look finds, the first look lets through: on all labelled messages, and on golds
of every shape in every spelling that the verifier accepts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answers.test_shapes import FRAMES, SHAPES, spelled
from tutelage.answers.tables import vocabulary
from tutelage.leaks import arithmetic, case, find_leak, values
from tutelage.records import Leak

HERE = Path(__file__).parent
MORE_FRAMES = (
    "{}",
    "Work out {} - 1.",
    "Subtract {} from your answer.",
    "You are {} too high.",
    "half of {} is it",
    "twice {}, plus 1",
    "It is 2 + {} = what?",
    "the next number after {}",
    "{} percent, or {} out of 8",
)


def labelled() -> Iterator[tuple[Any, ...]]:
    for name in ("cases.jsonl", "more.jsonl", "teachers.jsonl"):
        for row in map(json.loads, (HERE / name).read_text("utf-8").splitlines()):
            history = [(turn["role"], turn["content"]) for turn in row.get("history", ())]
            yield row.get("domain", "math"), row["gold"], row["statement"], history, row["message"]


def shaped() -> Iterator[tuple[Any, ...]]:
    for gold in "|".join(SHAPES.values()).split("|"):
        for frame in (*FRAMES, *MORE_FRAMES):
            history = [("assistant", "Is it 13?")]
            yield "math", gold, "Solve the problem.", history, frame.replace("{}", gold)


def converted() -> Iterator[tuple[Any, ...]]:
    for gold, said in (("2 hours", "120 minutes"), ("18", "1800 cents"), ("2.3 kg", "2300 g")):
        asked = "It takes hours and dollars. How much is it?"
        yield "math", gold, asked, [("assistant", "Is it 13?")], f"It comes to {said}."


def whole_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes every first look away."""
    monkeypatch.setattr(case, "may_state", lambda named, gold: True)
    monkeypatch.setattr(case, "may_come_to", lambda text, named, wanted: wanted is not None)
    monkeypatch.setattr(values, "may_be", lambda formula, wanted: True)
    for module in (case, arithmetic):
        monkeypatch.setattr(module, "vocabulary", lambda text: frozenset(["", *vocabulary(text)]))
    anything = frozenset([""])
    every = [(kind, way, anything, row) for kind, way, _, row in arithmetic.WAYS]
    monkeypatch.setattr(arithmetic, "WAYS", every)
    monkeypatch.setattr(arithmetic, "one_step", lambda named, wanted: True)
    symbols = [(anything, *row) for _, *row in arithmetic.SYMBOLS]
    monkeypatch.setattr(arithmetic, "SYMBOLS", symbols)
    monkeypatch.setattr(arithmetic, "may_spell", lambda amounts, wanted: True)


@pytest.mark.parametrize(
    ("messages", "expression"),
    [(labelled, "allow"), (labelled, "block"), (shaped, "block"), (converted, "allow")],
)
def test_nothing_is_lost(messages: Any, expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(messages())

    def looked() -> list[Leak]:
        return [find_leak(*message, expression=expression) for message in every]

    first = looked()
    whole_look(monkeypatch)
    pairs = zip(every, first, looked(), strict=True)
    assert not [(message, one, other) for message, one, other in pairs if one != other]


@pytest.mark.parametrize("gold", ["10^{400}", "1" + 400 * "0", "1/" + 330 * "3", "0", "-7"])
def test_numbers_of_any_size(gold: str) -> None:
    for message in (f"The answer is {gold}.", f"Take {gold} from your answer.", "9" * 500):
        find_leak("math", gold, "What is it?", [("assistant", "9" * 390)], message)


@given(spelled(), st.sampled_from((*FRAMES, *MORE_FRAMES)), st.integers(-9, 99))
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_in_another_spelling(
    pair: tuple[str, str], frame: str, number: int
) -> None:
    gold, other = pair
    history = [("assistant", f"Is it {number}?")]
    message = ("math", gold, f"What is {number} more than it?", history, frame.replace("{}", other))
    first = find_leak(*message)
    with pytest.MonkeyPatch.context() as monkeypatch:
        whole_look(monkeypatch)
        assert find_leak(*message) == first
