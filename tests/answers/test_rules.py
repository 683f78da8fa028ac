"""Every row of every table of rules has the labelled case that needs it: without it the case fails.

`rules.jsonl` holds one case a row: a text, and what is right of it.
"""

import json
from pathlib import Path

import pytest

from tutelage.answers import choices, prose, sentences
from tutelage.answers.final import final_answer
from tutelage.answers.gold import answer_of
from tutelage.answers.stance import stance
from tutelage.answers.tables import TABLES, words

STANCES = words(
    """named named_after denied denied_after numbered counted directed operand resulting out
    closed"""
)
PROSE = {"refuses", "retracts", "label", "applies", "changes", "not_counted"}


def outcome(table: str, text: str) -> str:
    """The stance of the 5 in it, its doubt, its number, its letter, or whether the table knows it."""
    if table in STANCES:
        at = text.index("5")
        return stance.__wrapped__(text, at, at + 1).name
    if table in ("takes_back", "reconsiders", "hedges", "earlier"):
        doubt = sentences.doubt(text)
        return doubt[0] if doubt else ""
    if table in PROSE:
        final = prose.number_of(text, False, answer_of("5", "What is it?"))
        return str(final and ([said for said, _ in final.readings], final.reason))
    if table == "phrase":
        return str([clause for clause, _ in sentences.clauses(text)])
    if table == "copula":
        readings = final_answer(text, answer_of("Paris", "Which city?")).readings
        return str("Paris" in [said for said, _ in readings])
    if table == "chooses":
        return str(choices.chosen(text))
    return str(bool(TABLES[table].search(text)))


CASES = [
    json.loads(line) for line in Path(__file__).with_name("rules.jsonl").read_text().splitlines()
]


def test_every_row_has_its_case() -> None:
    rows = {(name, row) for name, table in TABLES.items() for row in table.rows}
    assert rows == {(case["table"], case["row"]) for case in CASES}


@pytest.mark.parametrize("name", sorted({case["table"] for case in CASES}))
def test_without_a_row_its_case_fails(name: str) -> None:
    for case in (case for case in CASES if case["table"] == name):
        assert outcome(name, case["text"]) == case["outcome"], case
        with TABLES[name].without(case["row"]):
            assert outcome(name, case["text"]) != case["outcome"], case
