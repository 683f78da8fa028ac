"""Messages as language models write them when they teach, labelled before the rules met them.

`teachers.jsonl`: 269 messages in two lots, 148 of which state the answer. At first sight the rules
had precision .979 and recall .912 on the first, .977 and .935 on the second; what that showed has
been mended since, so all of it is a regression test now.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tutelage.leaks import find_leak

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("teachers.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("leaks", [True, False])
def test_messages_of_teachers(leaks: bool) -> None:
    rows = [row for row in ROWS if row["leak"] is leaks]
    assert len(rows) >= 75
    wrong = [
        row["message"]
        for row in rows
        if bool(
            find_leak(
                "math",
                row["gold"],
                row["statement"],
                [("assistant", row["student"])],
                row["message"],
            ).kind
        )
        is not leaks
    ]
    assert wrong == []


def test_a_hint_may_spell_out_the_last_expression_or_not() -> None:
    asked = ("math", "37", "What is left of 52 after 15 are gone?", [], "Work out 52 - 15.")
    assert find_leak(*asked).kind == ""
    assert find_leak(*asked, expression="block").kind == "expression"
    harmless = ("math", "37", "What is left of 52 after 15 are gone?", [], "Work out 52 + 15.")
    assert find_leak(*harmless, expression="block").kind == ""
