"""Rows and the schema that they must fit."""

import json
import math
from dataclasses import replace

import pyarrow as pa
import pytest

from builders import finished
from tutelage import contract
from tutelage.records import Rules
from tutelage.resources import folder

STAMP = contract.Stamp("run", {"student": "m"}, {"student": "x"})


def test_a_row_fits_the_schema_and_survives_arrow():
    row = contract.row(finished(["6", "5"]), STAMP)
    assert not list(contract.faults(row)) and contract.fits(row)
    table = pa.Table.from_pylist([row], schema=contract.arrow_schema())
    back = table.to_pylist()[0]
    assert back["messages"] == row["messages"]
    assert back["outcome"] == row["outcome"]
    assert [t["token_ids"] for t in back["trail"]] == [t["token_ids"] for t in row["trail"]]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_log_probabilities_that_are_no_numbers_are_not_given(odd):
    done = finished(["6", "5"])
    attempt = next(m for m in done.messages if m.speaker == "student")
    hurt = replace(attempt, logprobs=(-0.5, odd))
    messages = tuple(hurt if m is attempt else m for m in done.messages)
    before, after = (
        contract.row(d, STAMP)["trail"] for d in (done, replace(done, messages=messages))
    )
    changed = [(a["logprobs"], b["logprobs"]) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [(list(attempt.logprobs), [])]


def test_messages_are_openai_roles_and_the_trail_runs_beside_them():
    row = contract.row(finished(["6", "5"]), STAMP)
    assert [m["role"] for m in row["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert all(m.keys() == {"role", "content"} for m in row["messages"])
    assert [t["act"] for t in row["trail"]] == [
        "system",
        "problem",
        "attempt",
        "feedback",
        "attempt",
    ]
    assert row["outcome"]["solved_turn"] == 2 and row["outcome"]["return"] == 0.7
    assert row["usage"]["student"] == {"prompt": 20, "cached": 8, "completion": 4}


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("all_student", [False, False, True, False, True, False, True]),
        ("after_feedback", [False, False, False, False, True, False, True]),
        ("final_only", [False, False, False, False, False, False, True]),
        ("questions_and_final", [False, False, False, False, False, False, True]),
    ],
)
def test_loss_policies(policy, wanted):
    done = finished(["6", "7", "5"])
    assert contract.train_mask(done.messages, policy) == wanted
    assert set(contract.LOSS_POLICIES) >= {policy}


@pytest.mark.parametrize(("turn", "value"), [(1, 1.0), (2, 0.7), (3, 0.49), (4, 0.343), (None, 0)])
def test_the_return_is_discounted_by_turn(turn, value):
    assert contract.discounted(turn) == pytest.approx(value)


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (lambda row: row.pop("seed"), ".seed is missing"),
        (lambda row: row.update(extra=1), ".extra is unknown"),
        (lambda row: row.update(arm=None), ".arm is null"),
        (lambda row: row["trail"][0].pop("form"), ".trail[0].form is missing"),
        (lambda row: row["messages"][1].update(name="x"), ".messages[1].name is unknown"),
    ],
)
def test_a_row_that_pyarrow_would_quietly_mend_is_a_fault(break_it, fault):
    row = json.loads(json.dumps(contract.row(finished(["5"]), STAMP)))
    break_it(row)
    assert list(contract.faults(row)) == [fault]
    assert not contract.fits(row)


def test_rejects_have_the_columns_of_dialogues():
    row = contract.reject(
        "unreadable", "f.jsonl:3: no JSON", run_id="r", row_id="x", source="f.jsonl"
    )
    assert not list(contract.faults(row))
    assert row["outcome"] == {
        "status": "failed",
        "solved_turn": None,
        "turns": 0,
        "return": 0.0,
        "reason": "unreadable: f.jsonl:3: no JSON",
    }


def test_every_schema_is_json_schema_with_a_description_of_what_it_is():
    for path in folder("schemas").glob("*.json"):
        schema = json.loads(path.read_text("utf-8"))
        assert schema["$id"] == path.stem
        assert schema["description"]


def test_nothing_is_called_by_a_null_only_type():
    for field in contract.arrow_schema():
        assert field.type != pa.null()
    nullable = {field.name for field in contract.arrow_schema() if field.nullable}
    assert nullable == {"duplicate_of"}


def test_single_turn_rows_say_so():
    assert (
        contract.row(finished(["6"], rules=Rules(arm="single", turns=1)), STAMP)["arm"] == "single"
    )
